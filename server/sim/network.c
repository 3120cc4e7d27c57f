/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/network.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "refclock/civil.h"
#include "refclock/snapshot.h"
#include "server/ntp/wire.h"

#define AT(field) .offset = offsetof(struct sim_server_config, field)
#define FIRST     UINT32_C(0xc0000201) /* 192.0.2.1 */
#define PROCESS_S 20e-6                /* s, from request to answer in the server */
#define SYNC_S    16                   /* s, since the server's own source was heard */

static const char *const kisses[] = {"none", "RATE", "DENY", NULL};
static const char *const leaps[] = {"none", "insert", "delete", "unknown", NULL};

const struct option_row sim_server_options[] = {
    {.word = "offset",
     .type = OPTION_SECONDS,
     AT(offset),
     .min = -4e9,
     .max = 4e9,
     .unit = "s",
     .initial = "0",
     .help = "a server's time less true time"},
    {.word = "stratum",
     .type = OPTION_INT,
     AT(stratum),
     .min = 0,
     .max = 16,
     .unit = "",
     .initial = "1",
     .help = "its stratum"},
    {.word = "dispersion",
     .type = OPTION_SECONDS,
     AT(dispersion),
     .min = 0,
     .max = 16,
     .unit = "s",
     .initial = "1e-4",
     .help = "the root dispersion that it says"},
    {.word = "delay",
     .type = OPTION_SECONDS,
     AT(delay),
     .min = 0,
     .max = 2,
     .unit = "s",
     .initial = "0.01",
     .help = "least time of the path, each way"},
    {.word = "jitter",
     .type = OPTION_SECONDS,
     AT(jitter),
     .min = 0,
     .max = 2,
     .unit = "s",
     .initial = "0.001",
     .help = "mean of the exponential wait on top, each way"},
    {.word = "asymmetry",
     .type = OPTION_SECONDS,
     AT(asymmetry),
     .min = 0,
     .max = 2,
     .unit = "s",
     .initial = "0",
     .help = "the way out is so much longer than the way back"},
    {.word = "loss",
     .type = OPTION_SECONDS,
     AT(loss),
     .min = 0,
     .max = 1,
     .unit = "",
     .initial = "0",
     .help = "share of the exchanges that get lost"},
    {.word = "kiss",
     .type = OPTION_CHOICE,
     AT(kiss),
     .choices = kisses,
     .unit = "",
     .initial = "none",
     .help = "it answers with this kiss of death"},
    {.word = "leap",
     .type = OPTION_CHOICE,
     AT(leap),
     .choices = leaps,
     .unit = "",
     .initial = "none",
     .help = "the leap second that it announces"},
    {.word = NULL},
};

static bool within(const struct sim_span *spans, double t, const struct sim_span **found)
{
    for (int i = 0; i < SIM_SPANS && spans[i].to > 0; i++)
        if (t >= spans[i].from && t < spans[i].to) {
            *found = &spans[i];
            return true;
        }
    return false;
}

static double lie(const struct sim_server_config *c, double t)
{
    const struct sim_span *span;
    return c->offset + (within(c->lies, t, &span) ? span->by + span->rate * (t - span->from) : 0);
}

static int64_t shifted(int64_t instant, double by)
{
    double whole = trunc(by);
    return instant + (int64_t)whole * NS_PER_S + llrint((by - whole) * 1e9);
}

static void make_answer(const struct sim_network *n, int index, const struct ntp_packet *q,
                        int64_t reached, struct ntp_packet *p)
{
    static const uint32_t kiss_codes[] = {0, SNAPSHOT_REFID('R', 'A', 'T', 'E'),
                                          SNAPSHOT_REFID('D', 'E', 'N', 'Y')};
    const struct sim_server_config *c = &n->server[index];
    double by = lie(c, (double)(reached - n->start) * 1e-9);
    *p = (struct ntp_packet){
        .version = q->version,
        .mode = WIRE_MODE_SERVER,
        .stratum = c->kiss ? 0 : (uint8_t)c->stratum,
        .leap = c->kiss ? LEAP_UNKNOWN : (uint8_t)c->leap,
        .poll = q->poll,
        .precision = -20,
        .root_dispersion = civil_to_ntp_short(c->dispersion),
        .refid = c->kiss           ? kiss_codes[c->kiss]
                 : c->stratum == 1 ? SNAPSHOT_REFID('G', 'P', 'S', 0)
                                   : UINT32_C(0xc6336401),
        .reftime = civil_to_ntp(shifted(reached - SYNC_S * NS_PER_S, by)),
        .origin = q->transmit,
        .receive = civil_to_ntp(shifted(reached, by)),
        .transmit = civil_to_ntp(shifted(reached, by + PROCESS_S)),
    };
}

static struct sim_query *unused(struct sim_network *n)
{
    for (int i = 0; i < SIM_QUERIES; i++)
        if (!n->query[i].network)
            return &n->query[i];
    return NULL;
}

static void arrive(void *arg, int64_t now)
{
    struct sim_query *q = arg;
    q->events->answer(q->arg, q->answer, sizeof q->answer, now, NET_KERNEL);
}

static int sim_ask(struct net *net, const union address *to, const uint8_t *bytes, size_t size,
                   const struct net_events *events, void *arg, struct net_query **out,
                   struct err *err)
{
    struct sim_network *n = (struct sim_network *)net;
    struct sim_query *q = unused(n);
    if (!q || size < WIRE_SIZE)
        return err_errno(err, "simulated network", "", "asking", ENOBUFS);
    *q = (struct sim_query){.query = {.net = net}, .network = n, .events = events, .arg = arg};
    q->timer = (struct loop_timer){.name = "answer", .fire = arrive, .arg = q, .due = INT64_MAX};
    *out = &q->query;
    uint32_t host = to->any.sa_family == AF_INET ? ntohl(to->v4.sin_addr.s_addr) : 0;
    uint32_t index = host - FIRST;
    const struct sim_span *span;
    int64_t now = n->truth(n->arg);
    if (index >= (uint32_t)n->servers)
        return 0;
    const struct sim_server_config *c = &n->server[index];
    double there = c->delay + c->asymmetry + rng_exponential(&n->rng, c->jitter);
    double back = c->delay + rng_exponential(&n->rng, c->jitter);
    bool lost = rng_uniform(&n->rng) < c->loss;
    if (lost || within(c->silent, (double)(now - n->start) * 1e-9, &span))
        return 0;
    struct ntp_packet request, answer;
    wire_decode(bytes, &request);
    make_answer(n, (int)index, &request, shifted(now, there), &answer);
    wire_encode(&answer, q->answer);
    loop_after(n->loop, &q->timer, llrint((there + PROCESS_S + back) * 1e9));
    return 0;
}

static void sim_end(struct net_query *query)
{
    struct sim_query *q = (struct sim_query *)query;
    loop_cancel(q->network->loop, &q->timer);
    q->network = NULL;
}

static void sim_own(struct net *net, struct own_addresses *own)
{
    (void)net;
    own->count = 0;
}

void sim_network_start(struct sim_network *n, struct loop *loop, int64_t (*truth)(void *),
                       void *arg, uint64_t seed)
{
    static const struct net_ops ops = {.ask = sim_ask, .end = sim_end, .own = sim_own};
    n->net.ops = &ops;
    n->loop = loop;
    n->truth = truth;
    n->arg = arg;
    n->start = truth(arg);
    n->rng = rng_seeded(seed, 77);
    for (int i = 0; i < SIM_QUERIES; i++)
        n->query[i].network = NULL;
}

void sim_network_stop(struct sim_network *n)
{
    for (int i = 0; i < SIM_QUERIES; i++)
        if (n->query[i].network)
            sim_end(&n->query[i].query);
}
