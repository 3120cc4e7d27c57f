/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/allan.h"

#include <math.h>

#define MEMORY 128.0
#define FEWEST 4.0

/* A pulse may be missing exactly where a level wants one: the level then begins anew. */
static void level_pulse(struct allan_level *l, int64_t tau, int64_t second, double z)
{
    if (l->have && second - l->at < tau)
        return;
    if (l->have && second - l->at > tau)
        l->have = 0;
    if (l->have == 2) {
        double difference = z - 2 * l->phase[0] + l->phase[1];
        l->weight = fmin(l->weight + 1, MEMORY);
        l->square += (difference * difference - l->square) / l->weight;
    }
    l->phase[1] = l->phase[0];
    l->phase[0] = z;
    l->at = second;
    if (l->have < 2)
        l->have++;
}

void allan_pulse(struct allan *a, double z, int64_t seconds)
{
    a->second += seconds;
    for (int i = 0; i < ALLAN_LEVELS; i++)
        level_pulse(&a->level[i], INT64_C(1) << i, a->second, z);
}

double allan_deviation(const struct allan *a, int level)
{
    const struct allan_level *l = &a->level[level];
    return l->weight < FEWEST ? NAN : sqrt(l->square / 2) / allan_tau(level);
}
