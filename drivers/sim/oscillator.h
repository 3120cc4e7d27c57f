/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_OSCILLATOR_H
#define TIMEBALL_DRIVERS_SIM_OSCILLATOR_H

#include <stdint.h>

#include "drivers/option.h"
#include "refclock/rng.h"

/*
 * A simulated oscillator: a constant error, aging, a sine of its own, its answer to temperature,
 * white and random-walk FM (Zucca and Tavella, IEEE UFFC 52, 2005). All as fractional frequency;
 * noises are what one second adds (standard deviation).
 */
struct oscillator {
    double freq; /* constant error, positive: fast */
    double white_fm, walk_fm;
    double aging;               /* per day */
    double sine, period, phase; /* amplitude, s, rad */
    double temp_coefficient;    /* per K */
    double temp_curve;          /* per K^2 */
    double kelvin;              /* its temperature less the one that `freq` holds at; the world's */
    struct rng rng;
    double walk;     /* random walk so far */
    int64_t seconds; /* asked so far */
};

/* Option rows of the above, offsets into struct oscillator. */
extern const struct option_row oscillator_options[];

/* A kind of oscillator, with what its data sheets and measurements commonly show. */
struct oscillator_class {
    const char *word; /* NULL ends the table */
    double freq, white_fm, walk_fm, aging, temp_coefficient, temp_curve;
    const char *help;
};
extern const struct oscillator_class oscillator_classes[];

/* Sets what a class says, and leaves the rest. */
void oscillator_set_class(struct oscillator *o, const struct oscillator_class *c);

/* Begins a run: no walk yet, all randomness from `seed`. */
void oscillator_start(struct oscillator *o, uint64_t seed);

/* Frequency error in the next second; `arg` is a struct oscillator (the form that
 * clock_virtual_init() takes). */
double oscillator_next(void *arg, int64_t second);

#endif
