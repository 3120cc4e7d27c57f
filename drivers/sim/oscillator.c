/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/oscillator.h"

#include <math.h>

#define ROW(field, least, most, start, text)                                                  \
    {                                                                                         \
        .word = #field, .type = OPTION_SECONDS, .offset = offsetof(struct oscillator, field), \
        .min = least, .max = most, .unit = "", .initial = start, .help = text                 \
    }

const struct option_row oscillator_options[] = {
    ROW(freq, -450e-6, 450e-6, "-20e-6", "constant fractional frequency error, positive: fast"),
    ROW(white_fm, 0, 1e-5, "1e-9",
        "white frequency noise, standard deviation of what a second adds"),
    ROW(walk_fm, 0, 1e-5, "1e-9",
        "random-walk frequency noise, standard deviation of what a second adds"),
    ROW(aging, -1e-5, 1e-5, "0", "change of frequency per day"),
    ROW(sine, 0, 1e-4, "0", "amplitude of a sine that no sensor shows"),
    ROW(period, 10, 1e7, "3600", "period of that sine, s"),
    ROW(phase, -10, 10, "0", "phase of that sine at the start, rad"),
    ROW(temp_coefficient, -1e-5, 1e-5, "0", "change of frequency per K away from temp_mean"),
    ROW(temp_curve, -1e-6, 1e-6, "0", "the same per K squared"),
    {.word = NULL},
};

const struct oscillator_class oscillator_classes[] = {
    {"pi", -20e-6, 1e-9, 1e-9, 5e-9, 0.2e-6, 0, "crystal of a Raspberry Pi or a PC"},
    {"tcxo", 2e-6, 1e-9, 1e-11, 2e-9, 0.02e-6, 0, "temperature-compensated crystal"},
    {"ocxo", 50e-9, 1e-11, 1e-13, 0.3e-9, 0.2e-9, 0, "oven-controlled crystal"},
    {.word = NULL},
};

void oscillator_set_class(struct oscillator *o, const struct oscillator_class *c)
{
    o->freq = c->freq;
    o->white_fm = c->white_fm;
    o->walk_fm = c->walk_fm;
    o->aging = c->aging;
    o->temp_coefficient = c->temp_coefficient;
    o->temp_curve = c->temp_curve;
}

void oscillator_start(struct oscillator *o, uint64_t seed)
{
    o->rng = rng_seeded(seed, 1);
    o->walk = 0;
    o->seconds = 0;
}

double oscillator_next(void *arg, int64_t second)
{
    struct oscillator *o = arg;
    (void)second;
    double t = (double)o->seconds++;
    double wander = o->sine != 0 ? o->sine * sin(2 * M_PI * t / o->period + o->phase) : 0;
    o->walk += o->walk_fm * rng_gauss(&o->rng);
    wander += (o->temp_coefficient + o->temp_curve * o->kelvin) * o->kelvin;
    return o->freq + o->walk + o->white_fm * rng_gauss(&o->rng) + o->aging * t / 86400 + wander;
}
