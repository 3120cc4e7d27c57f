/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/acquire.h"
#include "refclock/bound.h"
#include "refclock/rng.h"

#define PRIOR  1e-12 /* s^2: 1 us */
#define WEIGHT 2
#define GAIN   0.05

static const struct kalman_noise steady = {.qx = 1e-6, .qy = 1e-9};

struct fit {
    struct acquire a;
    struct kalman k;
    double r;
};

static void judge(struct fit *f, double freq, double freq_error)
{
    struct acquire_prior prior = {PRIOR, WEIGHT, freq, freq_error};
    acquire_judge(&f->a, &prior, &f->r);
    acquire_filter(&f->a, &f->k, &steady, f->r, &prior);
}

static double bound_of(const struct fit *f)
{
    return bound_stat(sqrt(f->k.p[0][0] * f->r), (uint64_t)f->a.count, GAIN, 0);
}

/* Pulses on a line, `sigma` noisy; bit i of `late` makes pulse i late by up to milliseconds. */
static void pulses(struct fit *f, int count, double sigma, unsigned late, struct rng *rng)
{
    *f = (struct fit){0};
    for (int i = 0; i < count; i++) {
        double z = 0.5 + 20e-6 * i + sigma * rng_gauss(rng);
        if (late >> i & 1)
            z -= 20 * sigma + rng_exponential(rng, 1e-3);
        acquire_add(&f->a, i, z);
    }
    judge(f, 0, 0);
}

static double error_of(const struct fit *f)
{
    return f->k.x - (0.5 + 20e-6 * (f->a.count - 1));
}

static void a_clean_start(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1, 1);
    double sum = 0;
    for (int run = 0; run < 200; run++)
        for (int count = 3; count <= ACQUIRE_PULSES; count++) {
            struct fit f;
            pulses(&f, count, 1e-6, 0, &rng);
            assert_true(fabs(error_of(&f)) < bound_of(&f));
            sum += count == ACQUIRE_PULSES ? f.r : 0;
            if (count == ACQUIRE_PULSES)
                assert_near(f.k.y, 20e-6, 1e-6);
        }
    assert_near(sqrt(sum / 200), 1e-6, 0.15e-6);
}

/* Up to a quarter of the pulses may lie. */
static void outliers_do_not_move_it(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(2, 1);
    for (int count = 8; count <= ACQUIRE_PULSES; count++)
        for (int run = 0; run < 100; run++) {
            unsigned late = 0;
            for (int n = 0; n < count / 4; n++)
                late |= 1U << rng_u64(&rng) % (unsigned)count;
            struct fit f;
            pulses(&f, count, 1e-6, late, &rng);
            assert_true(fabs(error_of(&f)) < bound_of(&f));
            assert_true(fabs(error_of(&f)) < 20e-6);
            for (int i = 0; i < count; i++)
                if (late >> i & 1)
                    assert_false(f.a.inlier[i]);
        }
}

/* With few pulses any of them may be the one that lies, and nobody can say which: the bound has to
 * cover that. */
static void one_of_few(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(3, 1);
    for (int count = 3; count < 8; count++)
        for (int which = 0; which < count; which++)
            for (int run = 0; run < 500; run++) {
                struct fit f;
                pulses(&f, count, 1e-6, 1U << which, &rng);
                if (fabs(error_of(&f)) >= bound_of(&f))
                    print_error("pulse %d of %d: off by %g, bound %g\n", which, count, error_of(&f),
                                bound_of(&f));
                assert_true(fabs(error_of(&f)) < bound_of(&f));
            }
}

/* Any noise is found, though 1 us was assumed. */
static void other_noises(void **state)
{
    (void)state;
    static const double sigmas[] = {50e-9, 5e-6, 100e-6, 2e-3};
    struct rng rng = rng_seeded(4, 1);
    int outside = 0;
    for (size_t s = 0; s < sizeof sigmas / sizeof *sigmas; s++)
        for (int run = 0; run < 100; run++)
            for (int count = 3; count <= ACQUIRE_PULSES; count++) {
                struct fit f;
                pulses(&f, count, sigmas[s], 0, &rng);
                outside += fabs(error_of(&f)) >= bound_of(&f);
                if (count == ACQUIRE_PULSES && sigmas[s] > 1e-6)
                    assert_near(log(sqrt(f.r) / sigmas[s]), 0, 1.2);
            }
    /* with one degree of freedom nothing is certain */
    assert_in_range(outside, 0, 1);
}

static void a_frequency_known_beforehand(void **state)
{
    (void)state;
    struct fit f = {0};
    acquire_add(&f.a, 0, 0.5);
    judge(&f, 20e-6, 1e-8);
    assert_near(f.k.y, 20e-6, 1e-15);
    kalman_predict(&f.k, 100, &steady);
    assert_near(f.k.x, 0.502, 1e-12);
    /* one that is wrong is found out */
    for (int i = 1; i < ACQUIRE_PULSES; i++)
        acquire_add(&f.a, i, 0.5 - 30e-6 * i);
    judge(&f, 20e-6, 1e-5);
    assert_near(f.k.y, -30e-6, 1e-6);
}

/* With a known frequency two pulses that differ show that one of them lies, and do not turn it. */
static void a_late_one_beside_a_known_frequency(void **state)
{
    (void)state;
    for (int count = 2; count <= 8; count++)
        for (int which = 0; which < count; which++) {
            struct fit f = {0};
            for (int i = 0; i < count; i++)
                acquire_add(&f.a, i, 0.5 + 20e-6 * i - (i == which ? 100e-6 : 0));
            judge(&f, 20e-6, 1e-8);
            assert_near(f.k.y, 20e-6, 1e-7);
            assert_true(f.r > 2 * PRIOR || count > 5);
            if (count > 5)
                assert_near(error_of(&f), 0, 1e-6);
        }
}

/* Two pulses at the same time, and gaps of an hour. */
static void odd_times(void **state)
{
    (void)state;
    struct fit f = {0};
    acquire_add(&f.a, 0, 0.5);
    acquire_add(&f.a, 0, 0.5);
    judge(&f, 0, 0);
    assert_true(isfinite(f.k.x) && isfinite(f.k.y));
    for (int i = 2; i < ACQUIRE_PULSES; i++)
        acquire_add(&f.a, i * 3600, 0.5 + 20e-6 * 3600 * i);
    judge(&f, 0, 0);
    assert_near(f.k.x, 0.5 + 20e-6 * 3600 * (ACQUIRE_PULSES - 1), 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_start),
        cmocka_unit_test(outliers_do_not_move_it),
        cmocka_unit_test(one_of_few),
        cmocka_unit_test(other_noises),
        cmocka_unit_test(a_frequency_known_beforehand),
        cmocka_unit_test(a_late_one_beside_a_known_frequency),
        cmocka_unit_test(odd_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
