/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "near.h"
#include "server/peer/clock_filter.h"

#define SECOND INT64_C(1000000000)

static void add(struct clock_filter *f, int64_t second, double offset, double delay)
{
    struct clock_filter_stage s = {
        .offset = offset, .delay = delay, .dispersion = 1e-6, .local = second * SECOND};
    clock_filter_add(f, &s);
}

static void nothing_is_known_at_first(void **state)
{
    (void)state;
    struct clock_filter f;
    struct clock_filter_figures g;
    clock_filter_init(&f);
    assert_false(clock_filter_figures(&f, 0, 1e-6, &g));
    add(&f, 0, 2e-3, 0.02);
    assert_true(clock_filter_figures(&f, 0, 1e-6, &g));
    assert_near(g.offset, 2e-3, 1e-12);
    assert_near(g.delay, 0.02, 1e-12);
    assert_near(g.jitter, 1e-6, 1e-12);
    /* seven empty stages of 16 s: 16 (1 / 4 + ... + 1 / 256) */
    assert_near(g.dispersion, 16 * (0.5 - 1.0 / 256), 1e-6);
}

/* RFC 5905 section 10: a worked example with its sums written out. */
static void the_quickest_decides(void **state)
{
    (void)state;
    static const double offset[] = {1e-3, 3e-3, 2e-3}, delay[] = {0.03, 0.01, 0.02};
    struct clock_filter f;
    struct clock_filter_figures g;
    clock_filter_init(&f);
    for (int i = 0; i < 3; i++)
        add(&f, 100 * i, offset[i], delay[i]);
    assert_true(clock_filter_figures(&f, 200 * SECOND, 1e-6, &g));
    assert_near(g.offset, 3e-3, 1e-12);
    assert_near(g.delay, 0.01, 1e-12);
    assert_near(g.jitter, sqrt((2e-3 * 2e-3 + 1e-3 * 1e-3) / 2), 1e-9);
    double stages = (1e-6 + 15e-6 * 100) / 2 + 1e-6 / 4 + (1e-6 + 15e-6 * 200) / 8;
    assert_near(g.dispersion, stages + 16 * (1.0 / 8 - 1.0 / 256), 1e-6);
    /* it grows with 15 ppm while nothing comes */
    struct clock_filter_figures later;
    assert_true(clock_filter_figures(&f, 1200 * SECOND, 1e-6, &later));
    assert_near(later.dispersion - g.dispersion, 15e-6 * 1000 * (0.5 + 0.25 + 0.125), 1e-9);
}

static void it_forgets_after_eight(void **state)
{
    (void)state;
    struct clock_filter f;
    struct clock_filter_figures g;
    clock_filter_init(&f);
    add(&f, 0, 1, 1e-3); /* the quickest of all */
    for (int i = 1; i <= 8; i++)
        add(&f, i, 1e-3, 0.02 + i * 1e-3);
    assert_int_equal(f.count, CLOCK_FILTER_STAGES);
    assert_near(f.stage[0].delay, 0.028, 1e-12);
    assert_true(clock_filter_figures(&f, 8 * SECOND, 1e-6, &g));
    assert_near(g.offset, 1e-3, 1e-12);
    assert_near(g.jitter, 1e-6, 1e-12);
    assert_true(g.dispersion < 1e-3);
}

static void distance_is_half_the_delays_and_all_dispersions(void **state)
{
    (void)state;
    struct clock_filter_figures f = {.delay = 0.02, .dispersion = 0.003, .jitter = 0.001};
    assert_near(clock_filter_distance(&f, 0.01, 0.005), 0.015 + 0.005 + 0.003 + 0.001, 1e-12);
    f.delay = 1e-4;
    assert_near(clock_filter_distance(&f, 0, 0), 0.005 + 0.003 + 0.001, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_known_at_first),
        cmocka_unit_test(the_quickest_decides),
        cmocka_unit_test(it_forgets_after_eight),
        cmocka_unit_test(distance_is_half_the_delays_and_all_dispersions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
