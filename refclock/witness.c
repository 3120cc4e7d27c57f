/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/witness.h"

#include <math.h>
#include <string.h>

#define NORMAL 1.4826 /* median deviation to standard deviation, for gaussian noise */
#define GATE   4.5    /* as source.c has it */
#define MEMORY 256    /* measurements */

static void sort(double *z, int n)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j > 0 && z[j - 1] > z[j]; j--) {
            double t = z[j];
            z[j] = z[j - 1];
            z[j - 1] = t;
        }
}

static double median(double *z, int n)
{
    sort(z, n);
    return n & 1 ? z[n / 2] : (z[n / 2 - 1] + z[n / 2]) / 2;
}

static void spread_of(const double *all, int n, double *middle, double *spread)
{
    double z[WITNESS_KEEPS];
    memcpy(z, all, sizeof z);
    *middle = median(z, n);
    for (int i = 0; i < n; i++)
        z[i] = fabs(all[i] - *middle);
    *spread = NORMAL * median(z, n);
}

static void judge(struct witness *w)
{
    double own[WITNESS_KEEPS] = {0};
    for (int i = 0; i < w->count; i++)
        own[i] = w->z[i] - w->aside[i];
    spread_of(w->z, w->count, &w->median, &w->spread);
    spread_of(own, w->count, &w->own_median, &w->own_spread);
}

/* A median of nine follows what it is measured against, which takes a ninth of the square. */
static void learn(struct witness *w, double off)
{
    if (w->count < WITNESS_KEEPS)
        return;
    double usual = fmax(w->spread, sqrt(w->variance));
    if (fabs(off) > GATE * usual)
        return;
    w->judged++;
    double weight = 1 / fmin((double)w->judged, MEMORY);
    w->variance += weight * (off * off - w->variance);
}

static bool is_stale(const struct witness *w, int64_t local)
{
    return (double)(local - w->last) * 1e-9 > fmax(WITNESS_STALE, w->life);
}

void witness_note(struct witness *w, double z, int64_t local)
{
    if (!isfinite(z))
        return;
    if (w->count && is_stale(w, local))
        w->count = w->next = 0;
    learn(w, z - w->median);
    w->z[w->next] = z;
    w->aside[w->next] = 0;
    w->next = (w->next + 1) % WITNESS_KEEPS;
    if (w->count < WITNESS_KEEPS)
        w->count++;
    w->last = local;
    judge(w);
}

void witness_shift(struct witness *w, double by)
{
    for (int i = 0; i < w->count; i++)
        w->z[i] -= by;
    w->median -= by;
    w->own_median -= by;
}

void witness_aside(struct witness *w, double aside)
{
    if (!w->count)
        return;
    if (aside == 0)
        memset(w->aside, 0, sizeof w->aside);
    w->aside[(w->next + WITNESS_KEEPS - 1) % WITNESS_KEEPS] = aside;
    judge(w);
}

void witness_return(struct witness *w)
{
    for (int i = 0; i < w->count; i++)
        w->z[i] -= w->aside[i];
    memset(w->aside, 0, sizeof w->aside);
    if (w->count)
        judge(w);
}

bool witness_speaks(const struct witness *w, int64_t now)
{
    return w->count >= WITNESS_LEAST && !is_stale(w, now);
}
