/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Oscillators of known noise, seen through measurements of differing error. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refclock/rng.h"
#include "refclock/wander.h"

/* The walk that is found for an oscillator with white FM of 1e-9 and random-walk FM of `walk` a
 * second, after `hours` of measurements every 16 s, each between 0.5 and 8 times `error` off. */
static double found_walk(double walk, double error, int hours)
{
    struct wander w;
    struct rng rng;
    double phase = 0.01, freq = 2e-6, last = 0;
    wander_init(&w, 0, 1e-4);
    rng = rng_seeded(11, 0);
    for (int t = 1; t <= hours * 3600; t++) {
        freq += walk * rng_gauss(&rng);
        phase += freq + 1e-9 * rng_gauss(&rng);
        if (t % 16)
            continue;
        double sigma = error * exp2(4 * rng_uniform(&rng) - 1);
        wander_update(&w, phase + sigma * rng_gauss(&rng), t - last, sigma * sigma);
        last = t;
    }
    return sqrt(w.qy);
}

static void a_restless_crystal_is_told_from_a_calm_one(void **state)
{
    (void)state;
    double pi = found_walk(1e-9, 1e-4, 12);
    assert_true(pi > 0.4e-9 && pi < 2.5e-9);
    double tcxo = found_walk(1e-11, 1e-4, 24);
    assert_true(tcxo < 4e-11);
}

static void one_lie_does_not_make_the_oscillator_noisy(void **state)
{
    (void)state;
    struct wander w;
    struct rng rng;
    wander_init(&w, 0, 1e-6);
    rng = rng_seeded(2, 0);
    for (int i = 0; i < 2000; i++)
        wander_update(&w, i == 1000 ? 10.0 : 1e-4 * rng_gauss(&rng), 16, 1e-8);
    assert_true(sqrt(w.qy) < 1e-9);
}

static void the_figures_stay_finite(void **state)
{
    (void)state;
    struct wander w;
    wander_init(&w, 0, 1e-4);
    for (int i = 0; i < 100; i++)
        wander_update(&w, i % 2 ? 1e9 : -1e9, i % 3 ? 0 : 1e7, 1e-18);
    assert_true(isfinite(w.qx) && isfinite(w.qy) && w.qx > 0 && w.qy > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_restless_crystal_is_told_from_a_calm_one),
        cmocka_unit_test(one_lie_does_not_make_the_oscillator_noisy),
        cmocka_unit_test(the_figures_stay_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
