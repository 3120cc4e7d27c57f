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
 *   B LOCAL SOURCE HEX                                   bytes that a receiver sent, as they came;
 * the refclock line of the configuration, from 0
 *
 * N is kept for packets of the network.
 *
 * Lines that begin with # are comments. Events stand in the order in which they were delivered, so
 * LOCAL may go back by a second or two.
 */
#define RECORD_HEAD  "# timeball recording, version 1"
#define RECORD_MOST  (64 * 1024 * 1024) /* bytes; then it ends */
#define RECORD_LINE  560                /* bytes of a line at most */
#define RECORD_BYTES 240                /* of a receiver in a line */

struct recording;

/* Somebody else who gets each line, with its newline, as long as it listens. */
struct record_listener {
    void (*line)(void *arg, const char *text, size_t size);
    void *arg;
    struct record_listener *next; /* the recording's */
};

/*
 * Begins a recording in a new file, or in none when the path is "": for listeners alone. A
 * recording that is there already becomes PATH.old; anything else that is there is left alone. 0,
 * or -1 with *err. `log` is borrowed, and hears of its end.
 */
int record_open(struct recording **out, const char *path, const struct log *log, struct err *err);

/*
 * The listener gets the head, the steering in force, and from then on all that is recorded, until
 * record_unlisten(), which may be called in its line(). It is borrowed.
 */
void record_listen(struct recording *r, struct record_listener *l);
/* It gets no more. */
void record_unlisten(struct recording *r, struct record_listener *l);

/* What is recorded; a NULL recording is allowed, and records nothing. */
void record_edge(struct recording *r, const struct edge *e);
void record_label(struct recording *r, const struct timelabel *l);
void record_temperature(struct recording *r, int64_t local, double celsius);
void record_freq(struct recording *r, int64_t local, double freq);

/* For listeners alone: a file would be full within the day. */
void record_bytes(struct recording *r, int source, int64_t local, const void *bytes, size_t size);

/* Writes out what has been kept back for long; to be called each second. */
void record_tick(struct recording *r, int64_t local);

/* Ends and frees it. NULL is allowed. */
void record_close(struct recording *r);

enum record_kind {
    RECORD_COMMENT,
    RECORD_EDGE,
    RECORD_LABEL,
    RECORD_TEMPERATURE,
    RECORD_FREQ,
    RECORD_STREAM
};

struct record_event {
    enum record_kind kind;
    int64_t local;
    union {
        struct edge edge;
        struct timelabel label;
        double celsius;
        double freq;
        struct {
            int source;
            size_t size;
            uint8_t at[RECORD_BYTES];
        } bytes;
    };
};

/* Reads one line, without its newline. 0, or -1 with *err when it is none of the above. */
int record_parse(const char *line, const char *thing, struct record_event *e, struct err *err);

#endif
