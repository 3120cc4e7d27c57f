/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/persist.h"

#include <math.h>
#include <string.h>

#define FADE      0.99  /* a step: memory of some two hours */
#define UNKNOWN_S 300.0 /* before anything was seen */
#define LEAST_S   60.0
#define MOST_S    1e6
#define LEAST_RHO 0.02 /* of a correlation; noise makes smaller ones, and negative ones */
#define FEWEST    12

enum { NEAR = PERSIST_STEPS / 4 }; /* the shorter lag, in steps */

void persist_pulse(struct persist *p, double d, int64_t seconds)
{
    p->wait += seconds;
    if (p->wait < PERSIST_STEP)
        return;
    if (p->wait > 2 * PERSIST_STEP)
        p->filled = 0;
    p->wait = 0;
    memmove(p->past + 1, p->past, sizeof p->past - sizeof *p->past);
    p->past[0] = d;
    if (p->filled <= PERSIST_STEPS) {
        p->filled++;
        return;
    }
    p->square = FADE * p->square + d * d;
    p->near = FADE * p->near + d * p->past[NEAR];
    p->far = FADE * p->far + d * p->past[PERSIST_STEPS];
    p->weight = FADE * p->weight + 1;
}

static double time_of(double product, double square, double lag)
{
    double rho = fmax(LEAST_RHO, fmin(product / square, 1 - 1e-9));
    return -lag / log(rho);
}

double persist_time(const struct persist *p)
{
    if (p->weight < FEWEST || !(p->square > 0))
        return UNKNOWN_S;
    double near = time_of(p->near, p->square, NEAR * PERSIST_STEP);
    double far = time_of(p->far, p->square, PERSIST_STEPS * PERSIST_STEP);
    return fmax(LEAST_S, fmin(MOST_S, fmin(near, far)));
}
