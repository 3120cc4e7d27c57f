/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_LEAP_LEAP_WATCH_H
#define TIMEBALL_SERVER_LEAP_LEAP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/leap.h"
#include "refclock/log.h"
#include "server/leap/leap_file.h"

/*
 * The lists of leap seconds at work: looked at each minute, put into the table of witnesses, and
 * complained of in the log when they are of no use, or soon will be.
 */
struct leap_watch {
    struct leap_file list, zone;
    int64_t next_look;  /* local, ns */
    int64_t next_worry; /* POSIX s: the next line about an expiry */
};

/* `path`: of leap-seconds.list; "": there is none. Reads the files. */
void leap_watch_open(struct leap_watch *w, const char *path, const struct log *log, int64_t now);

/* Another list: what the one before said is forgotten. */
void leap_watch_change(struct leap_watch *w, struct leap_table *t, const char *path);

/* The files are looked at in the next second. */
void leap_watch_soon(struct leap_watch *w);

/*
 * To be called each second. `now`: local, ns. `truth`: POSIX s, or 0 while the time is not known;
 * then nothing is said to the table.
 */
void leap_watch_tick(struct leap_watch *w, struct leap_table *t, int64_t now, int64_t truth,
                     const struct log *log);

#endif
