/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/recorded_net.h"

#include <errno.h>
#include <string.h>

#include "server/wire.h"

#define ORIGIN   24      /* octet of the origin timestamp (RFC 5905 figure 8) ... */
#define TRANSMIT 40      /* ... and of the transmit timestamp */
#define APART_NS 1000000 /* requests to a server are further apart */
#define NEVER_NS (INT64_MAX / 4)

static uint64_t get64(const uint8_t *at)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | at[i];
    return v;
}

static void put64(uint8_t *at, uint64_t v)
{
    for (int i = 8; i-- > 0; v >>= 8)
        at[i] = (uint8_t)v;
}

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
    q->origin = get64(bytes + TRANSMIT);
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
    if (packet->size >= WIRE_SIZE && get64(bytes + ORIGIN) == q->recorded)
        put64(bytes + ORIGIN, q->origin);
    /* cppcheck-suppress nullPointerRedundantCheck ; left() may have ended it, below */
    q->events->left(q->arg, left, NET_KERNEL);
    if (q->events)
        q->events->answer(q->arg, bytes, packet->size, loop_now(n->loop), NET_KERNEL);
}
