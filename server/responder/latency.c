/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/latency.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    int32_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return (x > y) - (x < y);
}

void latency_add(struct latency_median *m, int64_t ns)
{
    int32_t sorted[LATENCY_KEPT];
    unsigned kept = m->count < LATENCY_KEPT ? m->count + 1 : LATENCY_KEPT;
    m->value[m->count % LATENCY_KEPT] = (int32_t)ns;
    m->count = m->count + 1 < 2 * LATENCY_KEPT ? m->count + 1 : LATENCY_KEPT; /* never wraps */
    memcpy(sorted, m->value, sizeof sorted);
    qsort(sorted, kept, sizeof *sorted, compare);
    m->median = sorted[(kept - 1) / 2];
    m->low = sorted[(kept - 1) / 4];
}

void latency_learn(struct latency *l, unsigned place, unsigned answers, int64_t ns)
{
    if (ns < 0 || ns > LATENCY_MAX_NS)
        return;
    if (answers == 1)
        latency_add(&l->alone, ns);
    else if (!place)
        latency_add(&l->first, ns);
    else if (place >= LATENCY_FAR && l->first.count && ns >= l->first.median)
        latency_add(&l->each, (ns - l->first.median) / place);
}
