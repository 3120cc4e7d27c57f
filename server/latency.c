/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/latency.h"

#include <string.h>

void latency_add(struct latency_median *m, int64_t ns)
{
    int32_t sorted[LATENCY_KEPT];
    m->value[m->count++ % LATENCY_KEPT] = (int32_t)ns;
    unsigned kept = m->count < LATENCY_KEPT ? m->count : LATENCY_KEPT;
    memcpy(sorted, m->value, sizeof sorted);
    for (unsigned i = 1; i < kept; i++)
        for (unsigned k = i; k > 0 && sorted[k] < sorted[k - 1]; k--) {
            int32_t swap = sorted[k];
            sorted[k] = sorted[k - 1];
            sorted[k - 1] = swap;
        }
    m->median = sorted[(kept - 1) / 2];
    m->low = sorted[(kept - 1) / 4];
}

void latency_learn(struct latency *l, unsigned place, int64_t ns)
{
    if (ns < 0 || ns > LATENCY_MAX_NS)
        return;
    if (!place)
        latency_add(&l->first, ns);
    else if (place >= LATENCY_FAR && l->first.count && ns >= l->first.median)
        latency_add(&l->each, (ns - l->first.median) / place);
}
