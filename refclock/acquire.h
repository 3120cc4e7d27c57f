/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_ACQUIRE_H
#define TIMEBALL_REFCLOCK_ACQUIRE_H

#include <stdbool.h>

#include "refclock/kalman.h"

/*
 * The first state of the filter, from few pulses of which some may be far off: a line through the
 * median of all pairwise slopes (Theil 1950, Sen 1968), which up to 29 % of outliers do not move,
 * says which pulses to believe and how noisy they are.
 */
#define ACQUIRE_PULSES 24

struct acquire {
    int count;
    double t[ACQUIRE_PULSES]; /* s since the first */
    double z[ACQUIRE_PULSES]; /* free-running phase, s */
    bool inlier[ACQUIRE_PULSES];
};

/* Adds a pulse. Not after ACQUIRE_PULSES of them. */
void acquire_add(struct acquire *a, double t, double z);

/* What is known before the first pulse. */
struct acquire_prior {
    double r, weight;        /* variance of a pulse, s^2, and for how many pulses it counts */
    double freq, freq_error; /* and its standard error; 0: not known */
};

/* Judges the pulses so far. *r: variance of one, s^2, drawn towards what is known. */
void acquire_judge(struct acquire *a, const struct acquire_prior *prior, double *r);

/* Runs a fresh filter over the believed pulses, up to the time of the last one. */
void acquire_filter(const struct acquire *a, struct kalman *k, const struct kalman_noise *q,
                    double r, const struct acquire_prior *prior);

#endif
