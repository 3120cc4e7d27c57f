/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counting over a leap second, with receivers that call it by every name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/numbering.h"

#define SECOND   INT64_C(1000000000)
#define MIDNIGHT INT64_C(1798761600) /* 2027-01-01 */
#define LOCAL    INT64_C(5000)       /* local scale of MIDNIGHT, s */
#define RUN      4000

enum style { NAMES_60, REPEATS_59, REPEATS_00, LATE };

struct world {
    struct numbering n;
    int step; /* -1: a second is inserted; +1: one is left out; 0: nothing happens */
    enum style style;
    int late;     /* s */
    bool unknown; /* the daemon is not told */
    bool listed;
    int wrong, conflicts;
};

/* The scale of NTP at the world's second t. */
static int64_t ntp(const struct world *w, int t)
{
    bool past = w->step < 0 ? t >= 0 : t >= -1;
    return MIDNIGHT + t + (past ? w->step : 0);
}

static void say(struct world *w, int t, double delay)
{
    struct timelabel l = {.second = ntp(w, t),
                          .local = (LOCAL + t) * SECOND + llrint(delay * 1e9),
                          .delay_min = NAN,
                          .delay_max = NAN};
    if (w->step < 0 && t == 0 && w->style == NAMES_60) {
        l.leap60 = true;
        l.second++;
    } else if (w->step < 0 && t == 0 && w->style == REPEATS_00)
        l.second++;
    else if (w->style == LATE && t < w->late)
        l.second = MIDNIGHT + t;
    w->conflicts += numbering_label(&w->n, &l) == NUMBERING_CONFLICT;
}

static void pulse(struct world *w, int t)
{
    struct edge e = {.local = (LOCAL + t) * SECOND};
    struct sample s;
    int64_t before = MIDNIGHT + t;
    if (!numbering_edge(&w->n, &e, &s) || t < -300)
        return;
    /* the edge of the leap second comes before it is carried through */
    bool carried = !w->unknown && t > (w->step < 0 ? 0 : -1);
    w->wrong += s.truth != (carried ? ntp(w, t) : before) * SECOND;
}

static void run(struct world *w, int step, enum style style, int from)
{
    numbering_init(&w->n);
    w->n.leap_listed = w->listed;
    w->step = step;
    w->style = style;
    for (int t = from; t < RUN; t++) {
        int leap = step < 0 ? 0 : -1;
        pulse(w, t);
        if (step && t == leap && !w->unknown)
            numbering_leap(&w->n, MIDNIGHT, step, (LOCAL + t) * SECOND + SECOND / 33);
        say(w, t, 0.3);
    }
}

static void d9_known_to_the_daemon(void **state)
{
    (void)state;
    for (int step = -1; step <= 1; step += 2)
        for (enum style style = NAMES_60; style <= LATE; style++)
            for (int late = 1020; late <= 1440; late += 420) {
                struct world w = {.late = late};
                char line[256];
                run(&w, step, style, -600);
                assert_int_equal(w.wrong, 0);
                assert_int_equal(w.conflicts, 0);
                assert_int_equal(w.n.renumbered, 0);
                assert_int_equal(w.n.state, NUMBERING_NUMBERED);
                numbering_evidence(&w.n, line, sizeof line);
                assert_null(strstr(line, "leap"));
            }
}

static void d9_a_late_receiver_is_named(void **state)
{
    (void)state;
    struct world w = {.late = RUN};
    char line[256];
    numbering_init(&w.n);
    w.step = -1;
    w.style = LATE;
    for (int t = -600; t < 600; t++) {
        pulse(&w, t);
        if (t == 0)
            numbering_leap(&w.n, MIDNIGHT, -1, (LOCAL + t) * SECOND + SECOND / 33);
        say(&w, t, 0.3);
    }
    numbering_evidence(&w.n, line, sizeof line);
    assert_non_null(strstr(line, "leap second"));
}

/* One that never learns of it: after 45 minutes nobody knows who is right. */
static void d9_too_late_is_a_conflict(void **state)
{
    (void)state;
    struct world w = {.late = RUN, .listed = true};
    run(&w, -1, LATE, -600);
    assert_int_equal(w.wrong, 0);
    assert_true(w.conflicts > RUN - 2700 - 10);
    assert_int_equal(w.n.state, NUMBERING_CONFLICT);
}

/* Nobody announced it: a conflict after three messages, and a new number after a minute. */
static void d9_unannounced(void **state)
{
    (void)state;
    for (int step = -1; step <= 1; step += 2)
        for (enum style style = NAMES_60; style <= REPEATS_00; style++) {
            struct world w = {.unknown = true};
            run(&w, step, style, -3000);
            assert_in_range(w.conflicts, 50, 62);
            assert_int_equal(w.n.renumbered, 1);
            assert_int_equal(w.n.state, NUMBERING_NUMBERED);
            assert_int_equal(w.n.number + w.n.anchor_index, ntp(&w, RUN - 1));
        }
}

/* A receiver makes one of its own, and a list says that there is none. */
static void d8_a_receivers_own_leap_second(void **state)
{
    (void)state;
    struct world w = {.unknown = true};
    numbering_init(&w.n);
    w.n.leap_listed = true;
    w.step = -1;
    for (int t = -600; t < RUN; t++) {
        pulse(&w, t);
        say(&w, t, 0.3);
    }
    assert_int_equal(w.n.state, NUMBERING_CONFLICT);
    assert_int_equal(w.n.renumbered, 0);
    assert_int_equal(w.wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d9_known_to_the_daemon),
        cmocka_unit_test(d9_a_late_receiver_is_named),
        cmocka_unit_test(d9_too_late_is_a_conflict),
        cmocka_unit_test(d9_unannounced),
        cmocka_unit_test(d8_a_receivers_own_leap_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
