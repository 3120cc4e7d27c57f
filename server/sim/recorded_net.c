/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/recorded_net.h"

#include <errno.h>
#include <string.h>

#include "server/ntp/wire.h"

#define APART_NS 1000000 /* requests to a server are further apart */
#define NEVER_NS (INT64_MAX / 4)

static int ask(struct net *net, const union address *to, const uint8_t *bytes, size_t size,
               const struct net_events *events, void *arg, struct net_query **out, struct err *err)
{
    struct sim_recorded_net *n = (struct sim_recorded_net *)net;
    int server = sim_survey_server(n->survey, to);
    if (server < 0 || n->query[server].events || size < WIRE_SIZE)
        return err_errno(err, "", "", "asking it", ENETUNREACH);
    struct sim_recorded_query *q = &n->query[server];
    q->query.net = net;
    q->events = events;
    q->arg = arg;
    q->origin = wire_timestamp(bytes + WIRE_TRANSMIT);
    *out = &q->query;
    return 0;
}

static void end(struct net_query *query)
{
    ((struct sim_recorded_query *)query)->events = NULL;
}

static void own(struct net *net, struct own_addresses *own)
{
    (void)net;
    own->count = 0;
}

/* Until the next request that was recorded. */
static int64_t wait_for(struct net *net, const union address *to, int64_t wished)
{
    struct sim_recorded_net *n = (struct sim_recorded_net *)net;
    const struct sim_survey *s = n->survey;
    int server = sim_survey_server(s, to);
    int64_t now = loop_now(n->loop);
    (void)wished;
    for (size_t *i = &n->next[server < 0 ? 0 : server]; server >= 0 && *i < s->asked_count; ++*i)
        if (s->asked[*i].server == server && s->asked[*i].at > now + APART_NS)
            return s->asked[*i].at - now;
    return NEVER_NS;
}

void sim_recorded_net_init(struct sim_recorded_net *n, struct loop *loop,
                           const struct sim_survey *survey)
{
    static const struct net_ops ops = {.ask = ask, .end = end, .own = own, .wait = wait_for};
    *n = (struct sim_recorded_net){.net = {.ops = &ops}, .loop = loop, .survey = survey};
}

void sim_recorded_net_request(struct sim_recorded_net *n, const union address *to, uint64_t origin)
{
    int server = sim_survey_server(n->survey, to);
    if (server >= 0)
        n->query[server].recorded = origin;
}

void sim_recorded_net_packet(struct sim_recorded_net *n, const union address *from, int64_t left,
                             const struct record_bytes *packet)
{
    uint8_t bytes[RECORD_BYTES];
    int server = sim_survey_server(n->survey, from);
    struct sim_recorded_query *q = server >= 0 ? &n->query[server] : NULL;
    if (!q || !q->events)
        return;
    memcpy(bytes, packet->at, packet->size);
    /* an interleaved answer repeats a packet, which is the same now */
    if (packet->size >= WIRE_SIZE && wire_timestamp(bytes + WIRE_ORIGIN) == q->recorded)
        wire_put_timestamp(bytes + WIRE_ORIGIN, q->origin);
    /* cppcheck-suppress nullPointerRedundantCheck ; left() may have ended it, below */
    q->events->left(q->arg, left, NET_KERNEL);
    if (q->events)
        q->events->answer(q->arg, bytes, packet->size, loop_now(n->loop), NET_KERNEL);
}
