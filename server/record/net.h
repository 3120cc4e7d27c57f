/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RECORD_NET_H
#define TIMEBALL_SERVER_RECORD_NET_H

#include <stdint.h>

#include "server/net/net.h"
#include "server/record/record.h"

/* A network whose requests and answers go into a recording, while somebody wants one. */
struct record_net {
    struct net net; /* for those who ask */
    struct net *below;
    struct recording *recording;
    struct loop *loop;
    void (*before)(void *arg); /* called before each line, for what has to stand before it */
    void *arg;
};

/* All pointers are borrowed. Requests that were asked before a recording began are not in it. */
void record_net_init(struct record_net *n, struct net *below, struct recording *recording,
                     struct loop *loop, void (*before)(void *arg), void *arg);

#endif
