/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refclock_bench.h"

/* ---- others who move the clock ---- */

static void a_foreign_step_is_undone(void **state)
{
    (void)state;
    static const double steps[] = {2e-3, -2e-3, 0.3, -1, 3600, -86400.5, 1e8};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct bench *b = locked(0);
        uint64_t before = b->r.steps;
        run(b, 0.4);
        clock_virtual_disturb(&b->clock, steps[i]);
        run(b, 1.1);
        assert_int_equal(b->r.foreign_steps, 1);
        assert_int_equal(look(b).stratum, 16);
        assert_true(b->r.last_step.foreign);
        assert_near(b->r.last_step.amount, steps[i], 1e-6);
        assert_false(b->clock.told.synced);
        run(b, 3);
        assert_near(error_now(b), 0, 20e-6);
        assert_int_equal(b->r.steps, before + 1);
        assert_int_equal(look(b).stratum, 1);
        assert_int_equal(times_said(b, "another program stepped"), 1);
        assert_int_equal(b->r.refused, 0);
        run(b, 60);
        assert_int_equal(b->r.steps, before + 1);
        assert_near(error_now(b), 0, 5e-6);
        end(b);
    }
}

static void who_steps_again_keeps_the_clock(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    clock_virtual_disturb(&b->clock, 10);
    run(b, 300);
    assert_near(error_now(b), 0, 5e-6);
    uint64_t steps = b->r.steps;
    clock_virtual_disturb(&b->clock, 10);
    run(b, 200);
    assert_near(error_now(b), 10, 0.01);
    assert_int_equal(b->r.steps, steps);
    assert_int_equal(times_said(b, "again within ten minutes"), 1);
    /* what is served is right all the same, and the kernel is told that its clock is not */
    assert_int_equal(look(b).stratum, 1);
    assert_false(b->clock.told.synced);
    assert_true(b->clock.told.max_error > 9.9);
    /* and no more than the oscillator's frequency is set */
    assert_near(b->clock.clock.freq, -20e-6, 2e-6);
    end(b);
}

/* Ten minutes later it was another accident. */
static void a_foreign_step_long_after(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    clock_virtual_disturb(&b->clock, 10);
    run(b, 700);
    clock_virtual_disturb(&b->clock, -10);
    run(b, 60);
    assert_near(error_now(b), 0, 5e-6);
    assert_int_equal(times_said(b, "again within ten minutes"), 0);
    end(b);
}

static void a_foreign_frequency_is_said(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    b->foreign_freq = 5e-6;
    run(b, 150);
    assert_true(b->r.foreign_freqs > 100);
    assert_in_range(times_said(b, "set the clock's frequency"), 1, 3);
    end(b);
}

/* ---- what no receiver may talk the clock into ---- */

static void years_by_a_message_are_refused(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    uint64_t steps = b->r.steps;
    b->wrong = 7168 * 86400; /* a week rollover */
    run(b, 4000);
    assert_int_equal(b->r.steps, steps);
    assert_near(error_now(b), 0, 10);
    assert_int_equal(look(b).stratum, 16);
    assert_int_equal(look(b).leap, LEAP_UNKNOWN);
    assert_true(b->lines < 100);
    end(b);
}

/* The pulses move by 2 s in the count, as from a simulator that plays another time: the engine
 * cannot be made to step past 1000 s. */
static void a_refusal_is_for_good(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    uint64_t steps = b->r.steps;
    numbering_reset(
        &b->r.receiver[0].numbering); /* the receiver was changed for one that is wrong */
    b->wrong = 2000;
    run(b, 200);
    assert_int_equal(b->r.steps, steps);
    assert_near(error_now(b), 0, 1);
    assert_int_equal(look(b).stratum, 16);
    assert_int_equal(b->outside, 0);
    end(b);
}

/* After a long outage the delay is another one, and numbers the pulses by a wrong second: the clock
 * that was right before is believed more. */
static void a_number_that_contradicts_the_clock(void **state)
{
    (void)state;
    struct bench *b = locked(0);
    uint64_t steps = b->r.steps;
    b->no_pulse = true;
    run(b, 400);
    b->no_pulse = false;
    b->wrong = -1;
    run(b, 100);
    assert_int_equal(b->r.receiver[0].numbering.state, NUMBERING_NUMBERED);
    assert_int_equal(b->r.state, REFCLOCK_UNSYNCHRONISED);
    assert_non_null(strstr(b->r.selection.why, "by a second or more"));
    assert_near(error_now(b), 0, 100e-6);
    b->wrong = 0;
    run(b, 120);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_int_equal(b->r.steps, steps);
    end(b);
}

/* Messages and pulses that go on to name another second are believed in the end, after longer than
 * a receiver takes to learn the leap seconds. */
static void a_correction_of_the_leap_count(void **state)
{
    (void)state;
    struct bench *b = begin(true, 0);
    b->wrong = 3;
    run(b, 100);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_near(error_now(b), 3, 0.1);
    b->outside = 0; /* nobody could know */
    b->wrong = 0;
    run(b, 30);
    assert_int_equal(b->r.state, REFCLOCK_UNSYNCHRONISED);
    run(b, 800);
    assert_int_equal(b->r.steps, 1);
    assert_int_equal(b->r.receiver[0].numbering.renumbered, 1);
    run(b, 300);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_near(error_now(b), 0, 100e-6);
    assert_int_equal(b->r.steps, 2);
    b->outside = 0;
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_foreign_step_is_undone),
        cmocka_unit_test(who_steps_again_keeps_the_clock),
        cmocka_unit_test(a_foreign_step_long_after),
        cmocka_unit_test(a_foreign_frequency_is_said),
        cmocka_unit_test(years_by_a_message_are_refused),
        cmocka_unit_test(a_refusal_is_for_good),
        cmocka_unit_test(a_number_that_contradicts_the_clock),
        cmocka_unit_test(a_correction_of_the_leap_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
