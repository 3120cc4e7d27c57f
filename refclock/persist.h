/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_PERSIST_H
#define TIMEBALL_REFCLOCK_PERSIST_H

#include <stdint.h>

/*
 * How long does a drift last? A filter with a drift follows a room that warms up, but a room does
 * not warm up for ever: carried on unchanged, the drift of a minute would ruin the holdover of an
 * hour. Its autocorrelation at two lags, seen while locked, says after what time it is worth
 * nothing (first-order Gauss-Markov process).
 */
#define PERSIST_STEP  64 /* s */
#define PERSIST_STEPS 16 /* the longer lag, in steps; the shorter is a quarter of it */

struct persist {
    double past[PERSIST_STEPS + 1]; /* drifts, newest first */
    int filled;
    int64_t wait;             /* s since the newest */
    double square, near, far; /* fading sums of d*d, and of products at both lags */
    double weight;
};

/* The drift d (1/s) after a pulse that came `seconds` after the one before. A long gap starts anew.
 */
void persist_pulse(struct persist *p, double d, int64_t seconds);

/* Time constant of the drift's decay, s. */
double persist_time(const struct persist *p);

#endif
