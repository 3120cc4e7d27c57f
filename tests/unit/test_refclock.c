/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "refclock/refclock.h"
#include "refclock/rng.h"

#define SECOND INT64_C(1000000000)
#define MS     INT64_C(1000000)
#define START  (INT64_C(1795521600) * SECOND + 300 * MS)
#define PPS    SNAPSHOT_REFID('P', 'P', 'S', 0)
#define GPS    SNAPSHOT_REFID('G', 'P', 'S', 0)

/* The engine in virtual time, with a receiver that does what a test wants. */
struct bench {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct clock_ops ops; /* of the clock, with a tell() and a step() of our own */
    int (*virtual_step)(struct clock *, int64_t, int64_t *, struct err *);
    struct snapshot_latch latch;
    struct refclock r;
    struct log log;
    struct rng rng;
    struct loop_timer pulse, message, judge;
    int64_t second; /* POSIX, of the next pulse */
    double osc;
    /* the receiver */
    bool no_pulse, no_message;
    double late;         /* s, of every pulse */
    double late_share;   /* of pulses that come 5 ms late */
    double delay;        /* s, of the messages */
    int64_t wrong;       /* s, by which messages are wrong */
    double stated[2];    /* delay; 0, 0: not stated */
    double foreign_freq; /* what somebody else adds to the frequency */
    /* what was seen */
    int64_t served, outside, last_served, not_served;
    uint32_t generation;
    double worst; /* s, of what was served */
    int lines;
    char said[16384];
};

static double frequency_of(void *arg, int64_t second)
{
    (void)second;
    return ((struct bench *)((char *)arg - offsetof(struct bench, loop)))->osc;
}

static int tell(struct clock *c, const struct clock_report *report, double *seen, struct err *err)
{
    struct bench *b = (struct bench *)((char *)c - offsetof(struct bench, clock));
    (void)err;
    b->clock.told = *report;
    *seen = c->freq + b->foreign_freq;
    return 0;
}

/* Between the announcement of a step and its end nobody may trust a reading. */
static int step(struct clock *c, int64_t ns, int64_t *at, struct err *err)
{
    struct bench *b = (struct bench *)((char *)c - offsetof(struct bench, clock));
    struct snapshot s;
    snapshot_read(&b->latch, &s);
    assert_true(s.transition);
    return b->virtual_step(c, ns, at, err);
}

static void keep(void *arg, enum log_level level, const char *line)
{
    struct bench *b = arg;
    size_t used = strlen(b->said);
    (void)level;
    b->lines++;
    snprintf(b->said + used, sizeof b->said - used, "%s\n", line);
}

static int times_said(const struct bench *b, const char *what)
{
    int n = 0;
    for (const char *p = b->said; (p = strstr(p, what)); p++)
        n++;
    return n;
}

static void pulse_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    double late = b->late + (rng_uniform(&b->rng) < b->late_share ? 5e-3 : 0);
    (void)now;
    int64_t since = b->loop.truth - b->second * SECOND;
    struct edge e = {.local = clock_local(&b->clock.clock, clock_now(&b->clock.clock)) - since +
                              llrint((late + 1e-6 * rng_gauss(&b->rng)) * 1e9),
                     .uncertainty = 20e-6};
    loop_after(&b->loop.loop, &b->message, llrint(b->delay * 1e9) - since);
    b->second++;
    loop_after(&b->loop.loop, &b->pulse, b->second * SECOND + MS - b->loop.truth);
    if (!b->no_pulse)
        refclock_edge(&b->r, &e);
}

static void message_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    bool stated = b->stated[1] > 0;
    struct timelabel l = {.second = b->loop.truth / SECOND + b->wrong,
                          .local = now,
                          .delay_min = stated ? b->stated[0] : (double)NAN,
                          .delay_max = stated ? b->stated[1] : (double)NAN,
                          .leap = LEAP_UNKNOWN};
    if (!b->no_message)
        refclock_label(&b->r, &l);
}

static struct snapshot look(struct bench *b)
{
    struct snapshot s;
    snapshot_read(&b->latch, &s);
    return s;
}

/* Five times a second: what is served is inside its bound, and never runs back. */
static void judge_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    struct snapshot s = look(b);
    int64_t reading = clock_now(&b->clock.clock), truth = snapshot_truth(&s, reading);
    (void)now;
    loop_after(&b->loop.loop, &b->judge, 200 * MS);
    assert_true(s.total > 0 && isfinite(s.total) && isfinite(s.stat));
    assert_int_equal(s.generation, b->clock.clock.generation);
    assert_int_equal(s.stratum < 16, s.leap != LEAP_UNKNOWN);
    if (s.stratum == 16) {
        b->not_served++;
        b->last_served = 0;
        return;
    }
    assert_true(b->r.discipline.count >= 4);
    double error = (double)(truth - b->loop.truth) * 1e-9;
    b->served++;
    b->outside += fabs(error) > snapshot_bound(&s, reading) + 2e-9;
    b->worst = fmax(b->worst, fabs(error));
    assert_true(truth > b->last_served || b->generation != s.generation);
    b->last_served = truth;
    b->generation = s.generation;
}

static struct bench *begin(bool pulse_expected, double offset)
{
    struct bench *b = calloc(1, sizeof *b);
    struct refclock_config config = {.refid = PPS,
                                     .refid_message = GPS,
                                     .steplimit = 0.5,
                                     .holdover_limit = 1e-3,
                                     .pulse_expected = pulse_expected};
    assert_non_null(b);
    b->osc = 20e-6;
    b->delay = 0.2;
    b->no_pulse = !pulse_expected;
    b->rng = rng_seeded(1, 1);
    loop_virtual_init(&b->loop, &b->clock.clock, START);
    clock_virtual_init(&b->clock, loop_virtual_truth, frequency_of, &b->loop, offset);
    b->ops = *b->clock.clock.ops;
    b->ops.tell = tell;
    b->virtual_step = b->ops.step;
    b->ops.step = step;
    b->clock.clock.ops = &b->ops;
    b->loop.loop.now = clock_now(&b->clock.clock);
    b->log = (struct log){.max = LOG_LEVEL_DEBUG, .write = keep, .arg = b};
    snapshot_latch_init(&b->latch);
    refclock_init(&b->r, &config, &b->loop.loop, &b->log, &b->latch);
    refclock_start(&b->r);
    b->pulse = (struct loop_timer){.name = "pulse", .fire = pulse_fires, .arg = b};
    b->message = (struct loop_timer){.name = "message", .fire = message_fires, .arg = b};
    b->judge = (struct loop_timer){.name = "judge", .fire = judge_fires, .arg = b};
    b->second = START / SECOND + 1;
    loop_after(&b->loop.loop, &b->pulse, b->second * SECOND + MS - START);
    loop_after(&b->loop.loop, &b->judge, 100 * MS);
    return b;
}

static void end(struct bench *b)
{
    assert_int_equal(b->outside, 0);
    refclock_stop(&b->r);
    loop_cancel(&b->loop.loop, &b->pulse);
    loop_cancel(&b->loop.loop, &b->message);
    loop_cancel(&b->loop.loop, &b->judge);
    assert_null(b->loop.loop.timers);
    loop_close(&b->loop.loop);
    free(b);
}

static void run(struct bench *b, double seconds)
{
    int64_t until = b->loop.truth + llrint(seconds * 1e9);
    while (b->loop.truth < until)
        assert_int_equal(loop_turn(&b->loop.loop, until), 0);
}

static double error_now(struct bench *b)
{
    return clock_virtual_error(&b->clock);
}

static struct bench *locked(double offset)
{
    struct bench *b = begin(true, offset);
    run(b, 60);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    return b;
}

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
    refclock_fix(&b->r, false);
    run(b, 5);
    for (int i = 0; i < 50; i++) {
        b->late += 5e-6; /* 5 us/s off, as a bare crystal may be */
        run(b, 1);
    }
    assert_int_equal(b->r.state, REFCLOCK_HOLDOVER);
    assert_near(error_now(b), 0, 50e-6);
    b->no_message = false;
    b->late = 0;
    refclock_fix(&b->r, true);
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
    assert_true(b->r.pulses.late > 15 && b->r.pulses.early == 0);
    assert_near(error_now(b), 0, 3e-6);
    assert_near(b->r.pulses.late_mean, 5e-3, 1e-4);
    end(b);
}

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
    numbering_reset(&b->r.numbering); /* the receiver was changed for one that is wrong */
    b->wrong = 2000;
    run(b, 200);
    assert_int_equal(b->r.steps, steps);
    assert_near(error_now(b), 0, 1);
    assert_int_equal(look(b).stratum, 16);
    assert_int_equal(b->outside, 0);
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
        cmocka_unit_test(from_start_to_lock),
        cmocka_unit_test(without_messages_or_pulses),
        cmocka_unit_test(messages_with_a_stated_delay),
        cmocka_unit_test(messages_without),
        cmocka_unit_test(holdover_and_its_end),
        cmocka_unit_test(pulses_without_a_fix_run_free),
        cmocka_unit_test(messages_that_disagree),
        cmocka_unit_test(steering_without_numbered_pulses),
        cmocka_unit_test(late_pulses_do_not_move_it),
        cmocka_unit_test(a_foreign_step_is_undone),
        cmocka_unit_test(who_steps_again_keeps_the_clock),
        cmocka_unit_test(a_foreign_step_long_after),
        cmocka_unit_test(a_foreign_frequency_is_said),
        cmocka_unit_test(years_by_a_message_are_refused),
        cmocka_unit_test(a_refusal_is_for_good),
        cmocka_unit_test(serving_beside_a_wrong_clock),
        cmocka_unit_test(a_step_is_announced),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
