/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_BOUND_H
#define TIMEBALL_REFCLOCK_BOUND_H

#include <stdint.h>

/*
 * The promise. `stat` is what the filter knows: sigma is its standard error, `count` the samples it
 * rests on (few: the size of the noise itself is uncertain), `doubt` what outliers that agree say
 * against it. All s.
 */
double bound_stat(double sigma, uint64_t count, double doubt);

/* What one receiver cannot show, added to `stat`: constant errors that no amount of averaging
 * finds. All s. */
struct bound_parts {
    double latency;  /* uncertainty of the pulse's latency, or half the span of the stated message
                        delay */
    double receiver; /* accuracy that the receiver claims for its pulse */
    double sawtooth; /* granularity of the pulse that is not corrected */
    double
        numbering; /* 0 with a numbered pulse; half a second where the second itself is in doubt */
};

/* The whole bound, s, never below 1 ns. */
double bound_total(double stat, const struct bound_parts *parts);

#endif
