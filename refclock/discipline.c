/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/discipline.h"

#include <math.h>
#include <string.h>

#include "refclock/bound.h"

#define PRIOR_COLD 2.0    /* pulses that the noise assumed at the start counts for ... */
#define PRIOR_WARM 20.0   /* ... and one from an earlier run */
#define KEEP       100e-6 /* a frequency less sure than this is no better than none */
#define SOFT_COST  0.02   /* of the estimate's variance, spent on a calm frequency */
#define COAST_S    5.0    /* without a pulse */
#define SLEW_LIMIT 400e-6 /* what phase may take of the 500 ppm that the kernel steers */

void discipline_init(struct discipline *d, double freq, int64_t now)
{
    memset(d, 0, sizeof *d);
    kalman_init(&d->kalman);
    noise_init(&d->noise);
    d->r = d->noise.r;
    for (int i = 0; i < DISCIPLINE_SEGMENTS; i++)
        d->segment[i] = (struct discipline_segment){.since = i ? INT64_MIN : now, .freq = freq};
}

void discipline_warm(struct discipline *d, const struct memory *m)
{
    d->memory = *m;
    if (!m->known)
        return;
    noise_warm(&d->noise, m->pulse, m->k1, m->k2, m->k3);
    d->r = d->noise.r;
    if (m->thermal)
        thermal_warm(&d->thermal, m);
}

static const struct discipline_segment *segment_of(const struct discipline *d, int64_t local)
{
    const struct discipline_segment *s = d->segment;
    for (int i = 1; i < DISCIPLINE_SEGMENTS && local < s->since && s[1].since != INT64_MIN; i++)
        s++;
    return s;
}

/* What a frequency correction does in a second of the clock that it makes so much longer. */
static double effect(double freq)
{
    return freq / (1 + freq);
}

/* What steering has done to the clock up to `local`, less what the temperature did, s. */
static double steered_until(const struct discipline *d, int64_t local)
{
    const struct discipline_segment *s = segment_of(d, local);
    return s->sum + (effect(s->freq) - s->known) * (double)(local - s->since) * 1e-9;
}

/* What the temperature has done to the clock up to `local`, as far as it is fed forward, s. */
static double known_until(const struct discipline *d, int64_t local)
{
    const struct discipline_segment *s = segment_of(d, local);
    return s->known_sum + s->known * (double)(local - s->since) * 1e-9;
}

bool discipline_reaches(const struct discipline *d, int64_t local)
{
    return local >= d->segment[DISCIPLINE_SEGMENTS - 1].since;
}

static void begin_segment(struct discipline *d, double freq, double known, int64_t at)
{
    struct discipline_segment next = {.since = at, .freq = freq, .known = known};
    next.sum = steered_until(d, at);
    next.known_sum = known_until(d, at);
    memmove(d->segment + 1, d->segment, sizeof *d->segment * (DISCIPLINE_SEGMENTS - 1));
    d->segment[0] = next;
}

void discipline_steered(struct discipline *d, double freq, int64_t at)
{
    begin_segment(d, freq, d->segment[0].known, at);
}

void discipline_temperature(struct discipline *d, double celsius, int64_t now)
{
    double change = thermal_read(&d->thermal, celsius, now);
    if (change != 0)
        begin_segment(d, d->segment[0].freq, d->segment[0].known + change, now);
}

/* Free-running phase that the sample shows, s. */
static double free_phase(const struct discipline *d, const struct sample *s)
{
    return (double)(s->truth - s->local - d->base) * 1e-9 + s->fraction +
           steered_until(d, s->local);
}

/*
 * The noises as they are known. From one pulse to the next a drift stays, which is what the noises
 * were found with; over a longer time without pulses it decays.
 */
static void predict(const struct discipline *d, struct kalman *k, double dt)
{
    struct kalman_noise q = d->noise.ratio;
    if (dt > COAST_S)
        q.persist = persist_time(&d->persist);
    kalman_predict(k, fmax(0, dt), &q);
}

static double seconds_since(int64_t from, int64_t to)
{
    return (double)(to - from) * 1e-9;
}

void discipline_innovation(const struct discipline *d, const struct sample *s, double *innovation,
                           double *sigma)
{
    *innovation = 0;
    *sigma = INFINITY;
    if (!d->started)
        return;
    struct kalman k = d->kalman;
    predict(d, &k, seconds_since(d->at, s->local));
    *innovation = free_phase(d, s) - k.x;
    *sigma = sqrt(kalman_expect(&k, 1) * d->r);
}

static void start(struct discipline *d, const struct sample *s)
{
    d->started = true;
    d->base = s->truth - s->local;
    d->first = d->at = s->local;
}

/* Among the first pulses nothing is an outlier for good: each one may show which of those before it
 * were. */
static void acquire(struct discipline *d, double t, double z)
{
    acquire_add(&d->acquire, t, z);
    const struct memory *m = &d->memory;
    double prior = m->known ? m->pulse * m->pulse : noise_prior();
    acquire_judge(&d->acquire, prior, m->known ? PRIOR_WARM : PRIOR_COLD, &d->r);
    acquire_filter(&d->acquire, &d->kalman, &d->noise.ratio, d->r,
                   m->freq / (1 + d->segment[0].freq), m->known ? m->freq_error : 0);
    if (d->acquire.count < ACQUIRE_PULSES)
        return;
    double last = -1;
    for (int i = 0; i < ACQUIRE_PULSES; i++)
        if (d->acquire.inlier[i]) {
            noise_update(&d->noise, d->acquire.z[i], llrint(d->acquire.t[i] - last), d->r);
            last = d->acquire.t[i];
        }
}

static void follow(struct discipline *d, double dt, double z, double known, int64_t seconds,
                   bool reopen)
{
    if (d->noise.ratio.qd == 0)
        kalman_drop_drift(&d->kalman);
    predict(d, &d->kalman, dt);
    if (reopen) {
        double away = z - d->kalman.x;
        d->kalman.p[0][0] += away * away / d->r;
        d->kalman.p[1][1] += away * away / d->r / 64; /* it may have run away for a while */
    }
    (void)kalman_update(&d->kalman, z, 1);
    noise_update(&d->noise, z, seconds, d->r);
    persist_pulse(&d->persist, d->kalman.d, seconds);
    allan_pulse(&d->allan, z + known, seconds);
    if (thermal_pulse(&d->thermal, z + known, seconds))
        noise_refresh(&d->noise);
    d->r = d->noise.r;
}

void discipline_update(struct discipline *d, const struct sample *s, bool reopen)
{
    if (!d->started)
        start(d, s);
    double dt = fmax(0, seconds_since(d->at, s->local)), z = free_phase(d, s);
    int64_t seconds = d->count ? llrint(seconds_since(d->last, s->local)) : 1;
    if (d->acquire.count < ACQUIRE_PULSES)
        acquire(d, seconds_since(d->first, s->local), z);
    else
        follow(d, dt, z, known_until(d, s->local), seconds > 1 ? seconds : 1, reopen);
    d->at = s->local > d->at ? s->local : d->at;
    d->count++;
    d->last = s->local;
    d->last_truth = s->truth;
    d->uncertainty = s->uncertainty;
    d->doubt = 0;
}

void discipline_estimate(const struct discipline *d, int64_t local, struct estimate *e)
{
    struct kalman k = d->kalman;
    double dt = seconds_since(d->at, local);
    if (dt > 0)
        predict(d, &k, dt);
    else
        k.x += k.y * dt;
    *e = (struct estimate){
        .shift = d->base,
        .offset = k.x - steered_until(d, local),
        .rate = k.y + d->segment[0].known - effect(d->segment[0].freq),
        .freq = (k.y + d->segment[0].known) * (1 + d->segment[0].freq),
        .freq_sigma = sqrt(fmax(0, k.p[1][1]) * d->r),
        .sigma = hypot(sqrt(fmax(0, k.p[0][0]) * d->r), thermal_doubt(&d->thermal)),
        .age = seconds_since(d->last, local),
        .gain = d->noise.k1,
    };
    e->stat = bound_stat(e->sigma, d->count, e->gain, d->doubt);
}

struct memory discipline_memory(const struct discipline *d, int64_t local)
{
    struct estimate e;
    if (!d->started || d->acquire.count < ACQUIRE_PULSES)
        return (struct memory){0};
    discipline_estimate(d, local, &e);
    struct memory m = {
        .known = e.freq_sigma < KEEP,
        .freq = e.freq,
        .freq_error = e.freq_sigma,
        .pulse = sqrt(d->r),
        .k1 = d->noise.k1,
        .k2 = d->noise.k2,
        .k3 = d->noise.k3,
        .walk_fm = noise_walk_fm(&d->noise),
    };
    thermal_memory(&d->thermal, &m);
    return m;
}

/*
 * Correcting a share g of the offset each second leaves a residual of variance (1-g)^2 / (1 -
 * (1-g)^2) x gain x P, P being the estimate's variance: the share for which that is SOFT_COST x P.
 * Beyond the estimate's noise: all of it.
 */
static double share_of(const struct estimate *e, double behind)
{
    double cost = SOFT_COST / fmax(e->gain, 1e-6), soft = 1 - sqrt(cost / (1 + cost));
    double noise = 4 * e->sigma / fmax(fabs(behind), 1e-12);
    return fmin(1, fmax(soft, 1 - noise));
}

struct steering discipline_steer(const struct estimate *e, double behind, double horizon,
                                 bool may_step, double step_over)
{
    if (may_step && fabs(behind) > step_over)
        return (struct steering){STEER_STEP, behind, "the offset is beyond what is slewed"};
    double slew =
        fmax(-SLEW_LIMIT, fmin(SLEW_LIMIT, share_of(e, behind) * behind / fmax(horizon, 0.05)));
    return (struct steering){STEER_SLEW, e->freq + slew, "follows the estimate"};
}
