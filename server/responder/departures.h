/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_DEPARTURES_H
#define TIMEBALL_SERVER_RESPONDER_DEPARTURES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/responder/cards.h"
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
#define DEPARTURES_DEAF    16 /* so many that were asked in vain: there are no stamps here */
#define DEPARTURES_ENOUGH  8  /* stamps of a card until its latency is known */

/* Read by any thread, relaxed. */
struct departures_tally {
    _Atomic uint64_t measured; /* answers whose latency was */
    _Atomic int64_t first;     /* the latency of an answer alone, or a batch's first, ns */
};

/* An answer, as it is sent. */
struct departures_answer {
    const uint8_t *bytes;
    size_t size;
    unsigned place, answers;     /* in the batch that the handler has just looked for, of it */
    bool sample;                 /* the latency is learnt from it */
    const union address *client; /* it is kept for that client; NULL: it is not */
    int card;                    /* its place, of the one whose stamp is wanted too; -1: none */
    bool by_card;                /* the request's receive timestamp is the card's */
};

/* An answer that is waited for. */
struct departure {
    uint8_t mark[24]; /* its three timestamps, which no two answers share */
    size_t size;      /* octets of the answer; 0: none is waited for */
    bool stamped;     /* by the kernel; the card's stamp is to come */
    bool by_card;     /* the client is told the card's stamp, else the kernel's */
    int card;         /* -1: none */
    int64_t looked;   /* reading of the clock that its transmit timestamp is from, ns */
    uint32_t generation;
    unsigned place, answers; /* in its batch, of its batch */
    bool kept;               /* in the handler's table of interleaved answers, under `client` */
    bool sample;             /* the latency is learnt from it */
    union address client;
};

/*
 * A measurement. To be stamped takes time, most of it before the stamp, and more than usual because
 * it is rare: that is seen in how much longer a batch of one took than the next one, and taken off.
 */
struct departure_sample {
    enum { SAMPLE_NONE, SAMPLE_ASKED, SAMPLE_SENT, SAMPLE_STAMPED } state;
    unsigned place, answers; /* in the batch, of the batch */
    int64_t begun;           /* reading of the clock before the answers were sent, ns */
    int64_t took;            /* ns from the reading of the clock until all of the batch was sent */
    int64_t left;            /* ... until the answer left */
};

/*
 * The same by a card's stamps. Requests at that card get its receive stamp only where its transmit
 * stamps are there as well: with one of each kind, what a datagram takes between card and kernel
 * would be in one of the client's two ways alone.
 */
struct departures_card {
    unsigned interface; /* what is known is of the card there */
    struct latency latency;
    unsigned vain; /* asked since its last stamp */
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
    struct departures_card card[CARDS];
    struct departure waiting[DEPARTURES_WAITING];
    unsigned next, count; /* slot to use next; how many wait */
    unsigned vain;        /* asked since the last stamp */
};

/* Which place in a batch of `count` datagrams to measure, -1: none. Once a batch. */
int departures_sample(struct departures *d, int count, int64_t now);

/* The card at `place` is that at the interface: what is known of another is forgotten. */
static inline void departures_meet(struct departures *d, int place, unsigned interface)
{
    if (d->card[place].interface != interface)
        d->card[place] = (struct departures_card){.interface = interface};
}

/* By whose latency to expect an answer to leave: the card's, NULL where it is not known. */
static inline const struct latency *departures_by_card(const struct departures *d, int place)
{
    const struct departures_card *c = &d->card[place];
    bool known = c->latency.alone.count + c->latency.first.count >= DEPARTURES_ENOUGH;
    return known && c->vain < DEPARTURES_DEAF ? &c->latency : NULL;
}

/* Whether to ask the card at `place` for a stamp: seldom where it gave none. */
static inline bool departures_ask_card(const struct departures *d, int place)
{
    return d->card[place].vain < DEPARTURES_DEAF || d->card[place].vain % DEPARTURES_DEAF == 0;
}

/* Waits for that answer. */
void departures_expect(struct departures *d, const struct departures_answer *a,
                       const struct handler *h);

/* Whether departures_sent() wants to know about a batch of so many answers. */
static inline bool departures_curious(const struct departures *d, unsigned answers)
{
    return d->sample.state == SAMPLE_ASKED ||
           (d->sample.state == SAMPLE_STAMPED && (answers == 1 || d->sample.answers > 1));
}

/* A batch is sent, `took` ns after the reading of the clock. Before its error queue is read. */
void departures_sent(struct departures *d, unsigned answers, int64_t took,
                     struct departures_tally *t);

/* Reads what the socket's error queue holds; cards' stamps are carried by `cards`, NULL: none are.
 */
void departures_read(struct departures *d, int fd, struct handler *h,
                     const struct cards_latch *cards);

#endif
