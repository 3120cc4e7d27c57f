/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/lead.h"
#include "refclock_several.h"

static void two_that_agree_and_one_falls_silent(void **state)
{
    (void)state;
    struct several *b = several_begin(2);
    b->one[1].off = 8e-6;
    several_run(b, 300);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_int_equal(b->r.leader, 0);
    assert_int_equal(b->r.selected.of[1].verdict, VERDICT_STANDBY);
    assert_near(b->r.receiver[1].witness.median, 8e-6, 2e-6);
    b->worst = 0;
    b->one[0].no_pulse = true;
    several_run(b, 60);
    assert_int_equal(b->r.leader, 1);
    assert_int_equal(b->r.changes, 1);
    assert_int_equal(b->not_served, 0);
    /* neither a jump nor a slew that could be told from noise */
    assert_true(b->worst_change < 1e-6);
    assert_true(fabs(several_error(b)) < 3e-6);
    assert_int_equal(b->r.receiver[1].pulses.reopened, 0);
    /* and what it says otherwise is taken over in the end */
    several_run(b, 3000);
    assert_near(several_error(b), 8e-6, 1e-6);
    assert_near(b->r.receiver[1].bias, 0, 1e-7);
    b->one[0].no_pulse = false;
    several_run(b, 600);
    assert_int_equal(b->r.leader, 1);
    assert_true(b->worst_change < 1e-6);
    several_end(b);
}

static void the_preferred_one_leads_again(void **state)
{
    (void)state;
    struct several *b = several_begin(2);
    b->r.receiver[1].config.prefer = true;
    several_run(b, 100);
    assert_int_equal(b->r.leader, 1);
    b->one[1].no_pulse = true;
    several_run(b, 100);
    assert_int_equal(b->r.leader, 0);
    b->one[1].no_pulse = false;
    several_run(b, 100);
    assert_int_equal(b->r.leader, 1);
    assert_int_equal(b->not_served, 0);
    several_end(b);
}

static void one_that_is_only_watched(void **state)
{
    (void)state;
    struct several *b = several_begin(2);
    b->r.receiver[0].config.noselect = true;
    several_run(b, 100);
    assert_int_equal(b->r.leader, 1);
    assert_true(witness_speaks(&b->r.receiver[0].witness, loop_now(&b->loop.loop)));
    b->one[1].no_pulse = true;
    several_run(b, 100);
    assert_int_equal(b->r.leader, -1);
    assert_int_equal(b->r.state, REFCLOCK_HOLDOVER);
    several_end(b);
}

/* A second off, and first: outvoted as soon as the others are there. */
static void the_first_one_is_wrong(void **state)
{
    (void)state;
    struct several *b = several_begin(3);
    b->one[0].wrong = 1;
    b->one[1].silent_until = b->one[2].silent_until = 40;
    b->blind = true; /* nobody could know */
    several_run(b, 39);
    assert_int_equal(b->r.leader, 0);
    several_run(b, 60);
    assert_int_equal(b->r.selected.of[0].verdict, VERDICT_FALSE);
    assert_true(b->r.leader > 0);
    assert_near(several_error(b), 0, 5e-6);
    assert_int_equal(look_several(b).stratum, 1);
    assert_int_equal(b->r.steps, 2);
    several_run(b, 600);
    assert_near(several_error(b), 0, 3e-6);
    several_end(b);
}

static void two_that_disagree_from_the_start(void **state)
{
    (void)state;
    struct several *b = several_begin(2);
    b->one[1].wrong = 1;
    b->one[1].silent_until = 30;
    several_run(b, 200);
    assert_int_equal(b->r.leader, 0);
    assert_true(b->r.selected.disputed);
    assert_int_equal(b->r.selected.of[1].verdict, VERDICT_UNDECIDED);
    assert_near(several_error(b), 0, 5e-6);
    assert_int_equal(b->r.changes, 0);
    several_end(b);
}

/* The one that leads jumps by more than both bounds: the clock's own course decides. */
static void the_leader_jumps(void **state)
{
    (void)state;
    static const double jumps[] = {200e-6, -200e-6, 0.1, -0.3};
    for (size_t i = 0; i < sizeof jumps / sizeof *jumps; i++) {
        struct several *b = several_begin(2);
        several_run(b, 300);
        assert_int_equal(b->r.leader, 0);
        b->one[0].off = jumps[i];
        several_run(b, 60);
        assert_int_equal(b->r.leader, 1);
        assert_near(several_error(b), 0, 3e-6);
        assert_int_equal(b->r.receiver[0].pulses.reopened, 0);
        assert_int_equal(b->not_served, 0);
        several_run(b, 600);
        assert_near(several_error(b), 0, 3e-6);
        several_end(b);
    }
}

static void a_quiet_one_after_a_noisy_one(void **state)
{
    (void)state;
    struct several *b = several_begin(2);
    b->one[0].noise = 20e-6;
    b->one[1].noise = 0.1e-6;
    b->one[1].silent_until = 900;
    several_run(b, 1200);
    assert_int_equal(b->r.leader, 1);
    several_run(b, 300);
    assert_near(several_error(b), 0, 2e-6);
    assert_true(sqrt(b->r.discipline.r) < 0.5e-6);
    b->one[1].no_pulse = true;
    several_run(b, 600);
    assert_int_equal(b->r.leader, 0);
    assert_int_equal(b->r.receiver[0].pulses.reopened, 0);
    assert_near(sqrt(b->r.discipline.r), 20e-6, 10e-6);
    several_end(b);
}

static void samples_lead_and_stand_by(void **state)
{
    (void)state;
    struct several *b = several_begin(2);
    struct receiver_config samples = {.name = "samples", .samples = true};
    b->r.receiver[1].config = samples;
    b->one[1].samples = true;
    b->one[0].silent_until = 200;
    several_run(b, 150);
    assert_int_equal(b->r.leader, 1);
    assert_int_equal(look_several(b).stratum, 1);
    several_run(b, 200);
    assert_int_equal(b->r.leader, 0);
    assert_int_equal(b->r.selected.of[1].verdict, VERDICT_STANDBY);
    b->one[0].no_pulse = true;
    several_run(b, 100);
    assert_int_equal(b->r.leader, 1);
    assert_near(several_error(b), 0, 5e-6);
    assert_int_equal(b->r.receiver[1].pulses.reopened, 0);
    several_end(b);
}

static void trust(void **state)
{
    (void)state;
    struct several *b = several_begin(2);
    several_run(b, 100);
    assert_int_equal(b->r.leader, 0);
    double total = b->r.total;
    refclock_trust(&b->r, 0, TRUST_DOUBTFUL, "the antenna moved by 30 m");
    several_run(b, 10);
    assert_int_equal(b->r.leader, 1);
    b->one[1].no_pulse = true;
    several_run(b, 10);
    assert_int_equal(b->r.leader, 0);
    assert_true(b->r.total > total + 15e-6);
    refclock_trust(&b->r, 0, TRUST_REJECTED, "spoofed");
    several_run(b, 10);
    assert_int_equal(b->r.leader, -1);
    assert_int_equal(b->r.state, REFCLOCK_HOLDOVER);
    assert_non_null(strstr(b->r.selection.why, "spoofed"));
    refclock_trust(&b->r, 0, TRUST_TRUSTED, "all well");
    several_run(b, 10);
    assert_int_equal(b->r.leader, 0);
    several_end(b);
}

/* Servers that went years back come right again one after the other: the two that are still wrong
 * are a majority, and the running clock does not go with them. */
static void e6_a_receiver_that_is_pulled_away_is_not_trusted(void **state)
{
    (void)state;
    const char *why;
    struct several *b = several_begin(1);
    several_run(b, 1200);
    assert_int_equal(lead_trust(&b->r, 0, &why), TRUST_NOT_MONITORED);
    assert_string_equal(why, "");
    for (int i = 0; i < 60; i++) {
        b->one[0].off += 10e-6;
        several_run(b, 1);
    }
    assert_int_equal(lead_trust(&b->r, 0, &why), TRUST_DOUBTFUL);
    assert_non_null(strstr(why, "spoofed"));
    b->r.receiver[0].pulled = true; /* as two other sources would have it */
    several_run(b, 2);
    assert_int_equal(lead_trust(&b->r, 0, &why), TRUST_REJECTED);
    assert_non_null(strstr(why, "pulled the clock away"));
    several_end(b);
}

static void b10_a_majority_that_is_years_off(void **state)
{
    (void)state;
    struct several *b = several_begin(3);
    for (int i = 0; i < 3; i++) {
        b->r.receiver[i].config = (struct receiver_config){.samples = true, .peer = true};
        snprintf(b->r.receiver[i].config.name, sizeof b->r.receiver[i].config.name, "server %d", i);
        b->one[i].samples = true;
    }
    several_run(b, 120);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    for (int i = 0; i < 3; i++)
        b->one[i].wrong = -378691200;
    several_run(b, 40);
    for (int i = 2; i >= 0; i--) {
        b->one[i].wrong = 0;
        several_run(b, 40);
        assert_near(several_error(b), 0, 0.01);
    }
    assert_true(b->worst < 0.01);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    several_end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_that_agree_and_one_falls_silent),
        cmocka_unit_test(the_preferred_one_leads_again),
        cmocka_unit_test(one_that_is_only_watched),
        cmocka_unit_test(the_first_one_is_wrong),
        cmocka_unit_test(two_that_disagree_from_the_start),
        cmocka_unit_test(the_leader_jumps),
        cmocka_unit_test(a_quiet_one_after_a_noisy_one),
        cmocka_unit_test(samples_lead_and_stand_by),
        cmocka_unit_test(trust),
        cmocka_unit_test(e6_a_receiver_that_is_pulled_away_is_not_trusted),
        cmocka_unit_test(b10_a_majority_that_is_years_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
