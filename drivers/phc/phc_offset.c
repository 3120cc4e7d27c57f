/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/phc/phc_offset.h"

#include <math.h>

#define BASE_MIN INT64_C(100000000)
#define BASE_MAX INT64_C(10000000000)
#define RATE_MAX 1e-3 /* no clock is so far off: one of them was stepped */

int phc_offset_best(const struct phc_reading *readings, size_t count, struct phc_offset *out)
{
    const struct phc_reading *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct phc_reading *r = &readings[i];
        if (r->after >= r->before && (!best || r->after - r->before < best->after - best->before))
            best = r;
    }
    if (!best)
        return -1;
    int64_t half = (best->after - best->before) / 2;
    *out = (struct phc_offset){
        .system = best->before + half,
        .phc = best->phc,
        .error = (double)(best->after - best->before) * 0.5e-9,
    };
    return 0;
}

/* ns of the system clock per ns of the PHC, less 1. */
static double rate(const struct phc_offset *at, const struct phc_offset *before)
{
    if (!before)
        return 0;
    int64_t system = at->system - before->system, phc = at->phc - before->phc;
    if (phc < BASE_MIN || phc > BASE_MAX)
        return 0;
    double r = (double)(system - phc) / (double)phc;
    return fabs(r) < RATE_MAX ? r : 0;
}

int64_t phc_offset_carry(const struct phc_offset *at, const struct phc_offset *before, int64_t phc)
{
    int64_t since = phc - at->phc;
    return at->system + since + llround((double)since * rate(at, before));
}
