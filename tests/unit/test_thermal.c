/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/rng.h"
#include "refclock/thermal.h"

/*
 * A crystal of 0.2 ppm/K in a room that swings by 5 K in an hour, and a sensor that lags and shows
 * steps of 0.1 K; or a sensor that has nothing to do with it.
 */
struct room {
    struct thermal t;
    struct rng rng;
    double phase, felt;
    double per_kelvin, lag, fed;
    int64_t second;
};

static double air(int64_t second)
{
    return 20 + 5 * sin(2 * M_PI * (double)second / 3600);
}

static void run(struct room *r, int64_t seconds, bool pulses)
{
    for (int64_t end = r->second + seconds; r->second < end; r->second++) {
        double temperature = air(r->second);
        r->felt += (temperature - r->felt) / r->lag;
        if (r->second % 4 == 0)
            r->fed += thermal_read(&r->t, rint(r->felt * 10) / 10, r->second * 1000000000);
        r->phase += r->per_kelvin * (temperature - 20) + 1e-9 * rng_gauss(&r->rng);
        if (pulses)
            (void)thermal_pulse(&r->t, r->phase + 1e-6 * rng_gauss(&r->rng), 1);
    }
}

static void learns_coefficient_and_lag(void **state)
{
    (void)state;
    struct room r = {.rng = rng_seeded(1, 1), .felt = 20, .per_kelvin = 2e-7, .lag = 30};
    run(&r, 4 * 3600, true);
    assert_true(r.t.on);
    assert_int_equal(r.t.turns, 1);
    assert_true(fabs(r.t.per_kelvin / 2e-7 - 1) < 0.06);
    /* by hand: the lag is what the slope's coefficient is for, near 30 s and the smoothing's 10 s
     */
    assert_in_range((long)(r.t.per_slope / r.t.per_kelvin), 20, 70);
}

static void feeds_forward_without_pulses(void **state)
{
    (void)state;
    struct room r = {.rng = rng_seeded(2, 1), .felt = 20, .per_kelvin = 2e-7, .lag = 30};
    run(&r, 4 * 3600, true);
    double before = r.fed, worst = 0;
    for (int i = 0; i < 60; i++) {
        run(&r, 60, false);
        double should = 2e-7 * (air(r.second - 1) - air(4 * 3600 - 1));
        worst = fmax(worst, fabs(r.fed - before - should));
    }
    assert_true(worst < 0.1 * 1e-6); /* of a swing of 1e-6 */
    assert_true(thermal_doubt(&r.t) > 0);
}

static void a_sensor_that_does_not_help_is_not_used(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct room r = {.rng = rng_seeded(seed, 1), .felt = 20, .per_kelvin = 0, .lag = 30};
        run(&r, 6 * 3600, true);
        assert_false(r.t.on);
        assert_true(r.fed == 0);
    }
}

static void switches_itself_off(void **state)
{
    (void)state;
    struct room r = {.rng = rng_seeded(3, 1), .felt = 20, .per_kelvin = 2e-7, .lag = 30};
    run(&r, 3 * 3600, true);
    assert_true(r.t.on);
    r.per_kelvin = -1e-7; /* somebody moved the sensor */
    run(&r, 24 * 3600, true);
    assert_true(r.t.turns >= 2 || r.t.per_kelvin < 0);
}

static void survives_a_restart(void **state)
{
    (void)state;
    struct room r = {.rng = rng_seeded(4, 1), .felt = 20, .per_kelvin = 2e-7, .lag = 30};
    struct memory m = {0};
    struct thermal again = {0};
    run(&r, 4 * 3600, true);
    thermal_memory(&r.t, &m);
    assert_true(m.thermal);
    thermal_warm(&again, &m);
    assert_true(again.on);
    assert_true(fabs(again.per_kelvin - r.t.per_kelvin) < 1e-15);
    /* it is 3 K warmer than it was when the file was written */
    double moved = thermal_read(&again, m.celsius + 3, 0);
    assert_true(fabs(moved - 3 * again.per_kelvin) < 0.15 * 3 * again.per_kelvin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_coefficient_and_lag),
        cmocka_unit_test(feeds_forward_without_pulses),
        cmocka_unit_test(a_sensor_that_does_not_help_is_not_used),
        cmocka_unit_test(switches_itself_off),
        cmocka_unit_test(survives_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
