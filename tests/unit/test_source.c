/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/acquire.h"
#include "refclock/rng.h"
#include "refclock/source.h"

#define SIGMA 1e-6
#define LOTS  1000

static void the_gate(void **state)
{
    (void)state;
    static const struct {
        double innovation; /* in sigma */
        enum source_verdict verdict;
    } rows[] = {
        {0, SOURCE_USED},         {3, SOURCE_USED},    {-4.4, SOURCE_USED},
        {4.4, SOURCE_USED},       {5, SOURCE_EARLY},   {1000, SOURCE_EARLY},
        {-4.6, SOURCE_LATE},      {-1e6, SOURCE_LATE}, {INFINITY, SOURCE_EARLY},
        {-INFINITY, SOURCE_LATE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct source s = {0};
        assert_int_equal(source_judge(&s, rows[i].innovation * SIGMA, SIGMA, LOTS),
                         rows[i].verdict);
        assert_int_equal(s.used, rows[i].verdict == SOURCE_USED);
        assert_int_equal(s.early, rows[i].verdict == SOURCE_EARLY);
        assert_int_equal(s.late, rows[i].verdict == SOURCE_LATE);
    }
}

static void what_is_no_number_is_not_used(void **state)
{
    (void)state;
    struct source s = {0};
    assert_int_not_equal(source_judge(&s, NAN, SIGMA, LOTS), SOURCE_USED);
    assert_int_not_equal(source_judge(&s, 0, NAN, LOTS), SOURCE_USED);
    assert_true(isfinite(s.jitter));
}

static void the_first_are_taken_as_they_come(void **state)
{
    (void)state;
    struct source s = {0};
    for (uint64_t i = 0; i < ACQUIRE_PULSES; i++)
        assert_int_equal(source_judge(&s, 1, SIGMA, i), SOURCE_USED);
    assert_int_equal(source_judge(&s, 1, SIGMA, ACQUIRE_PULSES), SOURCE_EARLY);
}

static void late_ones_and_their_mean(void **state)
{
    (void)state;
    struct source s = {0};
    for (int i = 1; i <= 5; i++) {
        assert_int_equal(source_judge(&s, -i * 100e-6, SIGMA, LOTS), SOURCE_LATE);
        assert_int_equal(source_judge(&s, 0, SIGMA, LOTS), SOURCE_USED);
    }
    assert_int_equal(s.late, 5);
    assert_near(s.late_mean, 300e-6, 1e-12);
}

static void eight_in_a_row_are_right(void **state)
{
    (void)state;
    struct source s = {0};
    for (int round = 1; round <= 3; round++) {
        for (int i = 1; i < 8; i++) {
            assert_int_equal(source_judge(&s, 50e-6, SIGMA, LOTS), SOURCE_EARLY);
            assert_int_equal(s.in_row, i);
        }
        assert_int_equal(source_judge(&s, 50e-6, SIGMA, LOTS), SOURCE_REOPEN);
        assert_int_equal(s.reopened, round);
        assert_int_equal(s.in_row, 0);
    }
    /* one that is used ends a row */
    for (int i = 0; i < 100; i++)
        assert_int_not_equal(source_judge(&s, i % 7 == 6 ? 0 : -50e-6, SIGMA, LOTS), SOURCE_REOPEN);
}

/* What the bound is widened by: the least of a row that agrees in sign. */
static void the_least_of_a_row(void **state)
{
    (void)state;
    struct source s = {0};
    source_judge(&s, 50e-6, SIGMA, LOTS);
    source_judge(&s, 30e-6, SIGMA, LOTS);
    source_judge(&s, 80e-6, SIGMA, LOTS);
    assert_near(s.row_least, 30e-6, 1e-15);
    source_judge(&s, -80e-6, SIGMA, LOTS);
    assert_near(s.row_least, 0, 0);
    source_judge(&s, 80e-6, SIGMA, LOTS);
    assert_near(s.row_least, 0, 0);
    source_judge(&s, 0, SIGMA, LOTS);
    source_judge(&s, -20e-6, SIGMA, LOTS);
    assert_near(s.row_least, -20e-6, 1e-15);
}

static void jitter_is_what_was_used(void **state)
{
    (void)state;
    struct source s = {0};
    struct rng rng = rng_seeded(1, 1);
    double mean = 0;
    for (int i = 0; i < 4000; i++) {
        source_judge(&s, i % 10 ? SIGMA * rng_gauss(&rng) : 1, SIGMA, LOTS);
        mean += i >= 1000 ? s.jitter * s.jitter / 3000 : 0;
    }
    assert_near(sqrt(mean), SIGMA, 0.1 * SIGMA);
    assert_true(fabs(s.offset) < 5 * SIGMA);
}

static void reach(void **state)
{
    (void)state;
    struct source s = {0};
    source_second(&s, true);
    assert_int_equal(s.reach, 1);
    for (int i = 0; i < 20; i++)
        source_second(&s, true);
    assert_int_equal(s.reach, 255);
    source_second(&s, false);
    assert_int_equal(s.reach, 254);
    for (int i = 0; i < 8; i++)
        source_second(&s, false);
    assert_int_equal(s.reach, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_gate),
        cmocka_unit_test(what_is_no_number_is_not_used),
        cmocka_unit_test(the_first_are_taken_as_they_come),
        cmocka_unit_test(late_ones_and_their_mean),
        cmocka_unit_test(eight_in_a_row_are_right),
        cmocka_unit_test(the_least_of_a_row),
        cmocka_unit_test(jitter_is_what_was_used),
        cmocka_unit_test(reach),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
