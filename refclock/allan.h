/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_ALLAN_H
#define TIMEBALL_REFCLOCK_ALLAN_H

#include <stdint.h>

/*
 * Allan deviation (IEEE Std 1139) of the free-running clock as the pulses show it, at averaging
 * times of 1 s, 2 s, 4 s .. 4096 s, kept while running: at each level the last three phases that
 * far apart, and a mean of the squares of their second differences that fades over some hundred of
 * them. At short times it shows the pulses' noise, at long ones the oscillator.
 */
#define ALLAN_LEVELS 13

struct allan {
    int64_t second; /* s since the first pulse */
    struct allan_level {
        double phase[2]; /* the last phases, newest first */
        int64_t at;      /* when the newest was, s */
        int have;
        double square, weight;
    } level[ALLAN_LEVELS];
};

/* The free-running phase z (s) of a pulse that came `seconds` (>= 1) after the one before. */
void allan_pulse(struct allan *a, double z, int64_t seconds);

/* Averaging time of a level, s. */
static inline double allan_tau(int level)
{
    return (double)(INT64_C(1) << level);
}

/* Allan deviation at a level, dimensionless; NAN while there are fewer than four differences. */
double allan_deviation(const struct allan *a, int level);

#endif
