/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/receiver/epoch_gate.h"

#include <stdlib.h>

#include "refclock/civil.h"

#define STEP_MAX_S INT64_C(1000000000) /* more is no step of time, and could overflow below */

void epoch_gate_init(struct epoch_gate *g)
{
    *g = (struct epoch_gate){0};
}

static bool goes_on(const struct nmea_epoch *a, const struct nmea_epoch *b)
{
    int64_t seconds = b->second - a->second;
    if (llabs(seconds) > STEP_MAX_S)
        return false;
    int64_t step = seconds * NS_PER_S + b->nsec - a->nsec;
    return llabs(step - (b->local - a->local)) <= EPOCH_GATE_SLIP_NS;
}

bool epoch_gate_take(struct epoch_gate *g, const struct nmea_epoch *e)
{
    if (e->verdict == NMEA_NO_WORD)
        return false;
    if (e->verdict != NMEA_VOUCHED) {
        g->agreed = 0;
        return false;
    }
    bool agrees = g->agreed > 0 && goes_on(&g->last, e);
    g->agreed = !agrees ? 1 : g->agreed < EPOCH_GATE_COUNT ? g->agreed + 1 : g->agreed;
    g->last = *e;
    return g->agreed >= EPOCH_GATE_COUNT;
}
