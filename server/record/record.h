/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RECORD_RECORD_H
#define TIMEBALL_SERVER_RECORD_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "refclock/err.h"
#include "refclock/log.h"
#include "refclock/sample.h"
#include "server/net/address.h"

/*
 * A recording of what the daemon heard, for timeball-sim --replay: a text file whose first line is
 * RECORD_HEAD, then a line an event, with words separated by one blank. LOCAL is on the local scale
 * (clock.h), ns. SOURCE is the refclock line of the configuration, from 0.
 *
 *   C LOCAL DIRECTIVE ...                  a line of the configuration: the refclock lines in their
 *                                          order, and network servers by their addresses
 *   P LOCAL SECOND                         receivers' dates are taken within 512 weeks of it, POSIX
 *   E LOCAL UNCERTAINTY SOURCE             a pulse; uncertainty of its latency, s
 *   L LOCAL SECOND NSEC LEAP60 LEAP DELAYMIN DELAYMAX SOURCE
 *                                          a message's time (struct timelabel); - for a delay that
 *                                          nobody stated
 *   S LOCAL TRUTH ERROR UNCERTAINTY LEAP SOURCE
 *                                          a sample whose second was known (struct sample)
 *   T LOCAL CELSIUS                        the temperature sensor
 *   F LOCAL FREQ                           the clock is steered by FREQ from then on
 *   B LOCAL SOURCE HEX                     bytes that a receiver sent, as they came
 *   Q LOCAL ADDRESS PORT ORIGIN            a request to a network server, with its transmit
 *                                          timestamp
 *   N LOCAL LEFT ADDRESS PORT HEX          a packet that came from there, and when the last request
 *                                          had left
 *
 * Lines that begin with # are comments. Events stand in the order in which they were delivered, so
 * LOCAL may go back by a second or two. Version 1 had E, L, T, F and B only, E and L without
 * SOURCE.
 */
#define RECORD_HEAD    "# timeball recording, version 2"
#define RECORD_HEAD_1  "# timeball recording, version 1"
#define RECORD_MOST    (64 * 1024 * 1024) /* bytes; then it ends */
#define RECORD_LINE    1060               /* bytes of a line at most */
#define RECORD_TEXT    1024               /* of a line of the configuration */
#define RECORD_BYTES   240                /* of a receiver or a packet in a line */
#define RECORD_SOURCES 16

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
 * The listener gets the head, what record_config() and record_pivot() were told, the steering in
 * force, and from then on all that is recorded, until record_unlisten(), which may be called in its
 * line(). It is borrowed.
 */
void record_listen(struct recording *r, struct record_listener *l);
/* It gets no more. */
void record_unlisten(struct recording *r, struct record_listener *l);

/* Whether anybody wants to know: a file or a listener. NULL is allowed, here and below. */
bool record_wanted(const struct recording *r);

/* What is recorded; a NULL recording records nothing. */
void record_edge(struct recording *r, int source, const struct edge *e);
void record_label(struct recording *r, int source, const struct timelabel *l);
void record_sample(struct recording *r, int source, const struct sample *s);
void record_temperature(struct recording *r, int64_t local, double celsius);
void record_freq(struct recording *r, int64_t local, double freq);
void record_pivot(struct recording *r, int64_t local, int64_t second);

/* A line of the configuration, without its newline; one that was recorded already is left out. */
void record_config(struct recording *r, int64_t local, const char *line);

/* For listeners alone: a file would be full within the day. */
void record_bytes(struct recording *r, int source, int64_t local, const void *bytes, size_t size);

/* A request with its transmit timestamp (RFC 5905 section 6), and what came back: of a long packet
 * the first RECORD_BYTES. */
void record_request(struct recording *r, int64_t local, const union address *to, uint64_t origin);
void record_packet(struct recording *r, int64_t local, int64_t left, const union address *from,
                   const void *bytes, size_t size);

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
    RECORD_STREAM,
    RECORD_SAMPLE,
    RECORD_CONFIG,
    RECORD_PIVOT,
    RECORD_REQUEST,
    RECORD_PACKET,
    RECORD_KINDS
};

struct record_event {
    enum record_kind kind;
    int64_t local;
    int source; /* of an edge, a label, a sample, bytes */
    union {
        struct edge edge;
        struct timelabel label;
        struct sample sample;
        double celsius;
        double freq;
        int64_t pivot; /* POSIX s */
        char config[RECORD_TEXT + 1];
        struct record_bytes {
            size_t size;
            uint8_t at[RECORD_BYTES];
        } bytes; /* of a receiver */
        struct {
            union address address;
            int64_t left;            /* of a packet: local, ns */
            uint64_t origin;         /* of a request */
            struct record_bytes got; /* of a packet */
        } net;
    };
};

/* Reads one line, without its newline. 0, or -1 with *err when it is none of the above. */
int record_parse(const char *line, const char *thing, struct record_event *e, struct err *err);

#endif
