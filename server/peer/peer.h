/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_PEER_PEER_H
#define TIMEBALL_SERVER_PEER_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/loop.h"
#include "refclock/path.h"
#include "refclock/rng.h"
#include "server/peer/clock_filter.h"
#include "server/ntp/exchange.h"
#include "server/ntp/keys.h"
#include "server/net/net.h"

/*
 * One network server that is asked for the time: when it is asked, what it answered, whether it can
 * be reached (RFC 5905 sections 9, 13). What it measures goes to whoever listens; nothing here
 * touches a clock.
 */
#define PEER_POLL_LEAST (-2) /* log2 s */
#define PEER_POLL_MOST  17

struct peer_config {
    int minpoll, maxpoll; /* log2 s */
    int version;          /* 1..4 */
    bool iburst;          /* 8 requests 2 s apart while it is not reachable */
    bool burst;           /* 8 requests at each poll */
    bool xleave;
    uint32_t key; /* number of the key that both sign with; 0: none */
};

struct peer;

struct peer_listener {
    /* An exchange; `error` (s): standard error of its offset by its delay (path.h). */
    void (*sample)(void *arg, struct peer *, const struct exchange_sample *, double error);
    /* It does not want to be asked: DENY or RSTR. It was stopped. */
    void (*denied)(void *arg, struct peer *);
    /* It has not answered for eight polls, or eight more. Another address may be better; until then
     * it is asked less and less often. */
    void (*silent)(void *arg, struct peer *);
    /* Its answers are not signed as they must be: EXCHANGE_UNSIGNED, _KEY or _NAK. Once, until they
     * are. */
    void (*unsure)(void *arg, struct peer *, enum exchange_verdict how);
};

struct peer_stamps {
    enum net_witness sent, came;
};

struct peer {
    struct peer_config config;
    const struct peer_listener *listener;
    void *arg;
    struct net *net;
    struct loop *loop;
    struct rng *rng;
    union address address;
    struct exchange exchange;
    struct path path;
    struct clock_filter filter; /* filled by the listener, who knows our time */
    struct net_query *query;    /* NULL: none */
    struct loop_timer timer;
    int64_t pivot; /* ns POSIX, true time to 68 years, as of local time `pivot_local` */
    int64_t pivot_local;
    const uint32_t *own; /* reference identifiers of our own addresses */
    size_t own_count;
    const struct keys *keys; /* borrowed; NULL: none */
    bool unsure;             /* the last answer was not signed as it must be */
    double precision;        /* s, of our stamps */
    bool calm;               /* others lead: it may be asked seldom */
    int poll;                /* log2 s, now */
    int least;               /* ... after RATE */
    int round_left;          /* requests of this round */
    int good_row, bad_row;   /* rounds */
    uint64_t rounds;
    uint8_t reach;
    bool denied;
    struct exchange_sample last;      /* the newest, if `measured` */
    double last_error;                /* s, standard error of its offset */
    struct peer_stamps last_by;       /* who stamped it */
    struct peer_stamps by, before_by; /* the same of the exchange under way, and the one before */
    enum exchange_verdict useless;    /* of the newest answer to us; MEASURED: it was of use */
    bool measured;
    int64_t heard;    /* local time of the last answer that was measured, ns */
    char kiss[5];     /* the last one, "" none */
    struct err error; /* of the network, why "" none */
    uint64_t sent, verdict[EXCHANGE_VERDICTS], failed;
};

/* `listener`, `net`, `loop` and `rng` are borrowed. Nothing is sent before peer_start(). */
void peer_init(struct peer *p, const struct peer_config *config, struct net *net, struct loop *loop,
               struct rng *rng, const struct peer_listener *listener, void *arg);

/* Begins to ask the server at `to` (with its port); what was known of another address is forgotten.
 */
void peer_start(struct peer *p, const union address *to);

/* Asks no more. */
void peer_stop(struct peer *p);

/* Other keys (borrowed; NULL: none) from now on. An answer under way may be signed with either, and
 * is not waited for. */
void peer_keys(struct peer *p, const struct keys *keys);

/* Others lead the clock (or do not any more): it is asked up to `maxpoll` seldom, or as often as
 * `minpoll` allows, from now on. */
void peer_calm(struct peer *p, bool calm);

/* What became of the last sample: see path_judge(). */
void peer_judged(struct peer *p, double innovation, double sigma, double error);

#endif
