/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_RECORDED_NET_H
#define TIMEBALL_SERVER_SIM_RECORDED_NET_H

#include <stdint.h>

#include "refclock/loop.h"
#include "server/net/net.h"
#include "server/sim/recording.h"

/*
 * The network of a recording: requests go when they went then, and are answered by the packets that
 * came then. Requests carry random timestamps, so what a packet repeats of its request is replaced
 * by what the request says now.
 */
struct sim_recorded_query {
    struct net_query query;
    const struct net_events *events; /* NULL: no request under way */
    void *arg;
    uint64_t origin, recorded; /* transmit timestamps, of the request now, and then */
};

struct sim_recorded_net {
    struct net net;
    struct loop *loop;
    const struct sim_survey *survey;
    size_t next[SIM_RECORDED_SERVERS]; /* index into survey->asked: what is before it has gone */
    struct sim_recorded_query query[SIM_RECORDED_SERVERS];
};

/* Both are borrowed. */
void sim_recorded_net_init(struct sim_recorded_net *n, struct loop *loop,
                           const struct sim_survey *survey);

/* The request that was recorded goes now. */
void sim_recorded_net_request(struct sim_recorded_net *n, const union address *to, uint64_t origin);

/* A packet comes, now, for the request that left at `left`, ns. */
void sim_recorded_net_packet(struct sim_recorded_net *n, const union address *from, int64_t left,
                             const struct record_bytes *packet);

#endif
