/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/rng.h"
#include "refclock/witness.h"

#define SECOND INT64_C(1000000000)

static void it_speaks_after_a_few(void **state)
{
    (void)state;
    struct witness w = {0};
    assert_false(witness_speaks(&w, 0));
    for (int i = 1; i < WITNESS_LEAST; i++) {
        witness_note(&w, 5e-6, i * SECOND);
        assert_false(witness_speaks(&w, i * SECOND));
    }
    witness_note(&w, 5e-6, 9 * SECOND);
    assert_true(witness_speaks(&w, 9 * SECOND));
    assert_near(w.median, 5e-6, 1e-15);
    assert_true(witness_speaks(&w, (9 + WITNESS_STALE) * SECOND));
    assert_false(witness_speaks(&w, (10 + WITNESS_STALE) * SECOND));
    /* a long silence is a new beginning */
    witness_note(&w, 1, 1000 * SECOND);
    assert_false(witness_speaks(&w, 1000 * SECOND));
    assert_near(w.median, 1, 0);
}

static void late_ones_do_not_move_it(void **state)
{
    (void)state;
    struct witness w = {0};
    struct rng rng = rng_seeded(1, 1);
    for (int i = 1; i < 2000; i++) {
        witness_note(&w, i % 3 ? 1e-6 * rng_gauss(&rng) : -5e-3, i * SECOND);
        if (i > WITNESS_KEEPS)
            assert_true(fabs(w.median) < 10e-6);
    }
    assert_true(w.spread < 20e-6);
}

static void its_noise(void **state)
{
    (void)state;
    struct witness w = {0};
    struct rng rng = rng_seeded(2, 1);
    for (int i = 1; i < 3000; i++)
        witness_note(&w, 3e-6 + 1e-6 * rng_gauss(&rng) + (i % 50 ? 0 : 1e-3), i * SECOND);
    assert_near(w.median, 3e-6, 2e-6);
    assert_near(sqrt(w.variance), 1e-6, 0.3e-6);
    assert_true(w.judged > 2500);
}

static void it_follows_a_jump(void **state)
{
    (void)state;
    struct witness w = {0};
    for (int i = 1; i <= 20; i++)
        witness_note(&w, 0, i * SECOND);
    for (int i = 21; i <= 25; i++)
        witness_note(&w, 1, i * SECOND);
    assert_near(w.median, 1, 0);
    witness_shift(&w, 1);
    assert_near(w.median, 0, 0);
    witness_note(&w, NAN, 26 * SECOND);
    witness_note(&w, INFINITY, 27 * SECOND);
    assert_near(w.median, 0, 0);
}

/* What leads pulls the estimate away: a witness that does not move with it says so at once. */
static void e6_it_does_not_move_with_a_pull(void **state)
{
    (void)state;
    struct witness w = {0};
    for (int i = 1; i <= WITNESS_KEEPS; i++) {
        witness_note(&w, -1e-3 * i, i * SECOND);
        witness_aside(&w, -1e-3 * i);
    }
    assert_near(w.median, -5e-3, 1e-12);
    assert_true(w.spread > 2e-3);
    assert_near(w.own_median, 0, 1e-12);
    assert_near(w.own_spread, 0, 1e-12);
    witness_return(&w);
    assert_near(w.median, 0, 1e-12);
    assert_near(w.spread, 0, 1e-12);
    /* no pull any more: both are the same */
    witness_note(&w, 1e-3, 10 * SECOND);
    witness_aside(&w, 0);
    assert_near(w.own_median, w.median, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_speaks_after_a_few),
        cmocka_unit_test(late_ones_do_not_move_it),
        cmocka_unit_test(its_noise),
        cmocka_unit_test(it_follows_a_jump),
        cmocka_unit_test(e6_it_does_not_move_with_a_pull),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
