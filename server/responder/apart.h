/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_APART_H
#define TIMEBALL_SERVER_RESPONDER_APART_H

/* Octets that what two threads write lies apart: two cache lines, for some processors fetch them in
 * pairs. */
#define APART 128

#endif
