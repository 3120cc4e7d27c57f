/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/climate.h"

#include <math.h>

#define ROW(owner, name, field, least, most, start, of, text)                                 \
    {                                                                                         \
        .word = name, .type = OPTION_SECONDS, .offset = offsetof(owner, field), .min = least, \
        .max = most, .unit = of, .initial = start, .help = text                               \
    }
#define AIR(name, field, ...)   ROW(struct climate, name, field, __VA_ARGS__)
#define PROBE(name, field, ...) ROW(struct sim_sensor, name, field, __VA_ARGS__)

const struct option_row climate_options[] = {
    AIR("temp_mean", mean, -60, 120, "25", "Celsius", "mean temperature around the oscillator"),
    AIR("temp_sine", sine, 0, 100, "0", "K", "amplitude of a sine of that temperature"),
    AIR("temp_period", period, 10, 1e8, "86400", "s", "period of that sine"),
    AIR("temp_phase", phase, -10, 10, "0", "rad", "phase of that sine at the start"),
    {.word = NULL},
};

const struct option_row sim_sensor_options[] = {
    {.word = "sensor",
     .type = OPTION_INT,
     .offset = offsetof(struct sim_sensor, present),
     .max = 1,
     .unit = "",
     .initial = "0",
     .help = "1: the daemon has a temperature sensor"},
    PROBE("sensor_step", step, 0, 10, "0.1", "K", "granularity of its readings"),
    PROBE("sensor_lag", lag, 0, 3600, "30", "s", "how far it lags behind the oscillator"),
    PROBE("sensor_noise", noise, 0, 10, "0", "K", "standard deviation of a reading"),
    {.word = NULL},
};

static double share_done(const struct climate_step *s, double t)
{
    if (t < s->at)
        return 0;
    return t < s->at + s->ramp ? (t - s->at) / s->ramp : 1;
}

double climate_at(const struct climate *c, double t)
{
    double kelvin = c->mean;
    if (c->sine != 0)
        kelvin += c->sine * sin(2 * M_PI * t / c->period + c->phase);
    for (int i = 0; i < c->steps; i++)
        kelvin += c->step[i].by * share_done(&c->step[i], t);
    return kelvin;
}

void sim_sensor_start(struct sim_sensor *s, const struct climate *c, uint64_t seed)
{
    s->rng = rng_seeded(seed, 6);
    s->at = 0;
    s->shown = climate_at(c, 0);
}

double sim_sensor_read(struct sim_sensor *s, const struct climate *c, double t)
{
    if (!s->present)
        return NAN;
    while (s->at < t) {
        double dt = fmin(1, t - s->at);
        s->at += dt;
        double air = climate_at(c, s->at);
        s->shown = s->lag > 0 ? air + (s->shown - air) * exp(-dt / s->lag) : air;
    }
    double shown = s->shown + s->noise * rng_gauss(&s->rng);
    return s->step > 0 ? rint(shown / s->step) * s->step : shown;
}
