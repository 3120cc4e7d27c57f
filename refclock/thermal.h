/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_THERMAL_H
#define TIMEBALL_REFCLOCK_THERMAL_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/memory.h"

/*
 * How the oscillator's frequency follows a temperature sensor: by a coefficient for the temperature
 * and one for its rate of change, for a sensor lags behind the crystal, or leads it. While pulses
 * come, changes of frequency from block to block of a minute are held against changes of both
 * (least squares through the origin); differences, so that the oscillator's own wander does not
 * pass for temperature. Where the fit is beyond doubt it is used as feed-forward, with its
 * uncertainty; where it is not, or ceases to be, nothing is done, and that is said.
 */
#define THERMAL_BLOCK 64 /* s */
#define THERMAL_EDGE  16 /* s averaged at each end of a block */

/* Temperature (K) and its rate of change (K/s), smoothed alike. */
struct thermal_state {
    double kelvin, slope;
};

struct thermal {
    bool sensor;       /* a reading has come */
    double fast, slow; /* exponential means, Celsius */
    int64_t read_at;   /* local, ns */
    /* the block that is being filled */
    int64_t elapsed; /* s since its beginning */
    struct thermal_end {
        double pulses, time, phase; /* number, and sums of s and s */
    } head, tail;
    struct thermal_state sum;
    double readings;
    bool before; /* the block before is whole: */
    double freq; /* its frequency and mean temperature */
    struct thermal_state mean;
    struct memory_sums sums;
    double per_kelvin, per_slope;           /* the fit: 1/K and s/K */
    double var_kelvin, var_slope, var_both; /* its covariance */
    bool on;
    uint64_t turns;            /* how often it was switched on or off */
    struct thermal_state used; /* up to which the feed-forward has gone */
    struct thermal_state idle; /* at the last pulse */
    double idle_sum;           /* s, what the fit's error may have done to the phase since */
};

/* A reading of the sensor at local time `now` (ns). Returns the change of frequency to feed
 * forward. */
double thermal_read(struct thermal *t, double celsius, int64_t now);

/* Begins with the sums of an earlier run; the first reading then moves the frequency with it. */
void thermal_warm(struct thermal *t, const struct memory *m);

/* Adds what is worth keeping to *m. */
void thermal_memory(const struct thermal *t, struct memory *m);

/*
 * A pulse that was used: the free-running phase z (s) with no feed-forward in it, `seconds` after
 * the one before. Returns true when the feed-forward was switched on or off.
 */
bool thermal_pulse(struct thermal *t, double z, int64_t seconds);

/* What the coefficient's uncertainty may have done to the phase since the last pulse, s. */
double thermal_doubt(const struct thermal *t);

#endif
