/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/discipline.h"

#include <math.h>
#include <string.h>

#include "refclock/bound.h"

#define PRIOR_COLD 2.0    /* pulses that the noise assumed at the start counts for ... */
#define PRIOR_WARM 20.0   /* ... and one from an earlier run */
#define KEEP       100e-6 /* a frequency less sure than this is no better than none */
#define SOFT_COST  0.02   /* of the estimate's variance, spent on a calm frequency */
#define FEWEST     4      /* samples */
#define FREQ_MOST  5e-3   /* ten times what the kernel can steer */
#define LONE       2.5 /* times the usual innovation: more is possible than one pulse may decide */
#define DOUBTS     6.0 /* sigmas of it that stay in doubt ... */
#define AGREED     6   /* ... until so many pulses were judged together */
#define COAST_S    5.0 /* without a pulse */
#define FREQ_SIGMA 50e-6  /* of an oscillator that nothing is known of */
#define KNOWN      600    /* pulses after which their noises hold for other measurements */
#define SETTLED    4000   /* s, until a filter's gains stand still, or nearly so */
#define RENUMBERED 0.4    /* s: pulses that are so far away have another number */
#define SLEW_LIMIT 400e-6 /* what phase may take of the 500 ppm that the kernel steers */

void discipline_init(struct discipline *d, double freq, int64_t now)
{
    memset(d, 0, sizeof *d);
    kalman_init(&d->kalman);
    noise_init(&d->noise);
    d->r = d->noise.r;
    d->prior = (struct acquire_prior){.r = noise_prior(), .weight = PRIOR_COLD};
    d->gap = 1;
    for (int i = 0; i < DISCIPLINE_SEGMENTS; i++)
        d->segment[i] = (struct discipline_segment){.since = i ? INT64_MIN : now, .freq = freq};
}

void discipline_warm(struct discipline *d, const struct memory *m)
{
    if (!m->known)
        return;
    if (!(m->pulse > 0)) {
        d->prior.freq = m->freq;
        d->prior.freq_error = m->freq_error;
        return;
    }
    d->prior = (struct acquire_prior){.r = m->pulse * m->pulse,
                                      .weight = PRIOR_WARM,
                                      .freq = m->freq,
                                      .freq_error = m->freq_error};
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
    return (double)(s->truth - s->local - d->base) * 1e-9 + s->fraction - d->shifted +
           steered_until(d, s->local);
}

/*
 * The noises as they are known. From one pulse to the next a drift stays, which is what the noises
 * were found with; over a longer time without pulses it decays.
 */
static void predict(const struct discipline *d, struct kalman *k, double dt)
{
    struct kalman_noise q = d->noise.ratio;
    if (d->weighted && !d->noise_known)
        q = (struct kalman_noise){.qx = d->wander.qx / d->r, .qy = d->wander.qy / d->r};
    if (dt > COAST_S)
        q.persist = persist_time(&d->persist);
    kalman_predict(k, fmax(0, dt), &q);
}

static double seconds_since(int64_t from, int64_t to)
{
    return (double)(to - from) * 1e-9;
}

/* s for which the oscillator was watched, as far as that counts for what it may do yet. */
static double watched(const struct discipline *d)
{
    return d->weighted && !d->noise_known ? seconds_since(d->first, d->at) : (double)d->count;
}

bool discipline_contradicted(const struct discipline *d)
{
    return d->course.on && !d->course.followed;
}

/* Pulses that are `away` (s) at local time `local` and the clock's own course part. An oscillator
 * knows nothing of the number of a second, which has been confirmed for long by then. */
static void begin_course(struct discipline *d, int64_t local, double away)
{
    bool renumbered = fabs(away) > RENUMBERED;
    if (discipline_contradicted(d) && !renumbered)
        return;
    d->course = (struct course){.on = !renumbered,
                                .kalman = d->kalman,
                                .noise = d->noise.ratio,
                                .r = d->r,
                                .at = local,
                                .count = d->count,
                                .gain = d->noise.k1,
                                .seen = watched(d)};
    d->course.noise.persist = persist_time(&d->persist);
}

/* Variance of a measurement, in units of a pulse's. */
static double variance_of(const struct discipline *d, const struct sample *s)
{
    return s->error > 0 ? s->error * s->error / d->r : 1;
}

void discipline_innovation(const struct discipline *d, const struct sample *s, double *innovation,
                           double *sigma)
{
    *innovation = 0;
    *sigma = INFINITY;
    if (!d->started)
        return;
    struct kalman k = d->kalman;
    double dt = seconds_since(d->at, s->local);
    predict(d, &k, dt);
    *innovation = free_phase(d, s) - k.x - fmin(0, dt) * k.y;
    *sigma = sqrt(kalman_expect(&k, variance_of(d, s)) * d->r);
    if (s->error == 0 && d->acquire.count < ACQUIRE_PULSES) /* any of those before may be wrong */
        *sigma = hypot(*sigma, d->possible);
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
    struct acquire_prior p = d->prior;
    p.freq /= 1 + d->segment[0].freq;
    acquire_judge(&d->acquire, &p, &d->r);
    acquire_filter(&d->acquire, &d->kalman, &d->noise.ratio, d->r, &p);
    if (d->acquire.count >= AGREED)
        d->doubt = 0;
    if (d->acquire.count < ACQUIRE_PULSES)
        return;
    double last = -(double)d->gap, before = d->r;
    for (int i = 0; i < ACQUIRE_PULSES; i++)
        if (d->acquire.inlier[i]) {
            noise_update(&d->noise, d->acquire.z[i], llrint(d->acquire.t[i] - last), d->r);
            last = d->acquire.t[i];
        }
    /* from here on with the noise that the bank has found, and no surer for it */
    d->r = d->noise.r;
    kalman_scale(&d->kalman, before / d->r);
}

/*
 * Where much was possible (after a gap, or because the estimate was wrong) a single pulse would
 * decide, and it may be late. So the first pulses are judged together again, with the frequency and
 * the noise that are known; until some have, all that was possible stays in doubt.
 */
static void acquire_again(struct discipline *d, int64_t local, double z, int64_t seconds,
                          double possible)
{
    d->prior = (struct acquire_prior){.r = d->r,
                                      .weight = PRIOR_WARM,
                                      .freq = d->kalman.y * (1 + d->segment[0].freq),
                                      .freq_error = sqrt(fmax(0, d->kalman.p[1][1]) * d->r)};
    d->possible = possible;
    d->gap = seconds;
    d->acquire.count = 0;
    d->first = local;
    d->doubt = DOUBTS * possible;
    acquire(d, 0, z);
}

static void follow(struct discipline *d, const struct sample *s, double z, int64_t seconds,
                   bool reopen)
{
    if (d->noise.ratio.qd == 0)
        kalman_drop_drift(&d->kalman);
    predict(d, &d->kalman, fmax(0, seconds_since(d->at, s->local)));
    if (reopen) {
        double away = z - d->kalman.x;
        begin_course(d, s->local, away);
        d->kalman.p[0][0] += away * away / d->r;
        d->kalman.p[1][1] += away * away / d->r / 64; /* it may have run away for a while */
    }
    double possible = sqrt(kalman_expect(&d->kalman, 1) * d->r);
    if (possible > LONE * sqrt(d->r / (1 - d->noise.k1))) {
        acquire_again(d, s->local, z, seconds, possible);
        return;
    }
    d->doubt = 0;
    (void)kalman_update(&d->kalman, z, 1);
    noise_update(&d->noise, z, seconds, d->r);
    double free = z + known_until(d, s->local);
    int64_t whole = d->followed ? llrint(seconds_since(d->followed, s->local)) : 1;
    whole = whole > 1 ? whole : 1;
    d->followed = s->local;
    persist_pulse(&d->persist, d->kalman.d, whole);
    allan_pulse(&d->allan, free, whole);
    if (thermal_pulse(&d->thermal, free, whole))
        noise_refresh(&d->noise);
    d->r = d->noise.r;
}

/* Measurements with an error of their own begin, or begin again after pulses. */
static void begin_weighted(struct discipline *d, double z, double r)
{
    if (!d->count) {
        double freq_sigma = d->prior.freq_error > 0 ? d->prior.freq_error : FREQ_SIGMA;
        kalman_init(&d->kalman);
        d->kalman.x = z;
        d->kalman.y = d->prior.freq / (1 + d->segment[0].freq);
        d->kalman.p[0][0] = r;
        d->kalman.p[1][1] = freq_sigma * freq_sigma / d->r;
    }
    d->noise_known |= d->noise.counted > KNOWN;
    kalman_drop_drift(&d->kalman);
    wander_init(&d->wander, d->kalman.y, sqrt(d->kalman.p[1][1] * d->r));
    d->weighted = true;
    d->acquire.count = 0; /* pulses that come back are judged together first */
}

/* One that comes late is taken to the present by the frequency, which is known better. */
static void take_weighted(struct discipline *d, const struct sample *s, double z, bool reopen)
{
    double r = variance_of(d, s), dt = seconds_since(d->at, s->local);
    double since = seconds_since(d->last, s->local);
    if (!d->weighted)
        begin_weighted(d, z, r);
    z -= fmin(0, dt) * d->kalman.y;
    predict(d, &d->kalman, fmax(0, dt));
    if (reopen) {
        double away = z - d->kalman.x;
        d->kalman.p[0][0] += away * away / d->r;
        wander_init(&d->wander, d->kalman.y, FREQ_SIGMA);
    }
    d->weighted_gain = d->kalman.p[0][0] / kalman_expect(&d->kalman, r);
    if (d->count)
        (void)kalman_update(&d->kalman, z, r);
    d->doubt = 0;
    wander_update(&d->wander, z, fmax(0, since), s->error * s->error);
}

/* A pulse after measurements of another kind. */
static void begin_pulses(struct discipline *d, const struct sample *s, double z, int64_t seconds)
{
    predict(d, &d->kalman, fmax(0, seconds_since(d->at, s->local)));
    d->weighted = false;
    acquire_again(d, s->local, z, seconds, sqrt(kalman_expect(&d->kalman, 1) * d->r));
}

void discipline_update(struct discipline *d, const struct sample *s, bool reopen)
{
    if (!d->started)
        start(d, s);
    double z = free_phase(d, s);
    int64_t seconds = d->count ? llrint(seconds_since(d->last, s->local)) : 1;
    if (s->error > 0)
        take_weighted(d, s, z, reopen);
    else if (d->weighted)
        begin_pulses(d, s, z, seconds > 1 ? seconds : 1);
    else if (d->acquire.count < ACQUIRE_PULSES)
        acquire(d, seconds_since(d->first, s->local), z);
    else
        follow(d, s, z, seconds > 1 ? seconds : 1, reopen);
    d->at = s->local > d->at ? s->local : d->at;
    if (!d->course.followed && (d->acquire.count >= AGREED || d->weighted))
        course_judge(&d->course, d->at, d->kalman.x, 0);
    d->count++;
    d->last = s->local;
    d->last_truth = s->truth;
    d->uncertainty = s->uncertainty;
}

void discipline_leap(struct discipline *d, int64_t seconds)
{
    d->base += seconds * 1000000000;
    d->last_truth += seconds * 1000000000;
}

void discipline_shift(struct discipline *d, double by)
{
    d->shifted += by;
}

/* The gains of the filter that has run for long under these noises, from which the bank goes on. */
static void settle(struct discipline *d, const struct kalman_noise *q, double variance)
{
    struct kalman k = {.p = {{1, 0, 0}, {0, 1, 0}, {0, 0, q->qd}}};
    for (int i = 0; i < SETTLED; i++) {
        kalman_predict(&k, 1, q);
        (void)kalman_update(&k, k.x, 1);
    }
    kalman_predict(&k, 1, q);
    double s = kalman_expect(&k, 1);
    noise_init(&d->noise);
    noise_warm(&d->noise, sqrt(variance), fmin(0.999, k.p[0][0] / s), k.p[0][1] / s, k.p[0][2] / s);
    d->noise.ratio = *q;
}

void discipline_measure(struct discipline *d, double variance)
{
    double factor = d->r / variance;
    struct kalman_noise q = d->noise.ratio;
    if (!d->started || !(factor > 1e-12 && factor < 1e12))
        return;
    q.qx *= factor;
    q.qy *= factor;
    q.qd *= factor;
    settle(d, &q, variance);
    kalman_scale(&d->kalman, factor);
    d->r = variance;
}

bool discipline_ready(const struct discipline *d)
{
    return d->started && d->count >= FEWEST && fabs(d->kalman.y) < FREQ_MOST;
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
        .offset = k.x + d->shifted - steered_until(d, local),
        .rate = k.y + d->segment[0].known - effect(d->segment[0].freq),
        .freq = (k.y + d->segment[0].known) * (1 + d->segment[0].freq),
        .freq_sigma = sqrt(fmax(0, k.p[1][1]) * d->r),
        .sigma = hypot(sqrt(fmax(0, k.p[0][0]) * d->r), thermal_doubt(&d->thermal)),
        .age = seconds_since(d->last, local),
        .gain = d->weighted ? d->weighted_gain : d->noise.k1,
    };
    e->stat = bound_stat(e->sigma, d->count, e->gain, d->doubt) +
              bound_unseen(watched(d), fmax(0, e->age));
    if (discipline_contradicted(d)) {
        struct course_word own = course_at(&d->course, local);
        e->stat = fmax(e->stat, fabs(own.phase - k.x) + own.bound);
        e->freq_sigma = hypot(e->freq_sigma, own.freq - k.y);
    }
}

double discipline_aside(const struct discipline *d, int64_t local)
{
    double x = d->kalman.x + d->kalman.y * seconds_since(d->at, local);
    return d->course.on ? course_at(&d->course, local).phase - x : 0;
}

double discipline_return(struct discipline *d)
{
    double before = d->kalman.x;
    d->kalman = course_filter(&d->course, d->at, d->r);
    d->course.followed = true;
    d->last = d->course.at;
    d->doubt = 0;
    return d->kalman.x - before;
}

void discipline_clear(struct discipline *d)
{
    d->course.on = false;
}

bool discipline_agrees(struct discipline *d, int64_t local, double off, double error)
{
    if (d->course.on)
        course_judge(&d->course, local, course_at(&d->course, local).phase + off, error);
    return !d->course.on;
}

struct memory discipline_memory(const struct discipline *d, int64_t local)
{
    struct estimate e;
    bool settled =
        d->weighted ? d->wander.count >= ACQUIRE_PULSES : d->acquire.count >= ACQUIRE_PULSES;
    if (!d->started || !settled)
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
