/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/pulse_model.h"

#include <math.h>

/* The receiver's own oscillator: a TCXO whose ticks pass the second at a rate that wanders, so that
 * the sawtooth beats now fast, now slowly, and sometimes hangs (a "hanging bridge"). */
#define GRID_WHITE 0.3e-9  /* s a second */
#define GRID_WALK  0.03e-9 /* s a second, a second */

void sim_pulse_model_start(struct sim_pulse_model *m, uint64_t seed)
{
    m->rng = rng_seeded(seed, 2);
    m->fault_rng = rng_seeded(seed, 4);
    m->grid_rng = rng_seeded(seed, 5);
    m->grid = 1e-6 * rng_uniform(&m->grid_rng);
    m->grid_rate = 10e-9 * rng_gauss(&m->grid_rng);
    m->ahead = NAN;
}

/* How far the nearest tick is from the true second, s. */
static double sawtooth(struct sim_pulse_model *m, double peak)
{
    double period = 2 * peak;
    m->grid_rate += GRID_WALK * rng_gauss(&m->grid_rng);
    m->grid += m->grid_rate + GRID_WHITE * rng_gauss(&m->grid_rng);
    return m->grid - rint(m->grid / period) * period;
}

double sim_pulse_model_ahead(struct sim_pulse_model *m, const struct sim_pulse_config *c)
{
    if (isnan(m->ahead))
        m->ahead = c->sawtooth > 0 ? sawtooth(m, c->sawtooth) : 0;
    return m->ahead;
}

struct sim_stamp sim_pulse_model_next(struct sim_pulse_model *m, const struct sim_pulse_config *c)
{
    struct sim_stamp s = {.by = c->noise * rng_gauss(&m->rng) + c->latency, .doubled = NAN};
    double late = rng_uniform(&m->rng), by = rng_exponential(&m->rng, c->late_mean);
    s.there = rng_uniform(&m->rng) >= c->missing;
    bool extra = rng_uniform(&m->rng) < c->extra;
    if (late < c->late_share)
        s.by += by;
    s.by += sim_pulse_model_ahead(m, c);
    m->ahead = NAN;
    if (rng_uniform(&m->fault_rng) < c->doubled)
        s.doubled = s.by + c->doubled_by;
    if (extra)
        s.by += 0.9 * rng_uniform(&m->fault_rng);
    return s;
}
