/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_BOUND_H
#define TIMEBALL_REFCLOCK_BOUND_H

#include <stdint.h>

/*
 * The promise. `stat` is what the filter knows, s: sigma is its standard error (s), `doubt` (s)
 * what outliers that agree say against it. `count` samples are what it rests on, and `gain` is the
 * share of an innovation that the filter takes over: count says how well the size of the noise is
 * known, and count x gain, the number of times that the filter has forgotten all it knew, how well
 * its kind is.
 */
double bound_stat(double sigma, uint64_t count, double gain, double doubt);

/*
 * What a crystal may do, s, in `blind` seconds without a measurement, when it was watched for
 * `seen` seconds: shortly after power-on it warms up, and noises that were found in a minute know
 * nothing of that.
 */
double bound_unseen(double seen, double blind);

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
