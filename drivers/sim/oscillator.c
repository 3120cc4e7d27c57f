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
    ROW(white_fm, 0, 1e-5, "1e-9", "white frequency noise, per second"),
    ROW(walk_fm, 0, 1e-5, "1e-9", "random-walk frequency noise, per second"),
    ROW(aging, -1e-5, 1e-5, "0", "change of frequency per day"),
    ROW(sine, 0, 1e-4, "0", "amplitude of a temperature sine"),
    ROW(period, 10, 1e7, "3600", "period of that sine, s"),
    ROW(phase, -10, 10, "0", "phase of that sine at the start, rad"),
    {.word = NULL},
};

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
    double wander = o->sine ? o->sine * sin(2 * M_PI * t / o->period + o->phase) : 0;
    o->walk += o->walk_fm * rng_gauss(&o->rng);
    return o->freq + o->walk + o->white_fm * rng_gauss(&o->rng) + o->aging * t / 86400 + wander;
}
