/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_LOGFILE_H
#define TIMEBALL_SERVER_DAEMON_LOGFILE_H

#include <stdbool.h>

#include "refclock/err.h"
#include "refclock/log.h"

/* Where a daemon's log lines go. */
struct logfile {
    struct log log;
    int fd;       /* -1: syslog or nowhere */
    bool journal; /* it is the journal's: a line begins with its priority (sd-daemon(3)) */
};

/*
 * `where`: "" nowhere, "stderr", "syslog", or the path of a file that is appended to. 0, or -1.
 * Standard error is the journal's where JOURNAL_STREAM names it (systemd.exec(5)).
 */
int logfile_open(struct logfile *l, const char *where, enum log_level max, struct err *err);

/* The lines from `max` on, from now on; a file is opened again, for it may have been moved away. 0,
 * or -1 with *err, and the lines go where they went. */
int logfile_again(struct logfile *l, const char *where, enum log_level max, struct err *err);

/* Closes what logfile_open() opened; lines are dropped from then on. */
void logfile_close(struct logfile *l);

#endif
