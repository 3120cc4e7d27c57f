/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/stability.h"

#include <math.h>
#include <stdlib.h>

double sim_stability_adev(const double *x, size_t n, size_t m)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; m > 0 && n > 2 * m && i < n - 2 * m; i++) {
        double second = x[i + 2 * m] - 2 * x[i + m] + x[i];
        if (isnan(second))
            continue;
        sum += second * second;
        count++;
    }
    return count ? sqrt(sum / (2.0 * (double)count)) / (double)m : NAN;
}

/* low[i] and high[i] are of the seconds i .. i + span: now of twice as many. Returns how many
 * windows are left. */
static size_t widen(double *low, double *high, size_t windows, size_t span)
{
    if (windows <= span)
        return 0;
    for (size_t i = 0; i < windows - span; i++) {
        low[i] = fmin(low[i], low[i + span]); /* fmin and fmax pass over NAN */
        high[i] = fmax(high[i], high[i + span]);
    }
    return windows - span;
}

int sim_stability_mtie(const double *x, size_t n, double *mtie, size_t octaves)
{
    double *low = malloc((n ? n : 1) * sizeof *low), *high = malloc((n ? n : 1) * sizeof *high);
    size_t windows = n, span = 1;
    if (!low || !high) {
        free(low);
        free(high);
        return -1;
    }
    for (size_t i = 0; i < n; i++)
        low[i] = high[i] = x[i];
    windows = widen(low, high, windows, 1); /* one second: two values */
    for (size_t k = 0; k < octaves; k++) {
        mtie[k] = NAN;
        for (size_t i = 0; i < windows; i++)
            mtie[k] = fmax(mtie[k], high[i] - low[i]);
        windows = widen(low, high, windows, span);
        span *= 2;
    }
    free(low);
    free(high);
    return 0;
}
