/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RIGHTS_SANDBOX_H
#define TIMEBALL_SERVER_RIGHTS_SANDBOX_H

#include "refclock/err.h"

/*
 * The system calls that the daemon may make from now on (seccomp(2), through libseccomp): those of
 * one table. A call that is not in it is answered with ENOSYS, as if the kernel were older, so that
 * a new C library finds another way; one that only an intruder makes (a program is run, another
 * process is traced, something is mounted) ends the process.
 */
enum sandbox {
    SANDBOX_OFF,
    SANDBOX_ON,
    SANDBOX_STRICT, /* every call that is not in the table ends the process: for tests */
};

/*
 * Loads the filter for this thread, all others and those to come; it cannot be taken off. 0, or -1
 * with *err (a kernel without seccomp).
 */
int sandbox_enter(enum sandbox how, struct err *err);

#endif
