/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/steering.h"

#include <math.h>
#include <string.h>

static double steered_until(const struct sim_steering *s, int64_t local)
{
    int i = 0;
    while (i < SIM_STEERINGS - 1 && local < s->part[i].since)
        i++;
    double freq = s->part[i].freq;
    return s->part[i].sum + freq / (1 + freq) * (double)(local - s->part[i].since);
}

void sim_steering_init(struct sim_steering *s, int64_t local)
{
    memset(s, 0, sizeof *s);
    for (int i = 0; i < SIM_STEERINGS; i++)
        s->part[i].since = local;
}

void sim_steering_set(struct sim_steering *s, int64_t local, double freq)
{
    double sum = steered_until(s, local);
    memmove(s->part + 1, s->part, sizeof *s->part * (SIM_STEERINGS - 1));
    s->part[0].since = local;
    s->part[0].freq = freq;
    s->part[0].sum = sum;
}

int64_t sim_steering_free(const struct sim_steering *s, int64_t local)
{
    return local - llrint(steered_until(s, local));
}
