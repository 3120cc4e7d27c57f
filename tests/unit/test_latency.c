/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long answers take to leave, from measurements of which some are wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refclock/rng.h"
#include "server/responder/latency.h"

static void nothing_is_expected_before_it_was_measured(void **state)
{
    (void)state;
    struct latency l = {0};
    assert_int_equal(latency_expect(&l, 0, 32), 0);
    assert_int_equal(latency_expect(&l, 31, 32), 0);
    latency_learn(&l, 10, 32, 20000); /* where the first one leaves is not known yet */
    assert_int_equal(latency_expect(&l, 10, 32), 0);
}

static void a_line_over_the_place(void **state)
{
    (void)state;
    struct latency l = {0};
    struct rng rng = rng_seeded(7, 1);
    for (int i = 0; i < 300; i++) {
        unsigned place = i % 2 ? (unsigned)(rng_u64(&rng) % 32) : 0;
        double late = rng_u64(&rng) % 5 ? 0 : rng_exponential(&rng, 1) * 50000; /* held up */
        latency_learn(&l, place, 32, (int64_t)(3000 + 1200 * place + rng_gauss(&rng) * 100 + late));
    }
    assert_in_range(latency_expect(&l, 0, 32), 2800, 3400);
    assert_in_range(latency_expect(&l, 31, 32), 3000 + 31 * 1150, 3000 + 31 * 1350);
}

static void what_cannot_be_is_left_out(void **state)
{
    (void)state;
    struct latency l = {0};
    latency_learn(&l, 0, 32, 5000);
    for (int i = 0; i < 100; i++) {
        latency_learn(&l, 0, 32, -1);
        latency_learn(&l, 0, 32, LATENCY_MAX_NS + 1);
        latency_learn(&l, 0, 32, INT64_MAX);
        latency_learn(&l, 31, 32, 4000); /* before the first one */
        latency_learn(&l, 1, 32, 90000); /* too near to it to tell */
    }
    assert_int_equal(latency_expect(&l, 0, 32), 5000);
    assert_int_equal(latency_expect(&l, 31, 32), 5000);
}

static void it_follows_a_change_down_sooner_than_up(void **state)
{
    (void)state;
    struct latency l = {0};
    for (int i = 0; i < 1000; i++)
        latency_learn(&l, 0, 32, 3000);
    for (int i = 0; i < LATENCY_KEPT / 2 + 1; i++)
        latency_learn(&l, 0, 32, 9000);
    assert_int_equal(latency_expect(&l, 0, 32), 3000); /* it may be a busy moment */
    for (int i = 0; i < LATENCY_KEPT / 2; i++)
        latency_learn(&l, 0, 32, 9000);
    assert_int_equal(latency_expect(&l, 0, 32), 9000);
    for (int i = 0; i < LATENCY_KEPT / 4 + 1; i++)
        latency_learn(&l, 0, 32, 3000);
    assert_int_equal(latency_expect(&l, 0, 32), 3000);
}

/* Before several leave there is more to do than before one does. */
static void one_alone_is_not_the_first_of_several(void **state)
{
    (void)state;
    struct latency l = {0};
    latency_learn(&l, 0, 1, 2000);
    assert_int_equal(latency_expect(&l, 0, 1), 2000);
    assert_int_equal(latency_expect(&l, 0, 8), 2000); /* better than nothing */
    for (int i = 0; i < 2 * LATENCY_KEPT; i++)
        latency_learn(&l, 0, 8, 5000);
    assert_int_equal(latency_expect(&l, 0, 1), 2000);
    assert_int_equal(latency_expect(&l, 0, 8), 5000);
    struct latency busy = {0};
    latency_learn(&busy, 0, 8, 5000);
    assert_int_equal(latency_expect(&busy, 0, 1), 5000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_expected_before_it_was_measured),
        cmocka_unit_test(a_line_over_the_place),
        cmocka_unit_test(one_alone_is_not_the_first_of_several),
        cmocka_unit_test(what_cannot_be_is_left_out),
        cmocka_unit_test(it_follows_a_change_down_sooner_than_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
