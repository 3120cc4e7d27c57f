/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a receiver says of its pulses' granularity: which pulse it is of, and whether it helps. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "near.h"
#include "refclock/civil.h"
#include "refclock/rng.h"
#include "refclock/sawtooth.h"

#define T0 (INT64_C(1790000000) * NS_PER_S)

static void hear(struct sawtooth_use *u, double at, int64_t second, double error)
{
    struct sawtooth s = {.local = T0 + llrint(at * 1e9), .second = second, .error = error};
    sawtooth_hear(u, &s);
}

static double of(const struct sawtooth_use *u, double at, int64_t second)
{
    return sawtooth_of(u, T0 + llrint(at * 1e9), second);
}

static void c13_only_the_next_pulse(void **state)
{
    struct sawtooth_use u = {0};
    (void)state;
    assert_true(isnan(of(&u, 1, 101)));
    hear(&u, 0.9, INT64_MIN, 1e-9);
    assert_near(of(&u, 1, 101), 1e-9, 1e-15);
    assert_true(isnan(of(&u, 0.85, 101))); /* before it was said */
    assert_true(isnan(of(&u, 2, 102)));    /* what was said of that one was lost */
    hear(&u, 1.9, INT64_MIN, 2e-9);
    assert_near(of(&u, 2, 102), 2e-9, 1e-15);
    assert_near(of(&u, 1, 101), 1e-9, 1e-15); /* numbered later */
}

static void c13_the_named_second_counts(void **state)
{
    struct sawtooth_use u = {0};
    (void)state;
    for (int i = 0; i < 40; i++)
        hear(&u, i + 0.2, 101 + i, i * 1e-9);
    assert_near(of(&u, 40, 140), 39e-9, 1e-15);
    assert_near(of(&u, 30, 130), 29e-9, 1e-15);
    assert_true(isnan(of(&u, 40, 141)));
    assert_true(isnan(of(&u, 41, 141)));
    assert_true(isnan(of(&u, 10, 110))); /* long forgotten */
}

/* So many pulses with noise and a sawtooth of +-10 ns; `sign` of what is said of it. */
static int judge(struct sawtooth_use *u, struct rng *rng, int pulses, double noise, double sign)
{
    int turns = 0;
    double saw = 0;
    for (int i = 0; i < pulses; i++) {
        saw = remainder(saw + 6.3e-9 + 1e-9 * rng_gauss(rng), 20e-9);
        int64_t local = u->last ? u->last + NS_PER_S : T0;
        double q = -saw; /* a pulse that comes late has a negative one */
        struct sawtooth s = {.local = local - NS_PER_S / 2, .second = INT64_MIN, .error = sign * q};
        sawtooth_hear(u, &s);
        turns += sawtooth_judge(u, local, q + noise * rng_gauss(rng), sawtooth_of(u, local, 0));
    }
    return turns;
}

static void c13_on_where_the_spread_shrinks_and_only_there(void **state)
{
    static const struct {
        double noise, sign;
        bool on;
    } rows[] = {
        {5e-9, 1, true},   {1e-9, 1, true},  {20e-9, 1, true}, {5e-9, -1, false},
        {1e-9, -1, false}, {5e-9, 3, false}, {1e-6, 1, false}, /* nobody could see it */
        {1e-6, -1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct sawtooth_use u = {0};
        struct rng rng = rng_seeded(i + 1, 3);
        assert_int_equal(judge(&u, &rng, 3000, rows[i].noise, rows[i].sign), rows[i].on);
        assert_int_equal(u.on, rows[i].on);
        assert_true(rows[i].on ? sawtooth_left(&u) == 0 : sawtooth_left(&u) > 1e-9);
    }
}

/* Other firmware, another sign: it turns itself off, and says so. */
static void c13_a_sign_that_is_reversed_turns_it_off(void **state)
{
    struct sawtooth_use u = {0};
    struct rng rng = rng_seeded(1, 1);
    char text[192];
    (void)state;
    assert_string_equal(sawtooth_sentence(&u, text, sizeof text), "");
    assert_int_equal(judge(&u, &rng, 600, 5e-9, 1), 1);
    assert_non_null(strstr(sawtooth_sentence(&u, text, sizeof text), "taken off each pulse"));
    assert_int_equal(judge(&u, &rng, 600, 5e-9, -1), 1);
    assert_false(u.on);
    assert_non_null(strstr(sawtooth_sentence(&u, text, sizeof text), "not taken off"));
}

/* Pulses without a word, and gaps, make no pair. */
static void c13_pulses_that_nothing_was_said_of(void **state)
{
    struct sawtooth_use u = {0};
    (void)state;
    for (int i = 0; i < 300; i++) {
        int64_t local = T0 + i * NS_PER_S;
        bool said = i % 3 != 0;
        assert_false(
            sawtooth_judge(&u, local, said ? 9e-9 * (i % 2) : 1, said ? 9e-9 : (double)NAN));
    }
    assert_near(u.n, 0, 0);
    assert_int_equal(u.without, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c13_only_the_next_pulse),
        cmocka_unit_test(c13_the_named_second_counts),
        cmocka_unit_test(c13_on_where_the_spread_shrinks_and_only_there),
        cmocka_unit_test(c13_a_sign_that_is_reversed_turns_it_off),
        cmocka_unit_test(c13_pulses_that_nothing_was_said_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
