/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/record/net.h"

#include <errno.h>
#include <stdlib.h>

#include "server/ntp/wire.h"

struct record_query {
    struct net_query query;
    struct record_net *net;
    struct net_query *below;
    const struct net_events *events;
    void *arg;
    union address address;
    int64_t left; /* local, ns */
};

static void on_left(void *arg, int64_t local, enum net_witness by)
{
    struct record_query *q = arg;
    q->left = local;
    q->events->left(q->arg, local, by);
}

/* It may be ended by its asker in this call. */
static void on_answer(void *arg, const uint8_t *bytes, size_t size, int64_t local,
                      enum net_witness by)
{
    struct record_query *q = arg;
    q->net->before(q->net->arg);
    record_packet(q->net->recording, local, q->left, &q->address, bytes, size);
    q->events->answer(q->arg, bytes, size, local, by);
}

static void on_failed(void *arg, const struct err *err)
{
    struct record_query *q = arg;
    q->events->failed(q->arg, err);
}

static int record_ask(struct net *net, const union address *to, const uint8_t *bytes, size_t size,
                      const struct net_events *events, void *arg, struct net_query **out,
                      struct err *err)
{
    static const struct net_events ours = {
        .left = on_left, .answer = on_answer, .failed = on_failed};
    struct record_net *n = (struct record_net *)net;
    struct record_query *q = record_wanted(n->recording) ? malloc(sizeof *q) : NULL;
    if (!q)
        return net_ask(n->below, to, bytes, size, events, arg, out, err);
    *q = (struct record_query){
        .query = {.net = net}, .net = n, .events = events, .arg = arg, .address = *to};
    q->left = clock_local(n->loop->clock, clock_now(n->loop->clock));
    int64_t asked = q->left;
    if (net_ask(n->below, to, bytes, size, &ours, q, &q->below, err)) {
        free(q);
        return -1;
    }
    struct ntp_packet request = {0};
    if (size >= WIRE_SIZE)
        wire_decode(bytes, &request);
    n->before(n->arg);
    record_request(n->recording, asked, to, request.transmit);
    *out = &q->query;
    return 0;
}

static void record_end(struct net_query *query)
{
    struct record_query *q = (struct record_query *)query;
    net_end(q->below);
    free(q);
}

static void record_own(struct net *net, struct own_addresses *own)
{
    net_own(((struct record_net *)net)->below, own);
}

static int64_t record_wait(struct net *net, const union address *to, int64_t wait)
{
    return net_wait(((struct record_net *)net)->below, to, wait);
}

void record_net_init(struct record_net *n, struct net *below, struct recording *recording,
                     struct loop *loop, void (*before)(void *arg), void *arg)
{
    static const struct net_ops ops = {
        .ask = record_ask, .end = record_end, .own = record_own, .wait = record_wait};
    *n = (struct record_net){.net = {.ops = &ops},
                             .below = below,
                             .recording = recording,
                             .loop = loop,
                             .before = before,
                             .arg = arg};
}
