/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/noise.h"
#include "riccati.h"

#define SEEDS 4

/* The gains that stand in `n` are the optimum for the noises that it names. */
static void assert_optimal(const struct noise *n, double tolerance)
{
    struct optimum o = riccati(&n->ratio);
    assert_near(o.k[0] / n->k1, 1, tolerance);
    assert_near(o.k[1] / (n->k1 * n->k1), n->k2 / (n->k1 * n->k1), tolerance);
    assert_near(o.k[2] / pow(n->k1, 3), n->k3 / pow(n->k1, 3), tolerance);
}

static void play(struct noise *n, double sigma, double white_fm, double walk_fm, int seconds,
                 uint64_t seed)
{
    struct wanderer w = {.white_fm = white_fm, .walk_fm = walk_fm, .y = 2e-5};
    w.rng = rng_seeded(seed, 5);
    noise_init(n);
    for (int i = 0; i < seconds; i++)
        noise_update(n, wander_next(&w) + sigma * rng_gauss(&w.rng), 1, noise_prior());
}

static void before_anything_was_seen(void **state)
{
    (void)state;
    struct noise n;
    noise_init(&n);
    assert_near(noise_pulse(&n), sqrt(noise_prior()), 1e-12);
    assert_optimal(&n, 1e-6);
    assert_true(noise_white_fm(&n) > 1e-9 && noise_walk_fm(&n) > 1e-11);
}

/* Gains to noises and back, over all kinds and speeds. */
static void gains_and_noises_belong_together(void **state)
{
    (void)state;
    static const double speeds[] = {0.01, 0.05, 0.2, 0.5, 0.8};
    static const struct {
        double frequency, drift; /* shares of the most that qx >= 0 and qy >= 0 allow */
    } shapes[] = {{0, 0}, {0.3, 0}, {1, 0}, {0.9, 0.3}, {1, 0.9}};
    for (size_t i = 0; i < sizeof speeds / sizeof *speeds; i++)
        for (size_t j = 0; j < sizeof shapes / sizeof *shapes; j++) {
            struct noise n;
            double k1 = speeds[i], k3 = shapes[j].drift * k1 * k1 * k1 / 8;
            double k2 = shapes[j].frequency * (k1 * k1 + k1 * k3 / 2) / (2 - k1);
            noise_init(&n);
            noise_warm(&n, 3e-6, k1, k2, k3);
            assert_near(noise_pulse(&n), 3e-6, 1e-15);
            if (n.ratio.qy > 0)
                assert_optimal(&n, 2e-3);
        }
}

static void finds_the_pulses_noise(void **state)
{
    (void)state;
    static const double sigmas[] = {20e-9, 1e-6, 50e-6, 3e-3};
    for (size_t i = 0; i < sizeof sigmas / sizeof *sigmas; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct noise n;
            play(&n, sigmas[i], sigmas[i] / 50, sigmas[i] / 1e4, 3000, seed);
            assert_near(noise_pulse(&n) / sigmas[i], 1, 0.08);
        }
}

struct found {
    double white, walk;
};

/* Geometric mean over some seeds of what was found, as a ratio to what is. */
static struct found found_over_true(double sigma, double white_fm, double walk_fm, int seconds)
{
    struct found f = {0, 0};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct noise n;
        play(&n, sigma, white_fm, walk_fm, seconds, seed);
        f.white += log(fmax(noise_white_fm(&n), 1e-15) / white_fm) / SEEDS;
        f.walk += log(fmax(noise_walk_fm(&n), 1e-18) / walk_fm) / SEEDS;
        assert_near(noise_pulse(&n) / sigma, 1, 0.25);
    }
    return (struct found){exp(f.white), exp(f.walk)};
}

static void finds_white_fm(void **state)
{
    (void)state;
    struct found f = found_over_true(1e-6, 100e-9, 1e-13, 8000);
    assert_true(f.white > 1 / 1.5 && f.white < 1.5);
    f = found_over_true(1e-6, 1e-6, 1e-13, 8000);
    assert_true(f.white > 1 / 1.2 && f.white < 1.2);
}

static void finds_random_walk_fm(void **state)
{
    (void)state;
    struct found f = found_over_true(1e-6, 1e-12, 10e-9, 8000);
    assert_true(f.walk > 1 / 2.0 && f.walk < 2);
    f = found_over_true(1e-6, 1e-12, 100e-9, 8000);
    assert_true(f.walk > 1 / 2.0 && f.walk < 2);
}

/* What counts in the end: the gains found lose little against the best there are. */
static void close_to_the_best(void **state)
{
    (void)state;
    static const struct {
        double white_fm, walk_fm;
    } rows[] = {{1e-9, 1e-9}, {50e-9, 1e-10}, {1e-9, 30e-9}, {300e-9, 10e-9}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double got = 0, best = 0;
        for (uint64_t seed = 0; seed < 2; seed++) {
            struct noise n;
            play(&n, 1e-6, rows[i].white_fm, rows[i].walk_fm, 10000, seed);
            struct wanderer w = {.white_fm = rows[i].white_fm, .walk_fm = rows[i].walk_fm};
            struct kalman_noise q = {.qx = pow(w.white_fm / 1e-6, 2),
                                     .qy = pow(w.walk_fm / 1e-6, 2)};
            struct optimum o = riccati(&q);
            double x[2] = {0}, y[2] = {0}, k[2][2] = {{n.k1, n.k2}, {o.k[0], o.k[1]}};
            w.rng = rng_seeded(seed, 6);
            for (int t = 0; t < 20000; t++) {
                double truth = wander_next(&w), z = truth + 1e-6 * rng_gauss(&w.rng);
                for (int f = 0; f < 2; f++) {
                    x[f] += y[f];
                    *(f ? &best : &got) += t > 1000 ? (x[f] - truth) * (x[f] - truth) : 0;
                    double innovation = z - x[f];
                    x[f] += k[f][0] * innovation;
                    y[f] += k[f][1] * innovation;
                }
            }
        }
        if (sqrt(got / best) > 1.12)
            print_error("row %zu: %g of the optimum\n", i, sqrt(got / best));
        assert_true(sqrt(got / best) < 1.12);
    }
}

/* A disturbance is cut off, and an oscillator that turns restless is noticed in minutes. */
static void disturbed(void **state)
{
    (void)state;
    struct noise n;
    struct wanderer w = {.white_fm = 1e-9, .walk_fm = 1e-10, .rng = rng_seeded(1, 7)};
    noise_init(&n);
    for (int i = 0; i < 4000; i++)
        noise_update(&n, wander_next(&w) + 1e-6 * rng_gauss(&w.rng), 1, noise_prior());
    double before = n.k1, pulse = noise_pulse(&n);
    noise_update(&n, wander_next(&w) + 300e-6, 1, noise_prior());
    for (int i = 0; i < 32; i++)
        noise_update(&n, wander_next(&w) + 1e-6 * rng_gauss(&w.rng), 1, noise_prior());
    assert_true(noise_pulse(&n) < 1.15 * pulse);
    noise_init(&n);
    w = (struct wanderer){.white_fm = 1e-9, .walk_fm = 1e-10, .rng = rng_seeded(1, 7)};
    for (int i = 0; i < 4000; i++)
        noise_update(&n, wander_next(&w) + 1e-6 * rng_gauss(&w.rng), 1, noise_prior());
    w.walk_fm = 300e-9;
    for (int i = 0; i < 300; i++)
        noise_update(&n, wander_next(&w) + 1e-6 * rng_gauss(&w.rng), 1, noise_prior());
    assert_true(n.turns > 0);
    assert_true(n.k1 > 5 * before);
}

/* Gaps: the filters begin anew, what was learned stays. */
static void gaps(void **state)
{
    (void)state;
    struct noise n;
    struct wanderer w = {.white_fm = 100e-9, .walk_fm = 1e-12, .rng = rng_seeded(2, 7)};
    noise_init(&n);
    for (int i = 0; i < 9000; i++) {
        if (i % 1000 == 999)
            w.x += 1; /* and nobody knows where the phase went */
        noise_update(&n, wander_next(&w) + 1e-6 * rng_gauss(&w.rng), i % 1000 == 999 ? 3600 : 1,
                     noise_prior());
    }
    assert_near(noise_pulse(&n), 1e-6, 0.1e-6);
    assert_true(noise_white_fm(&n) > 50e-9 && noise_white_fm(&n) < 200e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(before_anything_was_seen),
        cmocka_unit_test(gains_and_noises_belong_together),
        cmocka_unit_test(finds_the_pulses_noise),
        cmocka_unit_test(finds_white_fm),
        cmocka_unit_test(finds_random_walk_fm),
        cmocka_unit_test(close_to_the_best),
        cmocka_unit_test(disturbed),
        cmocka_unit_test(gaps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
