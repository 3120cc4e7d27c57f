/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/persist.h"
#include "refclock/rng.h"

static double of_sine(double period)
{
    struct persist p = {0};
    for (int i = 0; i < 6 * 3600; i++)
        persist_pulse(&p, 1e-9 * cos(2 * M_PI * i / period), 1);
    return persist_time(&p);
}

static void a_swing_lasts_a_part_of_its_period(void **state)
{
    (void)state;
    double hour = of_sine(3600), day = of_sine(86400);
    assert_true(hour > 60 && hour < 1200);
    assert_true(day > 4 * hour);
}

static void aging_lasts(void **state)
{
    (void)state;
    struct persist p = {0};
    for (int i = 0; i < 4 * 3600; i++)
        persist_pulse(&p, 1e-13, 1);
    assert_true(persist_time(&p) > 1e5);
}

static void noise_does_not_last(void **state)
{
    (void)state;
    struct persist p = {0};
    struct rng rng = rng_seeded(1, 1);
    for (int i = 0; i < 8 * 3600; i++)
        persist_pulse(&p, 1e-9 * rng_gauss(&rng), 1);
    assert_true(persist_time(&p) < 300);
}

static void nothing_seen_yet(void **state)
{
    (void)state;
    struct persist p = {0};
    assert_true(persist_time(&p) > 0 && isfinite(persist_time(&p)));
    for (int i = 0; i < 4 * 3600; i++)
        persist_pulse(&p, 0, 1);
    assert_true(persist_time(&p) > 0 && isfinite(persist_time(&p)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_swing_lasts_a_part_of_its_period),
        cmocka_unit_test(aging_lasts),
        cmocka_unit_test(noise_does_not_last),
        cmocka_unit_test(nothing_seen_yet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
