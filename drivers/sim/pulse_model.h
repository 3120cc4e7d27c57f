/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_PULSE_MODEL_H
#define TIMEBALL_DRIVERS_SIM_PULSE_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/rng.h"

/*
 * When the stamp of a simulated pulse falls: gaussian noise, interrupts that come late (never
 * early), the grid of the receiver's own clock, and pulses that are missing, doubled or stray.
 */
struct sim_pulse_config {
    double noise;                 /* s, standard deviation of a stamp */
    double late_share, late_mean; /* share of late pulses, and by what on average (exponential), s
                                   */
    double latency;               /* s, constant lateness of every stamp */
    double sawtooth;              /* s, peak: a receiver can only pulse on its own clock's ticks */
    double missing;               /* share of pulses that are lost */
    double extra;                 /* share of seconds whose stamp is a stray pulse's */
    double doubled, doubled_by;   /* share of pulses that a second one follows, and after what, s */
};

struct sim_pulse_model {
    struct rng rng, fault_rng, grid_rng;
    double grid, grid_rate; /* s the receiver's ticks are off the second, and s a second */
    double ahead;           /* s, how late the grid will make the next pulse; NAN: not asked for */
};

/* What came of one second's pulse. */
struct sim_stamp {
    bool there;
    double by;      /* s, the stamp less the true second */
    double doubled; /* s, the same of a second pulse; NAN: none */
};

/* Begins a run with the randomness of `seed`. */
void sim_pulse_model_start(struct sim_pulse_model *m, uint64_t seed);

/* The next second's pulse; also to be asked for seconds whose pulse is not wanted. */
struct sim_stamp sim_pulse_model_next(struct sim_pulse_model *m, const struct sim_pulse_config *c);

/* How late, s, the grid of the receiver's clock will make the next pulse: what it can say of it. */
double sim_pulse_model_ahead(struct sim_pulse_model *m, const struct sim_pulse_config *c);

#endif
