/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_REFCLOCK_BENCH_H
#define TIMEBALL_TESTS_REFCLOCK_BENCH_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "refclock/refclock.h"
#include "refclock/rng.h"

#define SECOND INT64_C(1000000000)
#define MS     INT64_C(1000000)
#define START  (INT64_C(1795521600) * SECOND + 300 * MS)
#define PPS    SNAPSHOT_REFID('P', 'P', 'S', 0)
#define GPS    SNAPSHOT_REFID('G', 'P', 'S', 0)

/* The engine in virtual time, with a receiver that does what a test wants. */
struct bench {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct clock_ops ops; /* of the clock, with a tell() and a step() of our own */
    int (*virtual_step)(struct clock *, int64_t, int64_t *, struct err *);
    struct snapshot_latch latch;
    struct refclock r;
    struct log log;
    struct rng rng;
    struct loop_timer pulse, message, judge;
    int64_t second; /* POSIX, of the next pulse */
    double osc;
    /* the receiver */
    bool no_pulse, no_message;
    double late;         /* s, of every pulse */
    double late_share;   /* of pulses that come 5 ms late */
    double delay;        /* s, of the messages */
    int64_t wrong;       /* s, by which messages are wrong */
    double stated[2];    /* delay; 0, 0: not stated */
    double foreign_freq; /* what somebody else adds to the frequency */
    /* what was seen */
    int64_t served, outside, last_served, not_served;
    uint32_t generation;
    double worst; /* s, of what was served */
    int lines;
    char said[16384];
};

static inline double frequency_of(void *arg, int64_t second)
{
    (void)second;
    return ((struct bench *)((char *)arg - offsetof(struct bench, loop)))->osc;
}

static inline int tell(struct clock *c, const struct clock_report *report, double *seen,
                       struct err *err)
{
    struct bench *b = (struct bench *)((char *)c - offsetof(struct bench, clock));
    (void)err;
    b->clock.told = *report;
    *seen = c->freq + b->foreign_freq;
    return 0;
}

/* Between the announcement of a step and its end nobody may trust a reading. */
static inline int step(struct clock *c, int64_t ns, int64_t *at, struct err *err)
{
    struct bench *b = (struct bench *)((char *)c - offsetof(struct bench, clock));
    struct snapshot s;
    snapshot_read(&b->latch, &s);
    assert_true(s.transition);
    return b->virtual_step(c, ns, at, err);
}

static inline void keep(void *arg, enum log_level level, const char *line)
{
    struct bench *b = arg;
    size_t used = strlen(b->said);
    (void)level;
    b->lines++;
    snprintf(b->said + used, sizeof b->said - used, "%s\n", line);
}

static inline int times_said(const struct bench *b, const char *what)
{
    int n = 0;
    for (const char *p = b->said; (p = strstr(p, what)); p++)
        n++;
    return n;
}

static inline void pulse_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    double late = b->late + (rng_uniform(&b->rng) < b->late_share ? 5e-3 : 0);
    (void)now;
    int64_t since = b->loop.truth - b->second * SECOND;
    struct edge e = {.local = clock_local(&b->clock.clock, clock_now(&b->clock.clock)) - since +
                              llrint((late + 1e-6 * rng_gauss(&b->rng)) * 1e9),
                     .uncertainty = 20e-6};
    loop_after(&b->loop.loop, &b->message, llrint(b->delay * 1e9) - since);
    b->second++;
    loop_after(&b->loop.loop, &b->pulse, b->second * SECOND + MS - b->loop.truth);
    if (!b->no_pulse)
        refclock_edge(&b->r, 0, &e);
}

static inline void message_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    bool stated = b->stated[1] > 0;
    struct timelabel l = {.second = b->loop.truth / SECOND + b->wrong,
                          .local = now,
                          .delay_min = stated ? b->stated[0] : (double)NAN,
                          .delay_max = stated ? b->stated[1] : (double)NAN,
                          .leap = LEAP_UNKNOWN};
    if (!b->no_message)
        refclock_label(&b->r, 0, &l);
}

static inline struct snapshot look(struct bench *b)
{
    struct snapshot s;
    snapshot_read(&b->latch, &s);
    return s;
}

/* Five times a second: what is served is inside its bound, and never runs back. */
static inline void judge_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    struct snapshot s = look(b);
    int64_t reading = clock_now(&b->clock.clock), truth = snapshot_truth(&s, reading);
    (void)now;
    loop_after(&b->loop.loop, &b->judge, 200 * MS);
    assert_true(s.total > 0 && isfinite(s.total) && isfinite(s.stat));
    assert_int_equal(s.generation, b->clock.clock.generation);
    assert_int_equal(s.stratum < 16, s.leap != LEAP_UNKNOWN);
    if (s.stratum == 16) {
        b->not_served++;
        b->last_served = 0;
        return;
    }
    assert_true(b->r.discipline.count >= 4);
    double error = (double)(truth - b->loop.truth) * 1e-9;
    b->served++;
    b->outside += fabs(error) > snapshot_bound(&s, reading) + 2e-9;
    b->worst = fmax(b->worst, fabs(error));
    assert_true(truth > b->last_served || b->generation != s.generation);
    b->last_served = truth;
    b->generation = s.generation;
}

static inline struct bench *begin(bool pulse_expected, double offset)
{
    struct bench *b = calloc(1, sizeof *b);
    struct refclock_config config = {
        .refid = PPS, .refid_message = GPS, .steplimit = 0.5, .holdover_limit = 1e-3};
    struct receiver_config receiver = {.name = "bench", .pulses = pulse_expected, .messages = true};
    assert_non_null(b);
    b->osc = 20e-6;
    b->delay = 0.2;
    b->no_pulse = !pulse_expected;
    b->rng = rng_seeded(1, 1);
    loop_virtual_init(&b->loop, &b->clock.clock, START);
    clock_virtual_init(&b->clock, loop_virtual_truth, frequency_of, &b->loop, offset);
    b->ops = *b->clock.clock.ops;
    b->ops.tell = tell;
    b->virtual_step = b->ops.step;
    b->ops.step = step;
    b->clock.clock.ops = &b->ops;
    b->loop.loop.now = clock_now(&b->clock.clock);
    b->log = (struct log){.max = LOG_LEVEL_DEBUG, .write = keep, .arg = b};
    snapshot_latch_init(&b->latch);
    refclock_init(&b->r, &config, &b->loop.loop, &b->log, &b->latch);
    assert_int_equal(refclock_add(&b->r, &receiver), 0);
    refclock_start(&b->r);
    b->pulse = (struct loop_timer){.name = "pulse", .fire = pulse_fires, .arg = b};
    b->message = (struct loop_timer){.name = "message", .fire = message_fires, .arg = b};
    b->judge = (struct loop_timer){.name = "judge", .fire = judge_fires, .arg = b};
    b->second = START / SECOND + 1;
    loop_after(&b->loop.loop, &b->pulse, b->second * SECOND + MS - START);
    loop_after(&b->loop.loop, &b->judge, 100 * MS);
    return b;
}

static inline void end(struct bench *b)
{
    assert_int_equal(b->outside, 0);
    refclock_stop(&b->r);
    loop_cancel(&b->loop.loop, &b->pulse);
    loop_cancel(&b->loop.loop, &b->message);
    loop_cancel(&b->loop.loop, &b->judge);
    assert_null(b->loop.loop.timers);
    loop_close(&b->loop.loop);
    free(b);
}

static inline void run(struct bench *b, double seconds)
{
    int64_t until = b->loop.truth + llrint(seconds * 1e9);
    while (b->loop.truth < until)
        assert_int_equal(loop_turn(&b->loop.loop, until), 0);
}

static inline double error_now(struct bench *b)
{
    return clock_virtual_error(&b->clock);
}

static inline struct bench *locked(double offset)
{
    struct bench *b = begin(true, offset);
    run(b, 60);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    return b;
}

#endif
