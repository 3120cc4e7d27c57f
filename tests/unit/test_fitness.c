/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/bound.h"
#include "refclock/fitness.h"

#define NEVER INFINITY

static void table(void **state)
{
    (void)state;
    static const struct {
        struct fitness_input in;
        enum fitness_choice choice;
        const char *why;
    } rows[] = {
        /* with a pulse line */
        {{true, 0.1, 0.2, 0, NUMBERING_NUMBERED, false, false, 0},
         FITNESS_PULSE,
         "numbered pulses: because"},
        {{true, 4.9, 0.2, 0, NUMBERING_NUMBERED, false, false, 0}, FITNESS_PULSE, "numbered"},
        {{true, 5.1, 0.2, 0, NUMBERING_NUMBERED, false, false, 0}, FITNESS_NOTHING, "no pulse"},
        {{true, NEVER, NEVER, 0, NUMBERING_EMPTY, false, false, 0},
         FITNESS_NOTHING,
         "not numbered: because"},
        {{true, NEVER, 0.2, 0, NUMBERING_EMPTY, false, false, 0}, FITNESS_NOTHING, "not numbered"},
        {{true, 0.1, 0.2, 0, NUMBERING_GATHERING, false, false, 0},
         FITNESS_NOTHING,
         "not numbered"},
        {{true, 0.1, 0.2, 0, NUMBERING_AMBIGUOUS, false, false, 0},
         FITNESS_NOTHING,
         "not numbered"},
        {{true, 0.1, 0.2, 0, NUMBERING_CONFLICT, false, false, 0}, FITNESS_NOTHING, "not numbered"},
        {{true, 0.1, 3599, 0, NUMBERING_NUMBERED, false, false, 0}, FITNESS_PULSE, "numbered"},
        {{true, 0.1, 3601, 0, NUMBERING_NUMBERED, false, false, 0}, FITNESS_NOTHING, "for an hour"},
        {{true, 0.1, 0.2, 0, NUMBERING_NUMBERED, true, false, 0},
         FITNESS_NOTHING,
         "moved the clock"},
        /* a receiver without a fix lets its pulses run free */
        {{true, 0.1, 2.9, 0, NUMBERING_NUMBERED, false, true, 0}, FITNESS_PULSE, "numbered"},
        {{true, 0.1, 3.1, 0, NUMBERING_NUMBERED, false, true, 0}, FITNESS_NOTHING, "no fix"},
        /* a second off: not the estimate's noise */
        {{true, 0.1, 0.2, 0, NUMBERING_NUMBERED, false, false, 0.1}, FITNESS_PULSE, "numbered"},
        {{true, 0.1, 0.2, 0, NUMBERING_NUMBERED, false, false, -1}, FITNESS_NOTHING, "by a second"},
        /* a stated delay does not make messages stand in for a pulse that is configured */
        {{true, NEVER, 0.2, 0.05, NUMBERING_EMPTY, false, false, 0},
         FITNESS_NOTHING,
         "not numbered"},
        /* without one */
        {{false, NEVER, 0.2, 0.1, NUMBERING_EMPTY, false, false, 0},
         FITNESS_MESSAGE,
         "stated delay"},
        {{false, NEVER, 9.9, 0.499, NUMBERING_EMPTY, false, false, 0}, FITNESS_MESSAGE, "stated"},
        {{false, NEVER, 0.2, 0.5, NUMBERING_EMPTY, false, false, 0},
         FITNESS_NOTHING,
         "delay unknown"},
        {{false, NEVER, 10.1, 0.1, NUMBERING_EMPTY, false, false, 0},
         FITNESS_NOTHING,
         "no message"},
        {{false, NEVER, NEVER, 0, NUMBERING_EMPTY, false, false, 0}, FITNESS_NOTHING, "no message"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct fitness s = fitness_judge(&rows[i].in, "because");
        if (s.choice != rows[i].choice || !strstr(s.why, rows[i].why))
            print_error("row %zu: %d, '%s'\n", i, s.choice, s.why);
        assert_int_equal(s.choice, rows[i].choice);
        assert_non_null(strstr(s.why, rows[i].why));
    }
}

static void a_long_evidence_is_cut(void **state)
{
    (void)state;
    char evidence[1000];
    struct fitness_input in = {.pulse = true, .numbering = NUMBERING_AMBIGUOUS};
    memset(evidence, 'x', sizeof evidence - 1);
    evidence[sizeof evidence - 1] = 0;
    struct fitness s = fitness_judge(&in, evidence);
    assert_int_equal(strlen(s.why), sizeof s.why - 1);
}

/* ---- the bound, which selection and state rest on ---- */

static void the_statistical_part(void **state)
{
    (void)state;
    /* wide while little is known, and never narrower than six standard errors */
    double last = INFINITY;
    for (uint64_t count = 3; count < 100000; count *= 2) {
        double stat = bound_stat(1e-6, count, 0.05, 0);
        assert_true(stat < last && stat > 6e-6);
        last = stat;
    }
    assert_true(last < 7e-6);
    assert_true(bound_stat(1e-6, 3, 0.05, 0) > 50e-6);
    assert_true(bound_stat(1e-6, 0, 0.05, 0) > 400e-6);
    /* a slow filter has seen less of the noise's kind */
    assert_true(bound_stat(1e-6, 1000, 0.001, 0) > bound_stat(1e-6, 1000, 0.1, 0));
    /* what outliers say comes on top, whatever its sign */
    double plain = bound_stat(1e-6, 1000, 0.05, 0);
    assert_near(bound_stat(1e-6, 1000, 0.05, -3e-6), plain + 3e-6, 1e-15);
    assert_near(bound_stat(1e-6, 1000, 0.05, 3e-6), plain + 3e-6, 1e-15);
    assert_true(isinf(bound_stat(INFINITY, 1000, 0.05, 0)));
}

/* Pulses that are lost soon after the start: the crystal may still be warming up. */
static void what_was_not_seen(void **state)
{
    (void)state;
    assert_near(bound_unseen(10, 0), 0, 0);
    assert_true(bound_unseen(10, 1) < 10e-9);
    assert_true(bound_unseen(10, 600) > 0.5e-3 && bound_unseen(10, 600) < 2e-3);
    assert_true(bound_unseen(10, 1e6) <= 10.1);
    assert_true(bound_unseen(3600, 3600) < 50e-6);
    for (double blind = 1; blind < 1e6; blind *= 2) {
        assert_true(bound_unseen(10, 2 * blind) > bound_unseen(10, blind));
        assert_true(bound_unseen(100, blind) < bound_unseen(10, blind));
    }
}

static void the_sum(void **state)
{
    (void)state;
    struct bound_parts none = {0};
    struct bound_parts all = {1e-5, 2e-5, 4e-5, 0.5};
    assert_near(bound_total(1e-6, &none), 1e-6, 1e-18);
    assert_near(bound_total(0, &none), 1e-9, 0);
    assert_near(bound_total(1e-6, &all), 0.500071, 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(a_long_evidence_is_cut),
        cmocka_unit_test(the_statistical_part),
        cmocka_unit_test(what_was_not_seen),
        cmocka_unit_test(the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
