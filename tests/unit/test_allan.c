/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/allan.h"
#include "refclock/rng.h"

/* White phase noise falls with 1/tau, white FM with 1/sqrt(tau): IEEE Std 1139, table of slopes. */
static void slopes(void **state)
{
    (void)state;
    struct allan white = {0}, walk = {0};
    struct rng rng = rng_seeded(1, 1);
    double phase = 0;
    for (int i = 0; i < 40000; i++) {
        phase += 1e-9 * rng_gauss(&rng);
        allan_pulse(&white, 1e-6 * rng_gauss(&rng), 1);
        allan_pulse(&walk, phase, 1);
    }
    for (int level = 0; level < 8; level++) {
        double tau = allan_tau(level);
        assert_true(fabs(allan_deviation(&white, level) / (sqrt(3) * 1e-6 / tau) - 1) < 0.3);
        assert_true(fabs(allan_deviation(&walk, level) / (1e-9 / sqrt(tau)) - 1) < 0.3);
    }
}

/* A constant frequency and a constant drift: no deviation, and drift x tau / sqrt(2). */
static void deterministic(void **state)
{
    (void)state;
    struct allan line = {0}, drift = {0};
    for (int i = 0; i < 40000; i++) {
        allan_pulse(&line, 2e-5 * i, 1);
        allan_pulse(&drift, 0.5e-12 * i * (double)i, 1);
    }
    for (int level = 0; level < ALLAN_LEVELS; level++) {
        assert_true(allan_deviation(&line, level) < 1e-14);
        double expected = 1e-12 * allan_tau(level) / sqrt(2);
        assert_true(fabs(allan_deviation(&drift, level) / expected - 1) < 1e-2);
    }
}

/* Missing pulses cost differences, and never bring in one over another span. */
static void missing_pulses(void **state)
{
    (void)state;
    struct allan a = {0};
    struct rng rng = rng_seeded(2, 1);
    int64_t second = 0, last = 0;
    assert_true(isnan(allan_deviation(&a, 0)));
    for (int i = 0; i < 40000; i++) {
        second++;
        if (rng_uniform(&rng) < 0.1)
            continue;
        allan_pulse(&a, 2e-5 * (double)second, last ? second - last : 1);
        last = second;
    }
    for (int level = 0; level < 6; level++)
        assert_true(allan_deviation(&a, level) < 1e-14);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slopes),
        cmocka_unit_test(deterministic),
        cmocka_unit_test(missing_pulses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
