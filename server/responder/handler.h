/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_HANDLER_H
#define TIMEBALL_SERVER_RESPONDER_HANDLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/clock.h"
#include "refclock/snapshot.h"
#include "server/access/access.h"
#include "server/net/address.h"
#include "server/responder/interleave.h"
#include "server/access/ratelimit.h"
#include "server/ntp/reply.h"
#include "server/shared_table.h"
#include "server/ntpq/inbox.h"
#include "server/ntp/verdict.h"

/*
 * Datagram in, datagram out, without a socket: what a worker of the responder does with each
 * datagram, and what a simulated network calls in its place. One handler belongs to one thread.
 */

/* A datagram as it arrived. */
struct datagram {
    const uint8_t *bytes;
    size_t size;
    int64_t received;   /* reading of the clock, ns */
    unsigned address;   /* enum reply_address */
    union address from; /* source address and port; AF_UNSPEC: not known, a question of our own */
    struct ratelimit_place place; /* handler_prepare()'s */
    /* where the answer to a control request leaves from later; NULL: it gets none */
    const struct address_asked *asked;
    int fd; /* the socket that it came through */
};

/* Counted by one thread, read by any (relaxed). */
struct tally {
    _Atomic uint64_t verdict[VERDICT_COUNT];
    _Atomic uint64_t mode[8], version[8]; /* of all datagrams, by their first octet */
};

/* One more; for the one thread that owns the counter, hence without a locked instruction. */
static inline void tally_add(_Atomic uint64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

struct handler {
    struct snapshot_latch *latch;
    struct clock *clock;
    struct tally tally;
    struct shared_table *shared; /* keys; NULL: none */
    struct shared_reader reading;
    struct shared_table *access_table; /* NULL: everybody may do all */
    struct shared_reader access_reading;
    struct ratelimit *limit; /* NULL: nobody is limited */
    unsigned flakes;
    struct interleave *interleave; /* this thread's, borrowed; NULL: basic mode alone */
    struct ntpq_inbox *queries;    /* takes control requests; NULL: they get no answer */
    /* the present moment, from handler_look() */
    struct snapshot snapshot;
    uint32_t number; /* the snapshot's in the latch */
    const struct keys *keys;
    const struct access *access;
    int64_t now;   /* reading, ns */
    int64_t ahead; /* ns from `now` until the next answer is expected to leave, >= 0; set by whoever
                      sends it: their sum is the transmit stamp */
    /* of the last answer */
    bool kept;    /* it is in `interleave`: tell when it left */
    bool timely;  /* its transmit timestamp may be set anew: handler_restamp() */
    bool settled; /* `now` belongs to the snapshot's generation for certain */
    /* since when that generation has been seen here */
    bool seen;
    uint32_t generation;
    int64_t since; /* reading, ns */
};

/* The latch and the clock are borrowed. clock_now() must be safe to call in the handler's thread.
 */
void handler_init(struct handler *h, struct snapshot_latch *latch, struct clock *clock);

/* Signed requests are answered from now on, with the keys of that table; borrowed. Before the
 * handler's thread begins. */
void handler_share_keys(struct handler *h, struct shared_table *keys);

/* Who may ask for what, by the table that is shared there, and how often; both are borrowed, and
 * may be NULL. Before the handler's thread begins. */
void handler_share_access(struct handler *h, struct shared_table *access, struct ratelimit *limit);

/*
 * Reads snapshot, tables and clock; once for each batch of datagrams, after their receive stamps
 * were taken. Relies on the publisher's order: a step is announced by a snapshot "in transition"
 * before it is made, and the next snapshot has the new generation and a reference not before the
 * step.
 */
void handler_look(struct handler *h);

/*
 * For a later answer of the batch, or just before answers leave: reads the clock again. False,
 * with nothing changed, when the snapshot is not the newest any more, for then the reading may be
 * of another generation.
 */
bool handler_reread(struct handler *h);

/* Begins to fetch what is remembered of the sender: for all datagrams of a batch, before the first
 * answer. May be left out. */
void handler_prepare(const struct handler *h, struct datagram *d);

/* The batch is over: lets go of what handler_look() took. Until then old tables are kept. */
void handler_rest(struct handler *h);

/*
 * Judges one datagram, counts the verdict, and writes the answer to `out` (REPLY_SIZE octets).
 * Returns the answer's size, 0 for none. Asked first are its addresses (what comes from nowhere is
 * not remembered), then the rule of its source, then, for what asks for the time, the rate limit.
 *
 * A receive stamp carries no generation. It counts as of the present one when it is not in the
 * future, not more than 1 s old, and not older than this generation; else as unknown, and the
 * datagram gets no answer.
 */
size_t handler_answer(struct handler *h, const struct datagram *d, uint8_t out[REPLY_SIZE]);

/* Sets the transmit timestamp of a timely answer to `d` anew, to `now` + `ahead` as they are then.
 */
void handler_restamp(struct handler *h, const struct datagram *d, uint8_t *answer);

#endif
