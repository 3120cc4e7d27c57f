/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ACCESS_RATELIMIT_H
#define TIMEBALL_SERVER_ACCESS_RATELIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "server/net/address.h"
#include "server/siphash.h"

/*
 * How often an address may ask, and who has asked. Counted are IPv4 addresses, IPv6 networks of 64
 * bits, and those of 48 bits, which may ask RATELIMIT_SITE times as often. Each is a leaky bucket
 * (in the form of the generic cell rate algorithm, ITU-T I.371): `burst` requests at once, and one
 * each `average` seconds in the long run; what is refused costs nothing.
 *
 * A table has a fixed size and belongs to one thread. Its places are found by a keyed hash, four
 * for each value of it; where all are taken, the client goes that has the least to be remembered:
 * whose bucket has been empty for the longest time. So neither can an attacker choose whose place
 * he takes, nor get rid of his own record as long as he asks too often.
 */
struct ratelimit_config {
    double average;  /* s between requests in the long run, 1/256..4096 */
    int64_t burst;   /* requests that may come at once, 1..255 */
    double minimum;  /* s between two requests, to the nearest second as in ntpd; 0: any */
    int64_t kod;     /* s between two kisses of death to one client, 1..250; twice as many when
                        64 of its requests were dropped, and again at each fourfold number */
    int64_t leak;    /* one in so many requests over the limit is answered all the same; 0: none */
    int64_t clients; /* that a table remembers */
    bool late;       /* memory is taken as clients come, else all of it at once, and never grows */
};

#define RATELIMIT_AVERAGE 1.0
#define RATELIMIT_BURST   20
#define RATELIMIT_MINIMUM 0.0
#define RATELIMIT_KOD     8
#define RATELIMIT_LEAK    4
#define RATELIMIT_CLIENTS 65536

#define RATELIMIT_DEFAULTS                                                            \
    {                                                                                 \
        .average = RATELIMIT_AVERAGE, .burst = RATELIMIT_BURST, .kod = RATELIMIT_KOD, \
        .leak = RATELIMIT_LEAK, .clients = RATELIMIT_CLIENTS                          \
    }

#define RATELIMIT_SITE  16                 /* /64 networks' worth of requests for a /48 */
#define RATELIMIT_ENTRY 32                 /* octets of memory a client */
#define RATELIMIT_MOST  (64 * 1024 * 1024) /* clients */

struct ratelimit;

/*
 * Makes a table of at least config->clients places. Values out of their range are taken back into
 * it, and so is an average of which a burst takes more than 65535 s. `key` is secret: random
 * octets. Returns 0, or -1 with *err: no memory.
 */
int ratelimit_open(struct ratelimit **out, const struct ratelimit_config *config,
                   const uint8_t key[16], struct err *err);

/* NULL is allowed. */
void ratelimit_free(struct ratelimit *r);

/* Memory of the table, octets. */
size_t ratelimit_size(const struct ratelimit *r);

/* ---- for the thread that the table belongs to ---- */

/* Says what the clock reads, ns; at least once a batch. Buckets empty by its advance; a clock that
 * is set back stands still for them. */
void ratelimit_now(struct ratelimit *r, int64_t reading);

/* Where a client stands in the table. count 0: it has not been looked for. */
struct ratelimit_place {
    uint64_t key[2];
    uint32_t bucket[2];
    unsigned count;
};

/* Finds the place and begins to fetch it into the cache: for a whole batch, before the first
 * ratelimit_take(). `from` is IPv4 or IPv6. */
void ratelimit_place(const struct ratelimit *r, const union address *from,
                     struct ratelimit_place *place);

struct ratelimit_request {
    const struct ratelimit_place *place;
    uint16_t port;         /* source port */
    uint8_t mode, version; /* of the packet */
    bool limited;          /* false: is counted, passes, and costs its network nothing */
    bool kod;              /* may be told */
};

enum ratelimit_verdict {
    RATELIMIT_PASS,
    RATELIMIT_LEAKED, /* over the limit, and by chance to be answered all the same */
    RATELIMIT_KISS,   /* over the limit, and to be told */
    RATELIMIT_OVER,   /* over the limit: no answer */
};

/* Counts a request and decides. */
enum ratelimit_verdict ratelimit_take(struct ratelimit *r, const struct ratelimit_request *request);

/* ---- for any thread, while the owner goes on ---- */

struct ratelimit_client {
    union address address;   /* IPv6: of the network; with the port that it asked from last */
    unsigned prefix;         /* bits of the address that count: 32, 64, 48 */
    int64_t first, last;     /* clock readings of its requests, ns; last to 1/256 s, first to 1 s */
    uint64_t count, dropped; /* requests, and those that were not answered with the time */
    uint8_t mode, version;   /* of the last request */
    bool limited, kod;       /* the last request was over the limit; it was answered with RATE */
};

enum ratelimit_order {
    RATELIMIT_NEWEST,  /* by their last request; without /48 networks */
    RATELIMIT_BUSIEST, /* by the number of requests, /48 networks too */
};

/*
 * Adds the table's first clients in that order to a list that is sorted so already, of `count` and
 * with room for `most`; so the clients of several tables become one list. Returns its new length. A
 * client may be slightly out of date, and is never a mixture of two. At most RATELIMIT_SCAN places
 * are looked at: in a larger table a part of it, the next time the next one.
 */
size_t ratelimit_list(struct ratelimit *r, enum ratelimit_order order,
                      struct ratelimit_client *list, size_t count, size_t most);
#define RATELIMIT_SCAN 262144

#endif
