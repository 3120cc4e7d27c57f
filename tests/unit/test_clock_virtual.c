/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "near.h"

#include "refclock/clock_virtual.h"
#include "refclock/rng.h"

#define SECOND INT64_C(1000000000)
#define START  (INT64_C(1795521600) * SECOND)
#define UNIT   (1e-6 / 65536) /* of the kernel's frequency */

struct world {
    struct clock_virtual clock;
    int64_t truth;
    double freq, noise;
    struct rng rng;
    int64_t last_second;
};

static int64_t truth_of(void *arg)
{
    return ((struct world *)arg)->truth;
}

static double frequency_of(void *arg, int64_t second)
{
    struct world *w = arg;
    if (w->last_second)
        assert_int_equal(second, w->last_second + 1);
    w->last_second = second;
    return w->freq + w->noise * rng_gauss(&w->rng);
}

static void begin(struct world *w, double freq, double offset)
{
    *w = (struct world){.truth = START, .freq = freq, .rng = rng_seeded(1, 1)};
    clock_virtual_init(&w->clock, truth_of, frequency_of, w, offset);
}

static void the_oscillator_runs_fast(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 20e-6, 0.25);
    assert_int_equal(clock_now(&w.clock.clock), START + SECOND / 4);
    int64_t raw = clock_raw(&w.clock.clock);
    w.truth += 1000 * SECOND;
    assert_true(llabs(clock_now(&w.clock.clock) - START - 1000 * SECOND - SECOND / 4 - 20000000) <=
                1);
    assert_true(llabs(clock_raw(&w.clock.clock) - raw - 1000 * SECOND - 20000000) <= 1);
    assert_near(clock_virtual_error(&w.clock), 0.27, 1e-9);
}

static void a_frequency_is_rounded_as_the_kernels(void **state)
{
    (void)state;
    struct world w;
    double set;
    int64_t at;
    begin(&w, 0, 0);
    assert_int_equal(clock_set_freq(&w.clock.clock, 1e-6 + 0.3 * UNIT, &set, &at, NULL), 0);
    assert_near(set, 1e-6, 1e-18);
    assert_int_equal(at, START);
    int64_t raw = clock_raw(&w.clock.clock);
    w.truth += 10000 * SECOND;
    assert_true(llabs(clock_now(&w.clock.clock) - START - 10000 * SECOND - 10000000) <= 1);
    /* the raw clock is not steered */
    assert_true(llabs(clock_raw(&w.clock.clock) - raw - 10000 * SECOND) <= 1);
    assert_int_equal(clock_set_freq(&w.clock.clock, 1, &set, &at, NULL), 0);
    assert_near(set, 500e-6, UNIT);
    assert_int_equal(clock_set_freq(&w.clock.clock, -1, &set, &at, NULL), 0);
    assert_near(w.clock.clock.freq, -500e-6, UNIT);
}

/* However often it is looked at, no fraction of a nanosecond is lost. */
static void reading_does_not_change_it(void **state)
{
    (void)state;
    struct world seldom, often;
    begin(&seldom, 13.7e-6, 0);
    begin(&often, 13.7e-6, 0);
    seldom.noise = often.noise = 1e-7;
    for (int i = 0; i < 20000; i++) {
        often.truth += 3333331;
        int64_t before = clock_now(&often.clock.clock);
        assert_true(clock_now(&often.clock.clock) == before);
    }
    seldom.truth = often.truth;
    assert_true(fabs(clock_virtual_error(&seldom.clock) - clock_virtual_error(&often.clock)) <
                1e-12);
}

static void a_step_moves_the_reading_alone(void **state)
{
    (void)state;
    struct world w;
    int64_t at;
    begin(&w, 0, 0);
    int64_t local = clock_local(&w.clock.clock, clock_now(&w.clock.clock));
    int64_t raw = clock_raw(&w.clock.clock);
    assert_int_equal(clock_step(&w.clock.clock, -1.5, &at, NULL), 0);
    assert_int_equal(at, START - 3 * SECOND / 2);
    assert_int_equal(clock_now(&w.clock.clock), at);
    assert_int_equal(w.clock.clock.generation, 1);
    assert_int_equal(w.clock.clock.stepped, -3 * SECOND / 2);
    assert_int_equal(clock_local(&w.clock.clock, at), local);
    assert_int_equal(clock_raw(&w.clock.clock), raw);
    assert_int_equal(clock_watch(&w.clock.clock), 0);
    w.truth += SECOND;
    assert_int_equal(clock_watch(&w.clock.clock), 0);
}

static void a_clock_that_is_not_ours_is_left_alone(void **state)
{
    (void)state;
    struct world w;
    struct err err;
    double set;
    int64_t at;
    begin(&w, 0, 0);
    w.clock.clock.steerable = false;
    assert_int_equal(clock_step(&w.clock.clock, 1, &at, &err), -1);
    assert_int_equal(clock_set_freq(&w.clock.clock, 1e-6, &set, &at, &err), -1);
    assert_int_equal(clock_now(&w.clock.clock), START);
    assert_int_equal(w.clock.clock.generation, 0);
    w.truth += SECOND;
    assert_int_equal(clock_now(&w.clock.clock), START + SECOND);
}

/* ---- clock_watch ---- */

static void foreign_steps_are_noticed(void **state)
{
    (void)state;
    static const double steps[] = {2e-3, -2e-3, 5e-3, 0.1, -1, 30, -3600, 86400.3, -1e9, 1e9};
    struct world w;
    begin(&w, 30e-6, 0);
    uint32_t generation = 0;
    assert_int_equal(clock_watch(&w.clock.clock), 0);
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        w.truth += SECOND;
        assert_int_equal(clock_watch(&w.clock.clock), 0);
        w.truth += SECOND / 2;
        clock_virtual_disturb(&w.clock, steps[i]);
        w.truth += SECOND / 2;
        int64_t seen = clock_watch(&w.clock.clock);
        assert_true(llabs(seen - llrint(steps[i] * 1e9)) <= 1);
        assert_int_equal(w.clock.clock.generation, ++generation);
        assert_int_equal(clock_watch(&w.clock.clock), 0);
    }
}

/* Steps from 2 ms on are noticed within a second, whatever frequency is in force; the frequency is
 * never taken for a step. */
static void frequencies_are_no_steps(void **state)
{
    (void)state;
    for (double osc = -400e-6; osc <= 400e-6; osc += 100e-6)
        for (double freq = -500e-6; freq <= 500e-6; freq += 100e-6) {
            struct world w;
            double set;
            int64_t at;
            begin(&w, osc, 0);
            for (int i = 0; i < 50; i++) {
                assert_int_equal(clock_watch(&w.clock.clock), 0);
                w.truth += i < 25 ? SECOND : 100 * SECOND;
                if (i == 10)
                    assert_int_equal(clock_set_freq(&w.clock.clock, freq, &set, &at, NULL), 0);
            }
            assert_int_equal(clock_watch(&w.clock.clock), 0);
            w.truth += SECOND / 2;
            clock_virtual_disturb(&w.clock, 2e-3);
            w.truth += SECOND / 2;
            int64_t seen = clock_watch(&w.clock.clock);
            assert_true(llabs(seen - 2000000) < 2000);
        }
}

/* A frequency that somebody else set, up to 900 ppm off ours. */
static void foreign_frequencies_are_no_steps(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 0, 0);
    for (int i = -9; i <= 9; i++) {
        w.clock.clock.freq = i * 100e-6; /* as if the kernel had it, and we did not know */
        for (int n = 0; n < 20; n++) {
            w.truth += SECOND;
            assert_int_equal(clock_watch(&w.clock.clock), 0);
        }
    }
    assert_int_equal(w.clock.clock.generation, 0);
}

/* The local scale goes on over all steps, our own and those of others. */
static void the_local_scale_never_jumps(void **state)
{
    (void)state;
    struct world w;
    struct rng rng = rng_seeded(3, 1);
    int64_t at;
    begin(&w, 10e-6, -1e6);
    assert_int_equal(clock_watch(&w.clock.clock), 0);
    int64_t local = clock_local(&w.clock.clock, clock_now(&w.clock.clock)), truth = w.truth;
    for (int i = 0; i < 500; i++) {
        double step = (rng_uniform(&rng) - 0.5) * 20;
        if (i % 3 == 0)
            assert_int_equal(clock_step(&w.clock.clock, step, &at, NULL), 0);
        else if (i % 3 == 1 && fabs(step) > 0.01)
            clock_virtual_disturb(&w.clock, step);
        w.truth += SECOND;
        (void)clock_watch(&w.clock.clock);
        int64_t now = clock_local(&w.clock.clock, clock_now(&w.clock.clock));
        /* what the clock's own frequency did */
        assert_true(llabs(now - local - (w.truth - truth)) < 10 * (i + 1) * INT64_C(1010) + 1000);
        assert_true(now > local + (i + 1) * SECOND - 1000000);
    }
}

/* A step of somebody else that falls together with one of ours is not noticed, and does no harm
 * later. */
static void watching_begins_anew_after_our_step(void **state)
{
    (void)state;
    struct world w;
    int64_t at;
    begin(&w, 0, 0);
    assert_int_equal(clock_watch(&w.clock.clock), 0);
    assert_int_equal(clock_step(&w.clock.clock, 5, &at, NULL), 0);
    for (int i = 0; i < 5; i++) {
        w.truth += SECOND;
        assert_int_equal(clock_watch(&w.clock.clock), 0);
    }
    assert_int_equal(w.clock.clock.generation, 1);
}

static void what_it_was_told(void **state)
{
    (void)state;
    struct world w;
    double seen, set;
    int64_t at;
    struct clock_report report = {.synced = true, .est_error = 1e-6, .max_error = 2e-5};
    begin(&w, 0, 0);
    assert_int_equal(clock_set_freq(&w.clock.clock, 3e-6, &set, &at, NULL), 0);
    assert_int_equal(clock_tell(&w.clock.clock, &report, &seen, NULL), 0);
    assert_near(seen, set, 0);
    assert_true(w.clock.told.synced && w.clock.told.max_error == 2e-5);
    assert_int_equal(clock_precision(&w.clock.clock), -29);
    clock_close(&w.clock.clock);
    clock_close(NULL);
}

/* The host's time, carried on the monotonic clock: it is now, and goes on. */
static void the_hosts_time(void **state)
{
    (void)state;
    struct clock_host h;
    clock_host_start(&h);
    int64_t a = clock_host_truth(&h), b = clock_host_truth(&h);
    assert_true(a > INT64_C(1700000000) * SECOND && b >= a && b - a < SECOND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_oscillator_runs_fast),
        cmocka_unit_test(a_frequency_is_rounded_as_the_kernels),
        cmocka_unit_test(reading_does_not_change_it),
        cmocka_unit_test(a_step_moves_the_reading_alone),
        cmocka_unit_test(a_clock_that_is_not_ours_is_left_alone),
        cmocka_unit_test(foreign_steps_are_noticed),
        cmocka_unit_test(frequencies_are_no_steps),
        cmocka_unit_test(foreign_frequencies_are_no_steps),
        cmocka_unit_test(the_local_scale_never_jumps),
        cmocka_unit_test(watching_begins_anew_after_our_step),
        cmocka_unit_test(what_it_was_told),
        cmocka_unit_test(the_hosts_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
