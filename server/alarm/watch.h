/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ALARM_WATCH_H
#define TIMEBALL_SERVER_ALARM_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/err.h"
#include "server/alarm/hook.h"

struct alarm_options {
    const char *program; /* the hook, or NULL */
    const char *socket;  /* timeballd's status socket */
    const char *journal; /* the journal's socket; NULL: lines on stdout */
    const char *told;    /* the file of what was told (told.h), or NULL */
    int64_t limit;       /* s, then the hook is killed */
    int64_t patience;    /* s without an answer after which timeballd is gone */
    bool test;           /* one test event, and the end */
};

/*
 * Watches the status socket and tells of events, until SIGTERM or SIGINT; that timeballd is not
 * there is an event, not an error. 0, or -1 with *err; for a test also when the hook failed.
 */
int alarm_watch(const struct alarm_options *options, struct err *err);

#endif
