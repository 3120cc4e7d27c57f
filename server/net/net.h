/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NET_NET_H
#define TIMEBALL_SERVER_NET_NET_H

#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "refclock/loop.h"
#include "server/net/net_card.h"
#include "server/net/own_addresses.h"

/*
 * How requests reach network servers, as a seam: UDP sockets, or a simulated network. Each request
 * has a socket of its own, with a port that the kernel chooses at random (RFC 9109), connected, so
 * that only the server that was asked can answer.
 */
struct net;

/* A request under way; what its network keeps of it follows. */
struct net_query {
    struct net *net;
};

/* Who saw a datagram leave or come, the worst first. */
enum net_witness {
    NET_DAEMON,   /* this program, whenever it got to run */
    NET_KERNEL,   /* the kernel's network stack */
    NET_HARDWARE, /* the network card, by a clock of its own that was carried to ours */
};

/* What becomes of a request; called from the loop, with the asker's `arg`. Times are on the local
 * scale (clock.h), ns. */
struct net_events {
    void (*left)(void *arg, int64_t local,
                 enum net_witness); /* maybe twice: the better one counts */
    void (*answer)(void *arg, const uint8_t *bytes, size_t size, int64_t local, enum net_witness);
    void (*failed)(void *arg, const struct err *); /* nobody listens there, no route */
};

struct net_ops {
    int (*ask)(struct net *, const union address *to, const uint8_t *bytes, size_t size,
               const struct net_events *, void *arg, struct net_query **out, struct err *);
    void (*end)(struct net_query *);
    void (*own)(struct net *, struct own_addresses *); /* our addresses in this network */
    int64_t (*wait)(struct net *, const union address *to, int64_t wait); /* NULL: as wished */
};
struct net {
    const struct net_ops *ops;
};

/*
 * Sends a request; its answers come through `events` until net_end(). 0, or -1 with *err and
 * nothing to end.
 */
static inline int net_ask(struct net *n, const union address *to, const uint8_t *bytes, size_t size,
                          const struct net_events *events, void *arg, struct net_query **out,
                          struct err *err)
{
    return n->ops->ask(n, to, bytes, size, events, arg, out, err);
}

/* No answer is wanted any more; allowed in the events too. */
static inline void net_end(struct net_query *q)
{
    q->net->ops->end(q);
}

/* Our own addresses, so that we never take ourselves for a server. */
static inline void net_own(struct net *n, struct own_addresses *own)
{
    n->ops->own(n, own);
}

/*
 * How long to wait (ns) until the next request to `to`, where `wait` is wished: the same, but in a
 * network that was recorded, where it is known when the request went.
 */
static inline int64_t net_wait(struct net *n, const union address *to, int64_t wait)
{
    return n->ops->wait ? n->ops->wait(n, to, wait) : wait;
}

/* The machine's network, with the stamps of the network card or the kernel of requests and answers
 * where they give them. The loop is borrowed. */
struct net_udp {
    struct net net;
    struct loop *loop;
    struct net_cards cards;
};
void net_udp_init(struct net_udp *n, struct loop *loop);
/* After the last net_end(). */
void net_udp_close(struct net_udp *n);

#endif
