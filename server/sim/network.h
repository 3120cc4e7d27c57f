/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_NETWORK_H
#define TIMEBALL_SERVER_SIM_NETWORK_H

#include <stdint.h>

#include "drivers/option.h"
#include "drivers/sim/receiver.h"
#include "refclock/rng.h"
#include "server/net/net.h"

/*
 * Simulated network servers at 192.0.2.1 and up, right but for what their configuration says,
 * behind paths with delay, queues, asymmetry and loss; in virtual or in real time.
 */
#define SIM_SERVERS       8
#define SIM_QUERIES       64
#define SIM_SERVER_PREFIX "192.0.2."

struct sim_server_config {
    double offset;     /* s: its time is so far ahead */
    int64_t stratum;   /* 0..16 */
    double dispersion; /* s, root dispersion that it says */
    double delay;      /* s, least time of the path each way */
    double jitter;     /* s, mean of the exponential wait each way */
    double asymmetry;  /* s: the way out is so much longer than the way back */
    double loss;       /* share of the exchanges that get lost */
    int kiss;          /* 0 none, 1 RATE, 2 DENY */
    int leap;          /* enum leap that it announces */
    struct sim_span silent[SIM_SPANS];
    struct sim_span lies[SIM_SPANS]; /* `by` s ahead, and `rate` more each second */
};

/* Option rows of the above, offsets into struct sim_server_config. */
extern const struct option_row sim_server_options[];

struct sim_network;
struct sim_query {
    struct net_query query;
    struct sim_network *network; /* NULL: free */
    const struct net_events *events;
    void *arg;
    struct loop_timer timer;
    uint8_t answer[48];
};

struct sim_network {
    struct net net; /* for daemons */
    struct sim_server_config server[SIM_SERVERS];
    int servers;
    struct loop *loop;
    int64_t (*truth)(void *arg);
    void *arg;
    int64_t start; /* truth, ns */
    struct rng rng;
    struct sim_query query[SIM_QUERIES];
};

/* The caller has filled `server` and `servers`; the loop is borrowed. */
void sim_network_start(struct sim_network *n, struct loop *loop, int64_t (*truth)(void *),
                       void *arg, uint64_t seed);

/* Forgets what is on its way; not before the daemon was closed. */
void sim_network_stop(struct sim_network *n);

#endif
