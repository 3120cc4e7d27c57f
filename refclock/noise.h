/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_NOISE_H
#define TIMEBALL_REFCLOCK_NOISE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/kalman.h"

/*
 * How noisy are pulses and oscillator? A bank of steady-state filters, each with the gains of one
 * assumption, runs beside the filter that steers; the one whose innovations are smallest is right
 * (for gaussian noise this is maximum likelihood). From its gains and innovation variance the
 * noises follow in closed form. docs/discipline.md derives it.
 *
 * All on the free-running phase, a value a second.
 */
#define NOISE_SPEEDS  23
#define NOISE_SHAPES  9
#define NOISE_MEMBERS (NOISE_SPEEDS * NOISE_SHAPES)

struct noise_member {
    double k1, k2, k3;      /* steady-state gains */
    double x, y, d;         /* its own state */
    double v_long, v_short; /* mean square innovation, s^2 */
};

struct noise {
    struct noise_member member[NOISE_MEMBERS];
    uint64_t seen;             /* values since the last restart of the filters */
    uint64_t counted;          /* innovations in the means */
    struct kalman_noise ratio; /* of the oscillator to the pulses, for the steering filter */
    double r;                  /* variance of a pulse, s^2 */
    double k1, k2, k3;         /* the gains they came from */
    uint64_t turns;            /* how often the short memory overruled the long one */
    bool warm;                 /* begun with gains from an earlier run */
};

/* Nothing seen yet: a Raspberry Pi's pulses are assumed. */
void noise_init(struct noise *n);

/*
 * Takes the free-running phase z (s) of a pulse that passed the gate, `seconds` (>= 1) after the
 * one before. A gap of more than a minute restarts the bank's filters, not their means. `r`:
 * variance of a pulse as the caller knows it, s^2: while the bank has counted nothing, it is the
 * size that innovations are held against.
 */
void noise_update(struct noise *n, double z, int64_t seconds, double r);

/* Begins with what an earlier run found: a pulse's standard deviation (s) and the gains. */
void noise_warm(struct noise *n, double pulse, double k1, double k2, double k3);

/* Variance of a pulse (s^2) to assume before any was seen. */
double noise_prior(void);

/* The oscillator is another one from now on (its temperature is known): what the means say counts
 * little. */
void noise_refresh(struct noise *n);

/* White FM, random-walk FM (standard deviation that a second adds) and the pulses' standard
 * deviation, s. */
double noise_white_fm(const struct noise *n);
double noise_walk_fm(const struct noise *n);
double noise_pulse(const struct noise *n);

#endif
