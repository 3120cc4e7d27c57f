/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/discipline.h"
#include "riccati.h"

#define SECOND INT64_C(1000000000)
#define TRUTH  (INT64_C(1795521600) * SECOND)
#define SIGMA  1e-6

/*
 * A clock on an oscillator, steered, and its pulses: local time is what the steered clock shows,
 * less steps, so it is `behind` true time by the wander and by all that steering did not do.
 */
struct bench {
    struct discipline d;
    struct wanderer w;
    struct rng noise;
    int64_t second; /* true s since TRUTH */
    int64_t far;    /* ns that the clock stands wrong from the start on */
    double phase;   /* s, free-running clock behind true time, at the second */
    double steered; /* s, what steering did */
    double freq;    /* in force */
};

static void begin(struct bench *b, double white_fm, double walk_fm, double freq, uint64_t seed)
{
    *b = (struct bench){.w = {.white_fm = white_fm, .walk_fm = walk_fm, .y = freq}};
    b->w.rng = rng_seeded(seed, 1);
    b->noise = rng_seeded(seed, 2);
}

static int64_t local_at(const struct bench *b, double error)
{
    return TRUTH + b->second * SECOND - b->far - llrint((b->phase - b->steered + error) * 1e9);
}

static double behind_now(const struct bench *b)
{
    return b->phase - b->steered;
}

/* True time goes on by a second. */
static void second(struct bench *b)
{
    b->second++;
    b->phase = wander_next(&b->w);
    b->steered += b->freq;
}

static struct sample pulse(struct bench *b, double error)
{
    return (struct sample){
        .local = local_at(b, error), .truth = TRUTH + b->second * SECOND, .pulse = true};
}

static void feed(struct bench *b)
{
    struct sample s = pulse(b, SIGMA * rng_gauss(&b->noise));
    discipline_update(&b->d, &s, false);
}

static void set_freq(struct bench *b, double freq)
{
    b->freq = freq;
    discipline_steered(&b->d, freq, local_at(b, 0));
}

/* The estimate at the true second that has begun; `pulse_error` has no part in it. */
static struct estimate estimate(const struct bench *b)
{
    struct estimate e;
    discipline_estimate(&b->d, local_at(b, 0), &e);
    return e;
}

static double error_of(const struct bench *b, const struct estimate *e)
{
    double far = (double)(e->shift - b->far) * 1e-9;
    return far + e->offset - behind_now(b);
}

/* ---- the estimate ---- */

static void follows_a_free_clock(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 3; seed++) {
        struct bench b;
        begin(&b, 1e-9, 1e-9, -37e-6, seed);
        discipline_init(&b.d, 0, local_at(&b, 0));
        assert_false(b.d.started);
        for (int i = 0; i < 2000; i++) {
            second(&b);
            feed(&b);
            struct estimate e = estimate(&b);
            if (i >= 4)
                assert_true(fabs(error_of(&b, &e)) < e.stat);
            if (i > 100) {
                assert_true(fabs(error_of(&b, &e)) < 5 * e.sigma);
                assert_near(e.freq, b.w.y, 6 * e.freq_sigma);
            }
        }
        struct estimate e = estimate(&b);
        assert_true(e.stat < 10e-6 && e.sigma > 50e-9 && e.sigma < 1e-6);
        assert_near(e.rate, e.freq, 1e-15);
        assert_near(e.age, 0, 1e-5);
    }
}

/* Steering disturbs nothing: the same pulses, whatever is done to the clock. */
static void steering_does_not_disturb(void **state)
{
    (void)state;
    struct bench calm, steered;
    struct rng rng = rng_seeded(1, 3);
    begin(&calm, 1e-9, 1e-9, 20e-6, 1);
    begin(&steered, 1e-9, 1e-9, 20e-6, 1);
    discipline_init(&calm.d, 0, local_at(&calm, 0));
    discipline_init(&steered.d, 0, local_at(&steered, 0));
    for (int i = 0; i < 3000; i++) {
        second(&calm);
        second(&steered);
        feed(&calm);
        feed(&steered);
        set_freq(&steered, 100e-6 * (2 * rng_uniform(&rng) - 1));
        struct estimate a = estimate(&calm), b = estimate(&steered);
        if (i < 50)
            continue;
        /* local time runs at another rate, by up to 100 ppm, and in whole nanoseconds */
        assert_near(a.freq, b.freq, 2e-8);
        assert_near(error_of(&calm, &a), error_of(&steered, &b), 100e-9);
        assert_near(b.rate, b.freq - steered.freq, 3e-7);
    }
}

/* A correction counts by the clock that it makes longer or shorter: 400 ppm of 400 ppm are 160 ns a
 * second, which must not look like a frequency. */
static void a_long_slew(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 0, 0, 20e-6, 1);
    discipline_init(&b.d, 0, local_at(&b, 0));
    for (int i = 0; i < 600; i++) {
        second(&b);
        struct sample s = pulse(&b, 0);
        discipline_update(&b.d, &s, false);
        set_freq(&b, i < 200 ? 0 : i < 400 ? 400e-6 : -400e-6);
        struct estimate e = estimate(&b);
        if (i > 10)
            assert_near(e.freq, 20e-6, 3e-8);
    }
}

/* Samples that waited (for their second) belong to what was in force when they came. */
static void samples_that_waited(void **state)
{
    (void)state;
    struct bench b;
    struct sample waiting[30];
    begin(&b, 0, 0, 10e-6, 1);
    discipline_init(&b.d, 0, local_at(&b, 0));
    for (int i = 0; i < 100; i++) {
        second(&b);
        feed(&b);
    }
    for (int i = 0; i < 30; i++) {
        second(&b);
        waiting[i] = pulse(&b, 0);
        set_freq(&b, i % 2 ? 400e-6 : -400e-6);
    }
    assert_true(discipline_reaches(&b.d, waiting[0].local));
    for (int i = 0; i < 30; i++) {
        double innovation, sigma;
        discipline_innovation(&b.d, &waiting[i], &innovation, &sigma);
        assert_true(fabs(innovation) < 6 * sigma);
        discipline_update(&b.d, &waiting[i], false);
    }
    struct estimate e = estimate(&b);
    assert_near(error_of(&b, &e), 0, 2e-6);
    for (int i = 0; i < DISCIPLINE_SEGMENTS; i++) {
        second(&b);
        set_freq(&b, i * 1e-6);
    }
    assert_false(discipline_reaches(&b.d, waiting[0].local));
    assert_true(discipline_reaches(&b.d, local_at(&b, 0)));
}

/* A clock that stands years off loses no precision. */
static void years_off(void **state)
{
    (void)state;
    static const int64_t far[] = {1000000000, -1000000000, 1795521600};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        struct bench b;
        begin(&b, 1e-9, 1e-10, 20e-6, 1);
        b.far = far[i] * SECOND + 123456789;
        discipline_init(&b.d, 0, local_at(&b, 0));
        for (int n = 0; n < 500; n++) {
            second(&b);
            feed(&b);
        }
        struct estimate e = estimate(&b);
        assert_near(error_of(&b, &e), 0, 1e-6);
        assert_true(e.stat < 20e-6);
    }
}

/* An outage: the bound grows and holds, and nothing is lost afterwards. */
static void an_outage(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 5; seed++) {
        struct bench b;
        begin(&b, 5e-9, 2e-9, 15e-6, seed);
        discipline_init(&b.d, 0, local_at(&b, 0));
        for (int i = 0; i < 3000; i++) {
            second(&b);
            feed(&b);
        }
        struct estimate before = estimate(&b), e = before;
        double last = 0;
        for (int i = 1; i <= 7200; i++) {
            second(&b);
            e = estimate(&b);
            assert_true(fabs(error_of(&b, &e)) < e.stat);
            assert_true(e.stat >= last);
            last = e.stat;
            assert_near(e.age, i, 0.2);
        }
        assert_true(e.stat > 20 * before.stat);
        for (int i = 0; i < 300; i++) {
            second(&b);
            feed(&b);
        }
        e = estimate(&b);
        assert_true(fabs(error_of(&b, &e)) < 3e-6 && e.stat < 30e-6);
    }
}

/* When the estimate is wrong and the pulses are right. */
static void reopened(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, 1e-9, 1e-9, 0, 1);
    discipline_init(&b.d, 0, local_at(&b, 0));
    for (int i = 0; i < 1000; i++) {
        second(&b);
        feed(&b);
    }
    double innovation, sigma;
    b.w.x += 300e-6;
    second(&b);
    struct sample s = pulse(&b, 0);
    discipline_innovation(&b.d, &s, &innovation, &sigma);
    assert_near(innovation, 300e-6, 10e-6);
    assert_true(sigma < 5e-6);
    struct estimate closed = estimate(&b);
    discipline_update(&b.d, &s, true);
    struct estimate e = estimate(&b);
    assert_true(fabs(error_of(&b, &e)) < 0.2 * fabs(error_of(&b, &closed)));
    for (int i = 0; i < 60; i++) {
        second(&b);
        feed(&b);
        e = estimate(&b);
    }
    assert_true(fabs(error_of(&b, &e)) < 5e-6);
}

/* After an outage a late pulse is as likely as any other offset: nothing is believed to the clock
 * before some pulses agree. */
static void a_late_pulse_after_an_outage(void **state)
{
    (void)state;
    for (int late = 0; late < 3; late++) {
        struct bench b;
        begin(&b, 5e-9, 5e-9, 15e-6, 1);
        discipline_init(&b.d, 0, local_at(&b, 0));
        for (int i = 0; i < 2000; i++) {
            second(&b);
            feed(&b);
        }
        for (int i = 0; i < 600; i++)
            second(&b);
        double lateness = 2 * estimate(&b).sigma;
        for (int i = 0; i < 60; i++) {
            second(&b);
            struct sample s = pulse(&b, SIGMA * rng_gauss(&b.noise) + (i == late ? lateness : 0));
            double innovation, sigma;
            discipline_innovation(&b.d, &s, &innovation, &sigma);
            assert_true(fabs(innovation) < 4.5 * sigma);
            discipline_update(&b.d, &s, false);
            struct estimate e = estimate(&b);
            assert_true(fabs(error_of(&b, &e)) < e.stat);
            if (i > 10)
                assert_near(error_of(&b, &e), 0, 3e-6);
            if (i > 30)
                assert_true(e.stat < 20e-6);
        }
    }
}

static void before_the_first_sample(void **state)
{
    (void)state;
    struct discipline d;
    struct sample s = {.local = TRUTH, .truth = TRUTH + 5 * SECOND};
    double innovation, sigma;
    discipline_init(&d, 0, TRUTH);
    discipline_innovation(&d, &s, &innovation, &sigma);
    assert_true(innovation == 0 && isinf(sigma));
    assert_false(discipline_memory(&d, TRUTH).known);
}

/* Samples that jump by years say nothing, and carried on they would leave what integers can hold.
 */
static void samples_that_contradict_each_other(void **state)
{
    (void)state;
    struct discipline d;
    discipline_init(&d, 0, TRUTH);
    assert_false(discipline_ready(&d));
    for (int i = 0; i < 100; i++) {
        struct sample s = {.local = TRUTH + i * SECOND,
                           .truth = TRUTH + i * i * INT64_C(31536) * SECOND};
        discipline_update(&d, &s, i % 10 == 9);
        assert_false(discipline_ready(&d));
    }
    struct bench b;
    begin(&b, 1e-9, 1e-9, 400e-6, 1);
    discipline_init(&b.d, 0, local_at(&b, 0));
    for (int i = 1; i < 100; i++) {
        second(&b);
        feed(&b);
        assert_int_equal(discipline_ready(&b.d), i >= 4);
    }
}

/* How near to the best that any filter could do, and what is promised meanwhile. */
static void close_to_the_optimum(void **state)
{
    (void)state;
    static const struct {
        double white_fm, walk_fm;
    } rows[] = {{1e-9, 1e-9}, {5e-9, 20e-9}, {100e-9, 1e-9}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kalman_noise q = {.qx = pow(rows[i].white_fm / SIGMA, 2),
                                 .qy = pow(rows[i].walk_fm / SIGMA, 2)};
        double sum = 0, claimed = 0, best = sqrt(riccati(&q).p) * SIGMA;
        int n = 0;
        for (uint64_t seed = 0; seed < 2; seed++) {
            struct bench b;
            begin(&b, rows[i].white_fm, rows[i].walk_fm, 20e-6, seed);
            discipline_init(&b.d, 0, local_at(&b, 0));
            for (int t = 0; t < 6000; t++) {
                second(&b);
                struct estimate e = {0};
                if (t > 1500) { /* just before the pulse is used */
                    e = estimate(&b);
                    sum += pow(error_of(&b, &e), 2);
                    claimed += e.sigma;
                    n++;
                    assert_true(fabs(error_of(&b, &e)) < e.stat);
                }
                feed(&b);
            }
        }
        double ratio = sqrt(sum / n) / best, honest = claimed / n / sqrt(sum / n);
        if (ratio > 1.15 || honest < 0.7 || honest > 1.5)
            print_error("row %zu: %g of the optimum, claims %g of it\n", i, ratio, honest);
        assert_true(ratio < 1.15);
        assert_true(honest > 0.7 && honest < 1.5);
    }
}

/* ---- what is kept over a restart ---- */

static void a_warm_start(void **state)
{
    (void)state;
    struct bench b, again;
    begin(&b, 1e-9, 1e-9, -60e-6, 3);
    discipline_init(&b.d, 0, local_at(&b, 0));
    for (int i = 0; i < 4000; i++) {
        second(&b);
        feed(&b);
    }
    struct memory m = discipline_memory(&b.d, local_at(&b, 0));
    assert_true(m.known && m.freq_error > 0);
    assert_near(m.freq, b.w.y, 6 * m.freq_error);
    assert_near(m.pulse, SIGMA, 0.2 * SIGMA);
    begin(&again, 1e-9, 1e-9, b.w.y, 4);
    discipline_init(&again.d, 0, local_at(&again, 0));
    discipline_warm(&again.d, &m);
    for (int i = 0; i < 5; i++) {
        second(&again);
        feed(&again);
    }
    struct estimate e = estimate(&again);
    assert_near(e.freq, again.w.y, 1e-7); /* five pulses alone tell it to 1e-6 */
    assert_true(fabs(error_of(&again, &e)) < e.stat);
}

/* ---- steering orders ---- */

static void orders(void **state)
{
    (void)state;
    static const struct {
        double behind, horizon;
        bool may_step;
        double step_over;
        int kind;
        double amount;
    } rows[] = {
        {0, 1, true, 0.5, STEER_SLEW, 20e-6},          {100e-6, 1, true, 0.5, STEER_SLEW, 120e-6},
        {-100e-6, 1, true, 0.5, STEER_SLEW, -80e-6},   {100e-6, 0.5, true, 0.5, STEER_SLEW, 220e-6},
        {100e-6, 1e-6, true, 0.5, STEER_SLEW, 420e-6}, /* a slew is limited ... */
        {0.4, 1, true, 0.5, STEER_SLEW, 420e-6},       {-0.4, 1, true, 0.5, STEER_SLEW, -380e-6},
        {0.6, 1, true, 0.5, STEER_STEP, 0.6}, /* ... and a step where it is allowed */
        {-1e9, 1, true, 0.5, STEER_STEP, -1e9},        {0.6, 1, false, 0.5, STEER_SLEW, 420e-6},
        {1e-3, 1, true, 0.5e-3, STEER_STEP, 1e-3},
    };
    struct estimate e = {.freq = 20e-6, .sigma = 1e-9, .gain = 0.05};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct steering s = discipline_steer(&e, rows[i].behind, rows[i].horizon, rows[i].may_step,
                                             rows[i].step_over);
        assert_int_equal(s.kind, rows[i].kind);
        assert_near(s.amount, rows[i].amount, 1e-8);
        assert_true(*s.reason);
    }
}

/* Inside the estimate's noise only a part is taken back, of the right sign. */
static void calm_inside_the_noise(void **state)
{
    (void)state;
    struct estimate e = {.freq = 20e-6, .sigma = 1e-6, .gain = 0.01};
    double part = discipline_steer(&e, 0.5e-6, 1, true, 0.5).amount - e.freq;
    assert_true(part > 0 && part < 0.5e-6);
    double all = discipline_steer(&e, 400e-6, 1, true, 0.5).amount - e.freq;
    assert_true(all > 390e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_a_free_clock),
        cmocka_unit_test(steering_does_not_disturb),
        cmocka_unit_test(a_long_slew),
        cmocka_unit_test(samples_that_waited),
        cmocka_unit_test(years_off),
        cmocka_unit_test(an_outage),
        cmocka_unit_test(reopened),
        cmocka_unit_test(a_late_pulse_after_an_outage),
        cmocka_unit_test(before_the_first_sample),
        cmocka_unit_test(samples_that_contradict_each_other),
        cmocka_unit_test(close_to_the_optimum),
        cmocka_unit_test(a_warm_start),
        cmocka_unit_test(orders),
        cmocka_unit_test(calm_inside_the_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
