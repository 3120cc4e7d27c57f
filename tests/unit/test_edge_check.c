/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An inverted pulse, by all that may tell (row E1). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "refclock_bench.h"

#include "refclock/edge_check.h"

static const struct edge_moment nothing = {.delay = (double)NAN};

/* Verdict after some pulses of this width. */
static enum edge_verdict after(struct edge_check *c, double width, bool falling, int pulses)
{
    for (int i = 0; i < pulses; i++) {
        struct edge e = {.width = width, .falling = falling};
        edge_check_edge(c, &e);
        edge_check_judge(c, &nothing);
    }
    return c->verdict;
}

static void e1_the_other_edge(void **state)
{
    static const struct {
        double measured, stated;
        enum edge_verdict verdict;
    } rows[] = {
        {0.1, NAN, EDGE_RIGHT},    {0.9, NAN, EDGE_WRONG},      {0.001, NAN, EDGE_RIGHT},
        {0.999, NAN, EDGE_WRONG},  {0.5, NAN, EDGE_UNVERIFIED}, {0.48, NAN, EDGE_UNVERIFIED},
        {0.9, 0.9, EDGE_RIGHT},    {0.1, 0.9, EDGE_WRONG},      {0.1, 0.1, EDGE_RIGHT},
        {0.9, 0.1, EDGE_WRONG},    {0.4, 0.1, EDGE_UNVERIFIED}, {0.5, 0.5, EDGE_UNVERIFIED},
        {0, NAN, EDGE_UNVERIFIED}, {7, NAN, EDGE_UNVERIFIED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct edge_check c;
        edge_check_init(&c);
        c.hint.width = rows[i].stated;
        assert_int_equal(after(&c, rows[i].measured, false, 3), EDGE_UNVERIFIED);
        assert_int_equal(after(&c, rows[i].measured, false, 1), rows[i].verdict);
        assert_int_equal(*c.why != 0, rows[i].verdict != EDGE_UNVERIFIED);
    }
}

/* A bounce or a lost edge changes nothing. */
static void e1_widths_that_differ_tell_nothing(void **state)
{
    struct edge_check c;
    (void)state;
    edge_check_init(&c);
    for (int i = 0; i < 50; i++)
        assert_int_equal(after(&c, i % 3 ? 0.1 : 0.9, false, 1), EDGE_UNVERIFIED);
    assert_int_equal(after(&c, 0.1, false, 4), EDGE_RIGHT);
    assert_int_equal(after(&c, 0.9, false, 1), EDGE_UNVERIFIED);
}

static void e1_the_receivers_polarity(void **state)
{
    (void)state;
    for (int marks = -1; marks <= 1; marks++)
        for (int falling = 0; falling <= 1; falling++) {
            struct edge_check c;
            edge_check_init(&c);
            c.hint.marks = marks;
            assert_int_equal(after(&c, 0, falling, 1), !marks                     ? EDGE_UNVERIFIED
                                                       : (marks < 0) == !!falling ? EDGE_RIGHT
                                                                                  : EDGE_WRONG);
            /* the line itself is surer than what was set: there may be an inverter between them */
            assert_int_equal(after(&c, 0.1, falling, 4), EDGE_RIGHT);
        }
}

static void e1_the_usual_delay(void **state)
{
    static const struct {
        double delay, stated;
        enum edge_verdict verdict;
    } rows[] = {
        {0.475, NAN, EDGE_RIGHT},    {0.50, NAN, EDGE_RIGHT},
        {0.375, NAN, EDGE_WRONG}, /* 100 ms */
        {0.975, NAN, EDGE_WRONG}, /* 500 ms */
        {0.275, NAN, EDGE_WRONG},    {0.7, NAN, EDGE_UNVERIFIED},
        {0.175, 0.3, EDGE_WRONG},    {0.375, 0.3, EDGE_UNVERIFIED},
        {NAN, NAN, EDGE_UNVERIFIED},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct edge_check c;
        edge_check_init(&c);
        c.hint.usual = 0.475;
        c.hint.width = rows[i].stated;
        struct edge_moment m = {.delay = rows[i].delay};
        edge_check_judge(&c, &m);
        assert_int_equal(c.verdict, rows[i].verdict);
    }
}

static void e1_another_source(void **state)
{
    struct edge_check c;
    struct edge_moment m = {.delay = (double)NAN, .accordance = true};
    (void)state;
    edge_check_init(&c);
    c.hint.marks = -1; /* with an inverter on the way */
    assert_true(edge_check_judge(&c, &m));
    assert_int_equal(c.verdict, EDGE_RIGHT);
    assert_false(edge_check_judge(&c, &m));
}

/* Messages that come 0.1 s earlier than is usual for the board: nothing is served, and it is said
 * why and what to write. */
static void e1_an_inverted_pulse_with_a_profile_is_not_served(void **state)
{
    (void)state;
    const struct edge_hint hint = {.width = (double)NAN, .usual = 0.3};
    struct bench *b = begin(true, 0.3);
    refclock_pulse(&b->r, 0, &hint);
    b->delay = 0.2;
    run(b, 300);
    assert_int_equal(b->served, 0);
    assert_int_equal(b->r.steps, 0);
    assert_int_equal(times_said(b, "the edge of bench is inverted"), 1);
    assert_non_null(strstr(b->r.selection.why, "add `edge clear`"));
    end(b);
    b = begin(true, 0.3);
    refclock_pulse(&b->r, 0, &hint);
    b->delay = 0.3;
    run(b, 300);
    assert_int_equal(b->r.state, REFCLOCK_LOCKED);
    assert_int_equal(b->r.receiver[0].edge.verdict, EDGE_RIGHT);
    assert_null(strstr(b->r.selection.why, "unverified"));
    end(b);
}

/* What shows itself while it leads is no holdover: the estimate rests on it. */
static void e1_found_out_late_it_is_unsynchronised_at_once(void **state)
{
    const struct edge_hint hint = {.marks = -1, .width = (double)NAN, .usual = (double)NAN};
    (void)state;
    struct bench *b = locked(0);
    assert_non_null(strstr(b->r.selection.why, "edge unverified"));
    refclock_pulse(&b->r, 0, &hint);
    run(b, 3);
    assert_int_equal(b->r.state, REFCLOCK_UNSYNCHRONISED);
    assert_int_equal(look(b).leap, LEAP_UNKNOWN);
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(e1_the_other_edge),
        cmocka_unit_test(e1_widths_that_differ_tell_nothing),
        cmocka_unit_test(e1_the_receivers_polarity),
        cmocka_unit_test(e1_the_usual_delay),
        cmocka_unit_test(e1_another_source),
        cmocka_unit_test(e1_an_inverted_pulse_with_a_profile_is_not_served),
        cmocka_unit_test(e1_found_out_late_it_is_unsynchronised_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
