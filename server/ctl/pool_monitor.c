/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/pool_monitor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/snapshot.h"
#include "server/ntp/exchange.h"

struct check {
    struct monitor *monitor;
    struct pool_target *target;
    struct net_query *query; /* NULL: none is under way */
    struct exchange exchange;
    uint8_t request[WIRE_SIZE];
    int64_t left; /* local scale */
    struct loop_timer timer;
};

struct monitor {
    struct loop *loop;
    struct net *net;
    struct rng rng;
    size_t left; /* checks that have not ended */
};

static enum pool_result result_of(const struct ntp_packet *p)
{
    if (p->stratum > 10)
        return POOL_STRATUM;
    if (p->stratum)
        return POOL_ANSWERED;
    if (p->refid == SNAPSHOT_REFID('R', 'A', 'T', 'E'))
        return POOL_RATE;
    if (p->refid == SNAPSHOT_REFID('D', 'E', 'N', 'Y') ||
        p->refid == SNAPSHOT_REFID('R', 'S', 'T', 'R'))
        return POOL_DENY;
    return POOL_STRATUM_0;
}

bool pool_monitor_judge(const uint8_t request[WIRE_SIZE], int64_t left, const uint8_t *bytes,
                        size_t size, int64_t arrived, struct pool_query *q)
{
    struct ntp_packet asked, p;
    if (size < WIRE_SIZE)
        return false;
    wire_decode(request, &asked);
    wire_decode(bytes, &p);
    if (p.mode != WIRE_MODE_SERVER || p.origin != asked.transmit || p.version != asked.version)
        return false;
    int64_t received = civil_from_ntp(p.receive, arrived);
    int64_t sent = civil_from_ntp(p.transmit, arrived);
    *q = (struct pool_query){
        .result = result_of(&p),
        .stratum = p.stratum,
        .offset = ((double)(received - left) + (double)(sent - arrived)) / 2e9,
        .trip = ((double)(arrived - left) - (double)(sent - received)) / 1e9,
        .unknown = p.leap == LEAP_UNKNOWN,
    };
    return true;
}

static void end_query(struct check *c)
{
    if (c->query)
        net_end(c->query);
    c->query = NULL;
}

static void end_check(struct check *c)
{
    end_query(c);
    loop_cancel(c->monitor->loop, &c->timer);
    if (!--c->monitor->left)
        loop_stop(c->monitor->loop);
}

static struct pool_query *present(const struct check *c)
{
    return &c->target->query[c->target->asked - 1];
}

static void ask(void *arg, int64_t now);
static void give_up(void *arg, int64_t now);

/* One query is done with: the next one, or the end. */
static void next(struct check *c)
{
    end_query(c);
    if (c->target->asked == POOL_QUERIES || pool_score_final(present(c))) {
        end_check(c);
        return;
    }
    c->timer.fire = ask;
    loop_after(c->monitor->loop, &c->timer, (int64_t)(POOL_QUERY_APART * NS_PER_S));
}

static void on_left(void *arg, int64_t local, enum net_witness who)
{
    struct check *c = arg;
    (void)who;
    c->left = local;
}

static void on_answer(void *arg, const uint8_t *bytes, size_t size, int64_t local,
                      enum net_witness who)
{
    struct check *c = arg;
    (void)who;
    if (pool_monitor_judge(c->request, c->left, bytes, size, local, present(c)))
        next(c);
}

/* The network says that nobody is there; a monitor only sees that no answer comes. */
static void on_failed(void *arg, const struct err *err)
{
    struct check *c = arg;
    snprintf(c->target->error, sizeof c->target->error, "%s", err->why);
}

static void give_up(void *arg, int64_t now)
{
    (void)now;
    next(arg);
}

static void ask(void *arg, int64_t now)
{
    static const struct net_events events = {on_left, on_answer, on_failed};
    struct check *c = arg;
    struct err err;
    c->target->query[c->target->asked++] = (struct pool_query){.result = POOL_SILENT};
    exchange_request(&c->exchange, &c->monitor->rng, 0, now, c->request);
    c->left = now;
    if (net_ask(c->monitor->net, &c->target->address, c->request, WIRE_SIZE, &events, c, &c->query,
                &err)) {
        c->query = NULL;
        snprintf(c->target->error, sizeof c->target->error, "%s", err.why);
    }
    c->timer.fire = give_up;
    loop_after(c->monitor->loop, &c->timer, (int64_t)(POOL_QUERY_PATIENCE * NS_PER_S));
}

int pool_monitor_run(struct loop *loop, struct net *net, struct pool_target *targets, size_t count)
{
    struct monitor m = {.loop = loop, .net = net, .rng = rng_from_kernel(), .left = count};
    struct check *checks = calloc(count ? count : 1, sizeof *checks);
    if (!checks)
        return -1;
    for (size_t i = 0; i < count; i++) {
        struct check *c = &checks[i];
        *c = (struct check){.monitor = &m, .target = &targets[i]};
        c->timer = (struct loop_timer){.name = "pool", .fire = ask, .arg = c};
        exchange_init(&c->exchange, WIRE_VERSION, false);
        targets[i].asked = 0;
        *targets[i].error = 0;
        loop_after(loop, &c->timer, 0);
    }
    int failed = count ? loop_run(loop) : 0;
    for (size_t i = 0; failed && i < count; i++) {
        end_query(&checks[i]);
        loop_cancel(loop, &checks[i].timer);
    }
    free(checks);
    return failed;
}
