/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_DAEMON_ALARM_H
#define TIMEBALL_SERVER_DAEMON_DAEMON_ALARM_H

#include "server/daemon/daemon.h"

/* Once a second, with the fresh status: tells the world of what began and what ended. */
void daemon_alarm_tick(struct daemon *d, const struct status *s, int64_t now);

/* A test stands in the status from now on, for ALARM_TEST_S. */
void daemon_alarm_test(struct daemon *d);

#endif
