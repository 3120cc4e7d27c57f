/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_DEPARTURES_H
#define TIMEBALL_SERVER_RESPONDER_DEPARTURES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/responder/handler.h"
#include "server/responder/latency.h"

/*
 * When answers really leave. The kernel stamps those that ask for it, and says so on the socket's
 * error queue. That costs 1 us, so it is asked for one answer in DEPARTURES_EVERY, and at least one
 * a second, to learn the latency that transmit timestamps are corrected by; and for clients in
 * interleaved mode, who are told.
 */
#define DEPARTURES_EVERY   1024
#define DEPARTURES_FIRST   16 /* until there are enough for a median */
#define DEPARTURES_WAITING 64
#define DEPARTURES_DEAF    16 /* so many that were asked in vain: the kernel does not stamp here */

/* Read by any thread, relaxed. */
struct departures_tally {
    _Atomic uint64_t measured; /* answers whose latency was */
    _Atomic int64_t first;     /* the latency of a batch's first answer, ns */
};

/* An answer that is waited for. */
struct departure {
    uint8_t mark[24]; /* its three timestamps, which no two answers share */
    size_t size;      /* octets of the answer; 0: none is waited for */
    int64_t looked;   /* reading of the clock that its transmit timestamp is from, ns */
    uint32_t generation;
    unsigned place; /* in its batch */
    bool kept;      /* in the handler's table of interleaved answers, under `client` */
    bool sample;    /* the latency is learnt from it */
    union address client;
};

/*
 * A measurement. To be stamped takes time, most of it before the stamp, and more than usual because
 * it is rare: that is seen in how much longer a batch of one took than the next one, and taken off.
 */
struct departure_sample {
    enum { SAMPLE_NONE, SAMPLE_ASKED, SAMPLE_SENT, SAMPLE_STAMPED } state;
    unsigned place, answers; /* in the batch, of the batch */
    int64_t took;            /* ns from the reading of the clock until all of the batch was sent */
    int64_t left;            /* ... until the answer left */
};

/* Batches of one answer, and of more, are sampled each for themselves. */
struct departures {
    struct latency latency;
    struct latency_median excess; /* ns */
    struct departure_sample sample;
    struct {
        unsigned since;  /* answers since the last sample */
        int64_t sampled; /* reading when it was taken, ns */
        bool odd;        /* turns with each */
    } turn[2];
    struct departure waiting[DEPARTURES_WAITING];
    unsigned next, count; /* slot to use next; how many wait */
    unsigned vain;        /* asked since the last stamp */
};

/* Which place in a batch of `count` datagrams to measure, -1: none. Once a batch. */
int departures_sample(struct departures *d, int count, int64_t now);

/*
 * Waits for the answer `bytes`, at `place` of the batch that the handler has just looked for.
 * `sample`: to learn from it. `client`: it is kept for that client; else NULL.
 */
void departures_expect(struct departures *d, const uint8_t *bytes, size_t size, unsigned place,
                       bool sample, const struct handler *h, const union address *client);

/* Whether departures_sent() wants to know about a batch of so many answers. */
static inline bool departures_curious(const struct departures *d, unsigned answers)
{
    return d->sample.state == SAMPLE_ASKED ||
           (d->sample.state == SAMPLE_STAMPED && (answers == 1 || d->sample.answers > 1));
}

/* A batch is sent, `took` ns after the reading of the clock. Before its error queue is read. */
void departures_sent(struct departures *d, unsigned answers, int64_t took,
                     struct departures_tally *t);

/* Reads what the socket's error queue holds. */
void departures_read(struct departures *d, int fd, struct handler *h);

#endif
