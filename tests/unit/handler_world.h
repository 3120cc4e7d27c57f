/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_HANDLER_WORLD_H
#define TIMEBALL_TESTS_HANDLER_WORLD_H

/* A handler of requests and what it looks at: the snapshot of a locked clock, and the time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refclock/civil.h"
#include "server/ntp/reply.h"
#include "server/responder/handler.h"

#define START (INT64_C(1795521600) * NS_PER_S)

/* A clock that shows what it is told; it can publish while it is being read. */
struct told_clock {
    struct clock clock;
    int64_t shows;
    struct snapshot_latch *latch;
    const struct snapshot *publish;
};

static inline int64_t told_now(struct clock *c)
{
    struct told_clock *t = (struct told_clock *)c;
    if (t->publish)
        snapshot_publish(t->latch, t->publish);
    t->publish = NULL;
    return t->shows;
}

static const struct clock_ops told_ops = {.name = "told", .now = told_now};

struct world {
    struct snapshot_latch latch;
    struct told_clock clock;
    struct handler handler;
    struct snapshot snapshot;
    uint8_t out[REPLY_SIZE];
};

static inline void begin(struct world *w)
{
    *w = (struct world){.clock = {.clock.ops = &told_ops, .shows = START}};
    snapshot_latch_init(&w->latch);
    w->clock.latch = &w->latch;
    w->snapshot = (struct snapshot){
        .reference = START - NS_PER_S / 4,
        .total = 1e-5,
        .refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
        .reftime = START - NS_PER_S / 4,
        .stratum = 1,
        .precision = -20,
        .locked_once = true,
    };
    snapshot_publish(&w->latch, &w->snapshot);
    handler_init(&w->handler, &w->latch, &w->clock.clock);
}

static inline uint64_t counted(const struct world *w, enum verdict v)
{
    return atomic_load(&w->handler.tally.verdict[v]);
}

#endif
