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

static void judge(struct witness *w)
{
    double z[WITNESS_KEEPS];
    memcpy(z, w->z, sizeof z);
    w->median = median(z, w->count);
    for (int i = 0; i < w->count; i++)
        z[i] = fabs(w->z[i] - w->median);
    w->spread = NORMAL * median(z, w->count);
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
}

bool witness_speaks(const struct witness *w, int64_t now)
{
    return w->count >= WITNESS_LEAST && !is_stale(w, now);
}
