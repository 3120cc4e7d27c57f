/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refclock_bench.h"

/* ---- the start ---- */

static void from_start_to_lock(void **state)
{
    (void)state;
    static const double offsets[] = {0, 1e-4, 0.3, -0.3, 3600, -1e9, 1e9};
    for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++) {
        struct bench *b = begin(true, offsets[i]);
        run(b, 1.5);
        struct snapshot s = look(b);
        assert_int_equal(s.stratum, 16);
        assert_int_equal(s.leap, LEAP_UNKNOWN);
        assert_false(s.locked_once);
        assert_false(refclock_memory(&b->r).known);
        run(b, 8.5);
        s = look(b);
        assert_int_equal(s.stratum, 1);
        assert_int_equal(s.refid, PPS);
        assert_true(s.locked_once && s.total > 20e-6 && s.total < 1e-3);
        assert_int_equal(b->r.steps, fabs(offsets[i]) > 0.5e-3);
        run(b, 50);
        assert_near(error_now(b), 0, 3e-6);
        assert_true(b->clock.told.synced);
        assert_true(b->clock.told.max_error > b->clock.told.est_error);
        assert_true(b->clock.told.max_error < 1e-3);
        assert_near(look(b).total, 20e-6, 15e-6);
        struct memory m = refclock_memory(&b->r);
        assert_true(m.known);
        assert_near(m.freq, -20e-6, 1e-6);
        end(b);
    }
}

static void without_messages_or_pulses(void **state)
{
    (void)state;
    struct bench *b = begin(true, 0);
    b->no_message = true;
    run(b, 100);
    assert_int_equal(b->served, 0);
    assert_int_equal(b->r.state, REFCLOCK_STARTING);
    end(b);
    b = begin(true, 0);
    b->no_pulse = true;
    b->stated[1] = 0.3; /* it does not help: a pulse was promised */
    run(b, 100);
    assert_int_equal(b->served, 0);
    assert_int_equal(b->r.steps, 0);
    end(b);
}

/* ---- messages alone ---- */

static void messages_with_a_stated_delay(void **state)
{
    (void)state;
    struct bench *b = begin(false, -50);
    b->stated[0] = 0.1;
    b->stated[1] = 0.3;
    run(b, 20);
    struct snapshot s = look(b);
    assert_int_equal(s.stratum, 1);
    assert_int_equal(s.refid, GPS);
    assert_true(s.total > 0.1 && s.total < 0.15);
    assert_near(error_now(b), 0, 0.1);
    b->no_message = true;
    run(b, 15);
    assert_int_equal(look(b).stratum, 16); /* 100 ms is more than holdover may have */
    end(b);
}

static void messages_without(void **state)
{
    (void)state;
    struct bench *b = begin(false, 0);
    run(b, 200);
    assert_int_equal(b->served, 0);
    assert_int_equal(b->r.steps, 0);
    assert_true(look(b).total >= 0.5);
    assert_false(b->clock.told.synced);
    end(b);
}

/* ---- outages ---- */

static void holdover_and_its_end(void **state)
{
    (void)state;
    struct bench *b = locked(0.1);
    b->no_pulse = b->no_message = true;
    run(b, 4);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    run(b, 4);
    assert_int_equal(b->r.state, REFCLOCK_HOLDOVER);
    assert_int_equal(look(b).stratum, 1);
    double before = look(b).total;
    run(b, 10);
    assert_true(look(b).total > before);
    while (b->r.state == REFCLOCK_HOLDOVER)
        run(b, 10);
    assert_int_equal(b->r.state, REFCLOCK_UNSYNCHRONISED);
    assert_true(look(b).total > 1e-3 && look(b).locked_once);
    assert_false(b->clock.told.synced);
    run(b, 100);
    b->no_pulse = b->no_message = false;
    run(b, 30);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_int_equal(b->r.steps, 1); /* the one of the start */
    run(b, 60);
    assert_near(error_now(b), 0, 5e-6);
    end(b);
}

static void pulses_without_a_fix_run_free(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    b->no_message = true;
    refclock_fix(&b->r, 0, false);
    run(b, 5);
    for (int i = 0; i < 50; i++) {
        b->late += 5e-6; /* 5 us/s off, as a bare crystal may be */
        run(b, 1);
    }
    assert_int_equal(b->r.state, REFCLOCK_HOLDOVER);
    assert_near(error_now(b), 0, 50e-6);
    b->no_message = false;
    b->late = 0;
    refclock_fix(&b->r, 0, true);
    run(b, 30);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    end(b);
}

static void messages_that_disagree(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    b->wrong = 1;
    run(b, 2.5);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    run(b, 3);
    assert_int_equal(b->r.state, REFCLOCK_UNSYNCHRONISED);
    b->wrong = 0;
    run(b, 5);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_near(error_now(b), 0, 5e-6);
    end(b);
}

/* Unnumbered pulses, with the engine's second at any phase of the true one: steering stays calm. */
static void steering_without_numbered_pulses(void **state)
{
    (void)state;
    for (double phase = 0.05; phase < 1; phase += 0.1) {
        struct bench *b = locked(0);
        b->delay = 0.95;
        run(b, 20);
        loop_after(&b->loop.loop, &b->r.second, llrint(phase * 1e9));
        for (int i = 0; i < 100; i++) {
            run(b, 1);
            assert_true(fabs(error_now(b)) < 50e-6);
            assert_near(b->clock.clock.freq, -20e-6, 20e-6);
        }
        assert_int_equal(b->r.state, REFCLOCK_UNSYNCHRONISED);
        end(b);
    }
}

static void late_pulses_do_not_move_it(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    b->late_share = 0.1;
    run(b, 300);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_true(b->r.receiver[0].pulses.late > 15 && b->r.receiver[0].pulses.early == 0);
    assert_near(error_now(b), 0, 3e-6);
    assert_near(b->r.receiver[0].pulses.late_mean, 5e-3, 1e-4);
    end(b);
}

/* ---- a clock that is not ours ---- */

static void serving_beside_a_wrong_clock(void **state)
{
    (void)state;
    struct bench *b = begin(true, -1e9);
    b->clock.clock.steerable = false;
    run(b, 100);
    assert_int_equal(look(b).stratum, 1);
    assert_true(b->served > 400 && b->worst < 100e-6);
    assert_near(error_now(b), -1e9, 0.1);
    assert_int_equal(b->clock.clock.generation, 0);
    /* somebody sets it: confirmed, and served on */
    clock_virtual_disturb(&b->clock, 1e9);
    run(b, 10);
    assert_int_equal(look(b).stratum, 1);
    assert_int_equal(b->clock.clock.generation, 1);
    end(b);
}

/* Late pulses are worst where much is possible: first after an outage, and in any order. */
static void late_pulses_after_an_outage(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    run(b, 300);
    for (int i = 0; i < 30; i++) {
        b->no_pulse = true;
        run(b, 250);
        b->no_pulse = false;
        b->late = 50e-6 * (1 + i % 7);
        run(b, 1 + i % 2);
        b->late = 0;
        b->late_share = i % 3 * 0.1;
        run(b, 60);
        assert_int_equal(b->r.state, REFCLOCK_LOCKED);
        assert_near(error_now(b), 0, 10e-6);
        b->late_share = 0;
    }
    end(b);
}

/* ---- interface ---- */

static void a_step_is_announced(void **state)
{
    (void)state;
    struct bench *b = begin(true, 5);
    uint32_t sequence = b->latch.sequence;
    run(b, 20);
    assert_true(b->latch.sequence > sequence);
    assert_int_equal(b->r.steps, 1);
    assert_near(b->r.last_step.amount, -5, 1e-3);
    assert_false(b->r.last_step.foreign);
    assert_int_equal(times_said(b, "clock stepped by"), 1);
    assert_false(look(b).transition);
    end(b);
}

static void names(void **state)
{
    (void)state;
    assert_string_equal(refclock_state_name(REFCLOCK_LOCKED), "locked");
    assert_string_equal(refclock_state_name(REFCLOCK_UNSYNCHRONISED), "unsynchronised");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(late_pulses_after_an_outage),
        cmocka_unit_test(from_start_to_lock),
        cmocka_unit_test(without_messages_or_pulses),
        cmocka_unit_test(messages_with_a_stated_delay),
        cmocka_unit_test(messages_without),
        cmocka_unit_test(holdover_and_its_end),
        cmocka_unit_test(pulses_without_a_fix_run_free),
        cmocka_unit_test(messages_that_disagree),
        cmocka_unit_test(steering_without_numbered_pulses),
        cmocka_unit_test(late_pulses_do_not_move_it),
        cmocka_unit_test(serving_beside_a_wrong_clock),
        cmocka_unit_test(a_step_is_announced),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
