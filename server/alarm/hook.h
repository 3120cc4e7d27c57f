/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ALARM_HOOK_H
#define TIMEBALL_SERVER_ALARM_HOOK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "refclock/err.h"
#include "server/alarm/say.h"

#define ALARM_HOOK_LIMIT 60 /* s, the default of `limit` */

/* The program that is run at an event: one at a time, without a shell and without words. */
struct alarm_hook {
    const char *program; /* path; NULL: none */
    int64_t limit;       /* s, then it is killed with all that it started */
    pid_t child;         /* 0: none runs */
    int64_t until;       /* ns, when it is killed */
    bool killed;
};

/*
 * Starts it, in a session of its own, with PATH, LANG and the fields alone as its environment,
 * nothing to read, and our output. 0, or -1 with *err.
 */
int alarm_hook_start(struct alarm_hook *h, const struct alarm_field fields[ALARM_FIELDS],
                     int64_t now, struct err *err);

/* Kills it when its time is over. */
void alarm_hook_tick(struct alarm_hook *h, int64_t now);

/*
 * After SIGCHLD: 0: it ended well, or still runs (h->child tells); -1 with *err when it failed or
 * was killed.
 */
int alarm_hook_ended(struct alarm_hook *h, struct err *err);

/* Kills it, if it runs, with all that it started. */
void alarm_hook_stop(struct alarm_hook *h);

#endif
