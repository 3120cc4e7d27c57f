/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "drivers/ubx/ubx.h"
#include "near.h"
#include "ubx_bytes.h"

#define PIVOT INT64_C(1795478400) /* 2026-11-24 */
#define EVE   INT64_C(1798675200) /* 2026-12-31 */

/* What was said last, and how often. */
struct heard {
    int leaps, pulses;
    struct leap_claim leap;
    struct sawtooth pulse;
};

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    (void)arg;
    (void)e;
}

static void on_leap(void *arg, const struct leap_claim *c)
{
    struct heard *h = arg;
    h->leaps++;
    h->leap = *c;
}

static void on_sawtooth(void *arg, const struct sawtooth *s)
{
    struct heard *h = arg;
    h->pulses++;
    h->pulse = *s;
}

static const struct ubx_sink sink = {.epoch = on_epoch, .sawtooth = on_sawtooth, .leap = on_leap};

struct world {
    struct heard heard;
    struct ubx ubx;
    struct bytes bytes;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    ubx_init(&w->ubx, PIVOT, &sink, &w->heard);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* Takes the frames in the bytes, as if they came at `local`. */
static void take(struct world *w, int64_t local)
{
    struct ubx_frame f;
    for (size_t at = 0; at < w->bytes.length; at += f.length + UBX_OVERHEAD) {
        assert_int_equal(ubx_frame_look(w->bytes.at + at, w->bytes.length - at, &f), FRAME_GOOD);
        ubx_take(&w->ubx, &f, local, local);
    }
    w->bytes.length = 0;
}

/* The time of 2026-12-31 20:00:00, time of week 1000 s. */
static void at_eight(struct world *w)
{
    const struct said s = {.itow = 1000000,
                           .year = 2026,
                           .month = 12,
                           .day = 31,
                           .hour = 20,
                           .valid = 7,
                           .fix = 3,
                           .flags = 1};
    bytes_pvt(&w->bytes, &s);
}

static void a_coming_leap_second_and_its_midnight(void **state)
{
    struct world *w = *state;
    bytes_timels(&w->bytes, 1000000, 2, 18, 1, 4 * 3600, 3);
    take(w, 0);
    assert_int_equal(w->heard.leaps, 1);
    assert_int_equal(w->heard.leap.tai, 37);
    assert_true(w->heard.leap.confirmed);
    assert_int_equal(w->heard.leap.change, LEAP_INSERT);
    assert_true(w->heard.leap.at == 0); /* the second of the message is not yet known */
    at_eight(w);
    bytes_eoe(&w->bytes, 1000000);
    bytes_timels(&w->bytes, 1001000, 2, 18, -1, 4 * 3600, 3);
    take(w, 0);
    assert_int_equal(w->heard.leap.change, LEAP_DELETE);
    assert_true(w->heard.leap.at == EVE + 86400);
    bytes_timels(&w->bytes, 1001000, 2, 18, 1, 100 * 86400 + 4 * 3600, 3); /* months ahead */
    take(w, 0);
    assert_true(w->heard.leap.at == EVE + 101 * 86400);
    bytes_timels(&w->bytes, 1001000, 2, 18, 1, 3 * 3600, 3); /* not at a midnight */
    take(w, 0);
    assert_int_equal(w->heard.leap.change, LEAP_INSERT);
    assert_true(w->heard.leap.at == 0);
    bytes_timels(&w->bytes, 1001000, 2, 18, 1, -86400, 3); /* it is past */
    take(w, 0);
    assert_int_equal(w->heard.leap.change, LEAP_NONE);
    bytes_timels(&w->bytes, 1001000, 2, 18, 1, 4 * 3600, 1); /* not flagged as valid */
    take(w, 0);
    assert_int_equal(w->heard.leap.change, LEAP_UNKNOWN);
}

/* 12.5 minutes after a cold start: until then the count is the firmware's. */
static void d6_a_count_is_confirmed_by_flag_and_source(void **state)
{
    struct world *w = *state;
    static const struct {
        int source, valid, tai;
        bool confirmed;
    } rows[] = {
        {2, 3, 37, true},  {3, 1, 37, true},    {4, 1, 37, true},    {5, 1, 37, true},
        {1, 1, 37, true},  {0, 1, 37, false},   {6, 1, 37, false},   {7, 1, 37, false},
        {2, 2, -1, false}, {255, 1, -1, false}, {255, 0, -1, false}, {0, 0, -1, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bytes_timels(&w->bytes, 1000000, rows[i].source, 18, 0, 0, rows[i].valid);
        take(w, 0);
        assert_int_equal(w->heard.leap.tai, rows[i].tai);
        assert_int_equal(w->heard.leap.confirmed, rows[i].confirmed);
    }
    bytes_timegps(&w->bytes, 1000000, 0, 2446, 18, 7);
    take(w, 0);
    assert_true(w->heard.leap.confirmed && w->heard.leap.tai == 37);
    bytes_timegps(&w->bytes, 1000000, 0, 2446, 16, 3);
    take(w, 0);
    assert_true(!w->heard.leap.confirmed && w->heard.leap.tai == 35);
    bytes_timegps(&w->bytes, 1000000, 0, 2446, -5, 7);
    take(w, 0);
    assert_true(!w->heard.leap.confirmed && w->heard.leap.tai == LEAP_COUNT_UNKNOWN);
}

/* 2026-11-24T12:00:00Z is second 216000 of week 2446 in UTC, 216018 in GPS time. */
static void c13_the_second_that_a_correction_is_for(void **state)
{
    struct world *w = *state;
    const int64_t noon = INT64_C(1795521600);
    bytes_tp(&w->bytes, 216000000, -4331, 0x03);
    take(w, 700);
    assert_int_equal(w->heard.pulses, 1);
    assert_true(w->heard.pulse.second == noon && w->heard.pulse.local == 700);
    assert_near(w->heard.pulse.error, -4.331e-9, 1e-18);
    bytes_tp(&w->bytes, 215999999, 5, 0x03); /* and 999... of a millisecond */
    take(w, 0);
    assert_true(w->heard.pulse.second == noon);
    bytes_tp(&w->bytes, 216000200, 5, 0x03); /* one of five a second */
    take(w, 0);
    assert_true(w->heard.pulse.second == INT64_MIN);
    bytes_tp(&w->bytes, 216000000, 5, 0x01); /* on UTC, but UTC is not known */
    take(w, 0);
    assert_true(w->heard.pulse.second == INT64_MIN);
    bytes_tp(&w->bytes, 216018000, 5, 0x00); /* GPS time, leap count not known */
    take(w, 0);
    assert_true(w->heard.pulse.second == INT64_MIN);
    bytes_timels(&w->bytes, 1000000, 2, 18, 0, 0, 3);
    bytes_tp(&w->bytes, 216018000, 0, 0x00);
    take(w, 0);
    assert_true(w->heard.pulse.second == noon && w->heard.pulse.error == 0);
    assert_int_equal(w->heard.pulses, 6);
    bytes_tp(&w->bytes, 216019000, 9, 0x13); /* not valid: nothing is said of that pulse */
    take(w, 0);
    assert_int_equal(w->heard.pulses, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_coming_leap_second_and_its_midnight, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d6_a_count_is_confirmed_by_flag_and_source, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(c13_the_second_that_a_correction_is_for, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
