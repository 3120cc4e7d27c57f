/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/holdover.h"

#include <math.h>

#define MONTH_S (30 * 86400.0)

static double bound_after(const struct discipline *d, const struct bound_parts *parts,
                          int64_t local, double seconds)
{
    struct estimate e;
    discipline_estimate(d, local + llrint(seconds * 1e9), &e);
    return bound_total(e.stat, parts);
}

double holdover_passes(const struct discipline *d, const struct bound_parts *parts, int64_t local,
                       double limit)
{
    double low = 0, high = MONTH_S;
    if (bound_after(d, parts, local, low) > limit)
        return 0;
    if (bound_after(d, parts, local, high) <= limit)
        return INFINITY;
    /* the bound only grows: to a second, or to a thousandth of the time */
    while (high - low > fmax(0.5, low / 1000)) {
        double middle = (low + high) / 2;
        if (bound_after(d, parts, local, middle) > limit)
            high = middle;
        else
            low = middle;
    }
    return low;
}
