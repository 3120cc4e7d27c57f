/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/receiver/epoch_gate.h"
#include "refclock/civil.h"

#define NOON INT64_C(1795521600) /* 2026-11-24T12:00:00Z */

/* An epoch that names `second` and came at `local` seconds. */
static bool take(struct epoch_gate *g, int64_t second, double local)
{
    const struct nmea_epoch e = {
        .verdict = NMEA_VOUCHED, .dated = true, .second = second, .local = (int64_t)(local * 1e9)};
    return epoch_gate_take(g, &e);
}

static bool deny(struct epoch_gate *g, enum nmea_verdict verdict)
{
    const struct nmea_epoch e = {.verdict = verdict};
    return epoch_gate_take(g, &e);
}

static void c10_three_in_a_row(void **state)
{
    (void)state;
    struct epoch_gate g;
    epoch_gate_init(&g);
    assert_false(take(&g, NOON, 100.3));
    assert_false(take(&g, NOON + 1, 101.4));
    assert_true(take(&g, NOON + 2, 102.2));
    assert_true(take(&g, NOON + 3, 103.2));
    assert_false(deny(&g, NMEA_NO_WORD)); /* passed over */
    assert_true(take(&g, NOON + 4, 104.2));
    assert_false(deny(&g, NMEA_NO_FIX));
    assert_false(take(&g, NOON + 5, 105.2));
    assert_false(take(&g, NOON + 6, 106.2));
    assert_true(take(&g, NOON + 7, 107.2));
    assert_false(deny(&g, NMEA_NO_UTC));
    assert_false(take(&g, NOON + 9, 109.2));
}

/* A cold start: a date of the firmware, another, then the right one; a jump back while it runs. */
static void c10_dates_that_jump(void **state)
{
    (void)state;
    struct epoch_gate g;
    epoch_gate_init(&g);
    assert_false(take(&g, NOON - 86400, 1));
    assert_false(take(&g, NOON - 86399, 2));
    assert_false(take(&g, NOON, 3));
    assert_false(take(&g, NOON + 1, 4));
    assert_true(take(&g, NOON + 2, 5));
    assert_false(take(&g, NOON - 300, 6));
    assert_false(take(&g, NOON + 4, 7));
    assert_false(take(&g, NOON + 5, 8));
    assert_true(take(&g, NOON + 6, 9));
    assert_false(take(&g, INT64_MAX / 2, 10));
    assert_false(take(&g, INT64_MIN / 2, 11));
    assert_false(take(&g, NOON + 6, 12)); /* it has stood still */
    assert_false(take(&g, NOON + 6, 15));
}

static void any_rate_and_a_leap_second(void **state)
{
    (void)state;
    struct epoch_gate g;
    epoch_gate_init(&g);
    struct nmea_epoch e = {.verdict = NMEA_VOUCHED, .dated = true, .second = NOON};
    for (int i = 0; i < 20; i++) { /* 10 Hz */
        e.second = NOON + i / 10;
        e.nsec = i % 10 * 100000000;
        e.local = i * INT64_C(100000000) + 7;
        assert_int_equal(epoch_gate_take(&g, &e), i >= 2);
    }
    assert_true(take(&g, NOON + 60, 60)); /* messages were away for a minute */
    e = (struct nmea_epoch){.verdict = NMEA_VOUCHED, .second = NOON + 61, .leap60 = true};
    e.local = 61 * NS_PER_S;
    assert_true(epoch_gate_take(&g, &e));
    assert_true(take(&g, NOON + 61, 62));
    assert_true(take(&g, NOON + 62, 63));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c10_three_in_a_row),
        cmocka_unit_test(c10_dates_that_jump),
        cmocka_unit_test(any_rate_and_a_leap_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
