/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RECORD_H
#define TIMEBALL_SERVER_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "refclock/err.h"
#include "refclock/log.h"

/*
 * A recording of what drivers delivered, for timeball-sim --replay: a text file whose first line is
 * RECORD_HEAD, then a line an event, with numbers separated by one blank. LOCAL is on the local
 * scale (clock.h), ns.
 *
 *   E LOCAL UNCERTAINTY                                  a pulse; uncertainty of its latency, s
 *   L LOCAL SECOND NSEC LEAP60 LEAP DELAYMIN DELAYMAX    a message's time (struct timelabel); - for
 *                                                        a delay that nobody stated
 *   T LOCAL CELSIUS                                      the temperature sensor
 *   F LOCAL FREQ                                         the clock is steered by FREQ from then on
 *
 * Lines that begin with # are comments. Events stand in the order in which they were delivered, so
 * LOCAL may go back by a second or two.
 */
#define RECORD_HEAD "# timeball recording, version 1"
#define RECORD_MOST (64 * 1024 * 1024) /* bytes; then it ends */
#define RECORD_LINE 160                /* bytes of a line at most */

struct recording;

/*
 * Begins a recording in a new file. A recording that is there already becomes PATH.old; anything
 * else that is there is left alone. 0, or -1 with *err. `log` is borrowed, and hears of its end.
 */
int record_open(struct recording **out, const char *path, const struct log *log, struct err *err);

/* What is recorded; a NULL recording is allowed, and records nothing. */
void record_edge(struct recording *r, const struct edge *e);
void record_label(struct recording *r, const struct timelabel *l);
void record_temperature(struct recording *r, int64_t local, double celsius);
void record_freq(struct recording *r, int64_t local, double freq);

/* Writes out what has been kept back for long; to be called each second. */
void record_tick(struct recording *r, int64_t local);

/* Ends and frees it. NULL is allowed. */
void record_close(struct recording *r);

enum record_kind { RECORD_COMMENT, RECORD_EDGE, RECORD_LABEL, RECORD_TEMPERATURE, RECORD_FREQ };

struct record_event {
    enum record_kind kind;
    int64_t local;
    union {
        struct edge edge;
        struct timelabel label;
        double celsius;
        double freq;
    };
};

/* Reads one line, without its newline. 0, or -1 with *err when it is none of the above. */
int record_parse(const char *line, const char *thing, struct record_event *e, struct err *err);

#endif
