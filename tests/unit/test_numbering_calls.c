/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/numbering.h"
#include "refclock/rng.h"

#define SECOND INT64_C(1000000000)
#define BASE   INT64_C(1795521600)

/* A storm: nothing is numbered, nothing grows. */
static void a_storm_of_edges(void **state)
{
    (void)state;
    struct numbering n;
    struct sample s;
    struct rng rng = rng_seeded(4, 4);
    numbering_init(&n);
    int64_t at = BASE * SECOND;
    for (int i = 0; i < 50000; i++) {
        struct edge e = {.local = at += (int64_t)(rng_u64(&rng) % 200000)};
        assert_int_equal(numbering_edge(&n, &e, &s), 0);
        assert_in_range(n.waits, 0, NUMBERING_EDGES);
    }
    /* time that goes back, and far ahead */
    int64_t far[] = {0, INT64_MAX / 2, -1, BASE, INT64_MAX / 2 + 1};
    for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
        struct edge e = {.local = far[i]};
        assert_int_equal(numbering_edge(&n, &e, &s), 0);
    }
}

/* Receivers that send five times a second: only whole seconds count. */
static void parts_of_a_second(void **state)
{
    (void)state;
    struct numbering n;
    numbering_init(&n);
    struct edge e = {.local = BASE * SECOND};
    struct sample s;
    (void)numbering_edge(&n, &e, &s);
    struct timelabel l = {.second = BASE, .delay_min = NAN, .delay_max = NAN};
    for (int i = 0; i < 50; i++) {
        l.nsec = 200000000 * (1 + i % 4);
        l.local = BASE * SECOND + l.nsec + SECOND / 10;
        assert_int_equal(numbering_label(&n, &l), NUMBERING_EMPTY);
    }
}

static void edges_that_wait(void **state)
{
    (void)state;
    struct numbering n;
    struct sample s;
    numbering_init(&n);
    for (int i = 0; i < 50; i++) {
        struct edge e = {.local = (BASE + i) * SECOND, .uncertainty = 2e-5};
        assert_int_equal(numbering_edge(&n, &e, &s), 0);
        assert_int_equal(numbering_take(&n, &s), 0);
    }
    struct timelabel l = {.delay_min = NAN, .delay_max = NAN};
    for (int i = 49; n.state != NUMBERING_NUMBERED; i++) {
        struct edge e = {.local = (BASE + i) * SECOND, .uncertainty = 2e-5};
        l.second = BASE + 1000 + i;
        l.local = (BASE + i) * SECOND + 3 * SECOND / 10;
        if (i > 49)
            (void)numbering_edge(&n, &e, &s);
        (void)numbering_label(&n, &l);
        assert_true(i < 60);
    }
    int taken = 0;
    int64_t last = 0;
    while (numbering_take(&n, &s)) {
        assert_true(s.local > last && s.pulse);
        assert_int_equal(s.truth - s.local, 1000 * SECOND);
        assert_near(s.uncertainty, 2e-5, 1e-12);
        last = s.local;
        taken++;
    }
    assert_int_equal(taken, NUMBERING_EDGES);
    assert_int_equal(last, l.local - 3 * SECOND / 10);
}

static void samples_of_messages_alone(void **state)
{
    (void)state;
    struct sample s;
    struct timelabel l = {
        .second = BASE, .nsec = 5, .local = BASE * SECOND, .delay_min = 0.1, .delay_max = 0.3};
    l.leap = LEAP_INSERT;
    numbering_message_sample(&l, &s);
    assert_int_equal(s.local, BASE * SECOND - 200000000);
    assert_int_equal(s.truth, BASE * SECOND + 5);
    assert_near(s.uncertainty, 0.1, 1e-12);
    assert_false(s.pulse);
    assert_int_equal(s.leap, LEAP_INSERT);
    l.delay_min = l.delay_max = NAN;
    numbering_message_sample(&l, &s);
    assert_near(s.uncertainty, 0.5, 1e-12);
}

static void evidence_for_people(void **state)
{
    (void)state;
    static const char *const words[] = {
        [NUMBERING_EMPTY] = "no pulses",      [NUMBERING_GATHERING] = "so far",
        [NUMBERING_AMBIGUOUS] = "delay MIN",  [NUMBERING_CONFLICT] = "by 7 s",
        [NUMBERING_NUMBERED] = "delay only:",
    };
    struct numbering n;
    char buf[256], small[8];
    numbering_init(&n);
    n.disagree_by = 7;
    for (int i = 0; i <= NUMBERING_NUMBERED; i++) {
        n.state = (enum numbering_state)i;
        assert_non_null(strstr(numbering_evidence(&n, buf, sizeof buf), words[i]));
        assert_int_equal(strlen(numbering_evidence(&n, small, sizeof small)), 7);
        assert_true(*numbering_state_name(n.state));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_storm_of_edges),    cmocka_unit_test(parts_of_a_second),
        cmocka_unit_test(edges_that_wait),     cmocka_unit_test(samples_of_messages_alone),
        cmocka_unit_test(evidence_for_people),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
