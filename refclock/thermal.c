/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/thermal.h"

#include <math.h>

#define FAST_S 10.0  /* of a sensor that shows steps */
#define SLOW_S 300.0 /* long enough that the steps of a coarse sensor do not pass for a slope */
#define FADE   0.999 /* a block: memory of some 18 hours */
#define FEWEST 16
#define SURE   6.0 /* standard errors at which it is switched on, ... */
#define UNSURE 3.0 /* ... and off */
#define HELPS  0.9 /* residual variance, as a share of the whole, that it must get below */
#define CORRELATED \
    1.5 /* neighbouring differences share a block: the error is larger than it looks */
#define PAUSE_S 60.0

static struct thermal_state state_of(const struct thermal *t)
{
    return (struct thermal_state){t->fast, (t->fast - t->slow) / (SLOW_S - FAST_S)};
}

static struct thermal_state difference(struct thermal_state a, struct thermal_state b)
{
    return (struct thermal_state){a.kelvin - b.kelvin, a.slope - b.slope};
}

/* Standard error of the frequency that the fit gives for a change of temperature. */
static double error_of(const struct thermal *t, struct thermal_state d)
{
    double v = t->var_kelvin * d.kelvin * d.kelvin + t->var_slope * d.slope * d.slope +
               2 * t->var_both * d.kelvin * d.slope;
    return sqrt(fmax(0, v));
}

double thermal_read(struct thermal *t, double celsius, int64_t now)
{
    if (!t->sensor) {
        t->sensor = true;
        t->fast = t->slow = celsius;
        t->read_at = now;
        t->used = t->idle = state_of(t);
        return 0;
    }
    double dt = fmax(0, (double)(now - t->read_at) * 1e-9);
    t->fast += (1 - exp(-dt / FAST_S)) * (celsius - t->fast);
    t->slow += (1 - exp(-dt / SLOW_S)) * (celsius - t->slow);
    t->read_at = now;
    struct thermal_state is = state_of(t), change = difference(is, t->used);
    t->idle_sum += error_of(t, difference(is, t->idle)) * fmin(dt, PAUSE_S);
    t->used = is;
    return t->on ? t->per_kelvin * change.kelvin + t->per_slope * change.slope : 0;
}

static void judge(struct thermal *t)
{
    const struct memory_sums *s = &t->sums;
    double determinant = s->kk * s->ss - s->ks * s->ks;
    if (s->blocks < FEWEST || !(determinant > 1e-6 * s->kk * s->ss))
        return;
    t->per_kelvin = (s->ss * s->kf - s->ks * s->sf) / determinant;
    t->per_slope = (s->kk * s->sf - s->ks * s->kf) / determinant;
    double residual = fmax(0, s->ff - t->per_kelvin * s->kf - t->per_slope * s->sf);
    double variance = CORRELATED * CORRELATED * residual / (s->blocks - 2) / determinant;
    t->var_kelvin = variance * s->ss;
    t->var_slope = variance * s->kk;
    t->var_both = -variance * s->ks;
    double sure = fabs(t->per_kelvin) / fmax(sqrt(t->var_kelvin), 1e-30);
    bool on = t->on ? sure > UNSURE : sure > SURE && residual < HELPS * s->ff;
    t->turns += on != t->on;
    t->on = on;
}

void thermal_warm(struct thermal *t, const struct memory *m)
{
    t->sums = m->sums;
    t->sensor = true;
    t->fast = t->slow = m->celsius;
    t->read_at = INT64_MIN / 2; /* long ago: the first reading counts in full */
    t->used = t->idle = state_of(t);
    judge(t);
}

void thermal_memory(const struct thermal *t, struct memory *m)
{
    if (!t->sensor || t->sums.blocks < FEWEST)
        return;
    m->thermal = true;
    m->celsius = t->fast;
    m->sums = t->sums;
}

static void compare(struct thermal *t, struct thermal_state d, double f)
{
    struct memory_sums *s = &t->sums;
    s->kk = FADE * s->kk + d.kelvin * d.kelvin;
    s->ks = FADE * s->ks + d.kelvin * d.slope;
    s->ss = FADE * s->ss + d.slope * d.slope;
    s->kf = FADE * s->kf + d.kelvin * f;
    s->sf = FADE * s->sf + d.slope * f;
    s->ff = FADE * s->ff + f * f;
    s->blocks = FADE * s->blocks + 1;
    judge(t);
}

/* A block is whole: its frequency and mean temperature, against those of the one before. */
static void close_block(struct thermal *t)
{
    const struct thermal_end *a = &t->head, *b = &t->tail;
    bool whole = a->pulses >= THERMAL_EDGE / 2.0 && b->pulses >= THERMAL_EDGE / 2.0;
    if (whole) {
        double span = b->time / b->pulses - a->time / a->pulses;
        double freq = (b->phase / b->pulses - a->phase / a->pulses) / span;
        struct thermal_state mean = {t->sum.kelvin / t->readings, t->sum.slope / t->readings};
        if (t->before)
            compare(t, difference(mean, t->mean), freq - t->freq);
        t->freq = freq;
        t->mean = mean;
    }
    t->before = whole;
}

static void begin_block(struct thermal *t)
{
    t->elapsed = 0;
    t->head = t->tail = (struct thermal_end){0};
    t->sum = (struct thermal_state){0};
    t->readings = 0;
}

static void add(struct thermal_end *end, double time, double phase)
{
    end->pulses++;
    end->time += time;
    end->phase += phase;
}

bool thermal_pulse(struct thermal *t, double z, int64_t seconds)
{
    uint64_t turns = t->turns;
    t->idle = state_of(t);
    t->idle_sum = 0;
    if (!t->sensor)
        return false;
    t->elapsed += seconds;
    if (seconds > THERMAL_EDGE) {
        t->before = false;
        begin_block(t);
    } else if (t->elapsed >= THERMAL_BLOCK) {
        close_block(t);
        begin_block(t);
    }
    if (t->elapsed < THERMAL_EDGE)
        add(&t->head, (double)t->elapsed, z);
    else if (t->elapsed >= THERMAL_BLOCK - THERMAL_EDGE)
        add(&t->tail, (double)t->elapsed, z);
    struct thermal_state is = state_of(t);
    t->sum.kelvin += is.kelvin;
    t->sum.slope += is.slope;
    t->readings++;
    return t->turns != turns;
}

double thermal_doubt(const struct thermal *t)
{
    return t->on ? t->idle_sum : 0;
}
