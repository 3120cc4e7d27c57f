/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_CLIMATE_H
#define TIMEBALL_DRIVERS_SIM_CLIMATE_H

#include <stdint.h>

#include "drivers/option.h"
#include "refclock/rng.h"

/*
 * The temperature around a simulated oscillator, and a sensor that follows it: late, in steps, and
 * with noise.
 */
#define CLIMATE_STEPS 16

struct climate_step {
    double at;   /* s since the start */
    double by;   /* K */
    double ramp; /* s that it takes */
};

struct climate {
    double mean;                /* Celsius */
    double sine, period, phase; /* amplitude in K, s, rad at the start */
    struct climate_step step[CLIMATE_STEPS];
    int steps;
};

struct sim_sensor {
    int64_t present; /* 0: there is none */
    double step;     /* K, granularity of a reading */
    double lag;      /* s, first-order lag behind the oscillator */
    double noise;    /* K, standard deviation of a reading */
    struct rng rng;
    double at, shown; /* s since the start; Celsius, before noise and granularity */
};

/* Option rows of the plain values, offsets into the structs. */
extern const struct option_row climate_options[];
extern const struct option_row sim_sensor_options[];

/* Temperature `t` seconds after the start, Celsius. */
double climate_at(const struct climate *c, double t);

/* Begins a run in which the sensor has settled, with the randomness of `seed`. */
void sim_sensor_start(struct sim_sensor *s, const struct climate *c, uint64_t seed);

/* A reading `t` seconds after the start (not before the last one), Celsius; NAN: no sensor. */
double sim_sensor_read(struct sim_sensor *s, const struct climate *c, double t);

#endif
