/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_POOL_MONITOR_H
#define TIMEBALL_SERVER_CTL_POOL_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/loop.h"
#include "refclock/rng.h"
#include "server/net/net.h"
#include "server/ctl/pool_score.h"
#include "server/ntp/wire.h"

/*
 * Asks servers as a monitor of the NTP Pool does: three requests, two seconds apart, three seconds
 * of patience for each answer.
 */
struct pool_target {
    union address address; /* with the port */
    /* filled: */
    struct pool_query query[POOL_QUERIES];
    int asked;       /* so many of them */
    char error[160]; /* why a request could not be sent, or what the network said; "" */
};

/*
 * Judges a datagram that came at `arrived` for a request that left at `left` (ns, readings of the
 * clock that offsets are told of). False: it is no answer to that request.
 */
bool pool_monitor_judge(const uint8_t request[WIRE_SIZE], int64_t left, const uint8_t *bytes,
                        size_t size, int64_t arrived, struct pool_query *q);

/* Asks all at the same time, and runs the loop until every check has ended (some 13 s at most).
 * Offsets are against the loop's clock. 0, or -1 when waiting failed. */
int pool_monitor_run(struct loop *loop, struct net *net, struct pool_target *targets, size_t count);

#endif
