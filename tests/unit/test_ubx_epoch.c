/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which UBX times are vouched for: every set of flags, odd nanoseconds, leap counts, eras. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ubx/ubx.h"
#include "refclock/civil.h"
#include "ubx_bytes.h"

#define MS INT64_C(1000000)

static const int64_t pivot = INT64_C(1795478400); /* 2026-11-24, in GPS week 2446 */

struct heard {
    int vouched, denied;
    enum nmea_verdict verdict;
    struct nmea_epoch last; /* vouched for */
    int skies;
    struct sky sky;
};

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    struct heard *h = arg;
    h->verdict = e->verdict;
    if (e->verdict == NMEA_VOUCHED) {
        h->vouched++;
        h->last = *e;
    } else {
        h->denied++;
    }
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct heard *h = arg;
    h->skies++;
    h->sky = *sky;
}

static const struct ubx_sink sink = {.epoch = on_epoch, .sky = on_sky};

/* Takes the frames of `b` at `local`, and empties it. */
static void take(struct ubx *u, struct bytes *b, int64_t local)
{
    struct ubx_frame f;
    for (size_t at = 0; at < b->length; at += f.length + UBX_OVERHEAD) {
        assert_int_equal(ubx_frame_look(b->at + at, b->length - at, &f), FRAME_GOOD);
        ubx_take(u, &f, local, local);
    }
    b->length = 0;
}

/* What the frames come to on their own. */
static struct heard heard_of(struct bytes *b, int64_t with_pivot)
{
    struct heard h = {0};
    struct ubx u;
    ubx_init(&u, with_pivot, &sink, &h);
    take(&u, b, 0);
    ubx_flush(&u);
    return h;
}

/* 2026-11-24T00:00:00Z is second 172800 + 18 of its GPS week. */
#define ITOW 172818000
static const struct said good = {.itow = ITOW,
                                 .year = 2026,
                                 .month = 11,
                                 .day = 24,
                                 .accuracy = 20,
                                 .valid = 0x37,
                                 .fix = 3,
                                 .flags = 1,
                                 .confirm = 0xea};

static void c12_pvt_with_every_set_of_flags(void **state)
{
    (void)state;
    static struct bytes b;
    for (int valid = 0; valid < 8; valid++)
        for (int confirm = 0; confirm < 8; confirm++)
            for (int fix = 0; fix < 8; fix++)
                for (int ok = 0; ok < 2; ok++) {
                    struct said s = good;
                    s.valid = valid | 0x30;
                    s.confirm = confirm << 5 | 0x0a;
                    s.fix = fix;
                    s.flags = ok;
                    bytes_pvt(&b, &s);
                    struct heard h = heard_of(&b, pivot);
                    bool fixed = ok && fix >= 2 && fix <= 5;
                    bool utc = valid == 7 && (confirm == 7 || !(confirm & 1));
                    assert_int_equal(h.vouched, fixed && utc);
                    assert_int_equal(h.denied, !(fixed && utc));
                    if (!(fixed && utc))
                        assert_int_equal(h.verdict, fixed ? NMEA_NO_UTC : NMEA_NO_FIX);
                }
}

static void c12_timeutc_with_every_set_of_flags(void **state)
{
    (void)state;
    static struct bytes b;
    for (int valid = 0; valid < 8; valid++)
        for (int status = 0; status < 3; status++) { /* none, no fix, fix */
            struct said s = good;
            s.valid = valid | 0xf0;
            if (status)
                bytes_status(&b, ITOW, status == 2 ? 5 : 0, status == 2);
            bytes_timeutc(&b, &s);
            struct heard h = heard_of(&b, pivot);
            assert_int_equal(h.vouched, valid == 7 && status != 1);
            assert_int_equal(h.denied, !h.vouched);
        }
}

/* A receiver's own clock: flags that look well, and an accuracy that no satellite gives. */
static void c12_a_clock_without_satellites(void **state)
{
    (void)state;
    static struct bytes b;
    struct said s = good;
    s.accuracy = 1000001;
    bytes_timeutc(&b, &s);
    struct heard h = heard_of(&b, pivot);
    assert_int_equal(h.vouched, 0);
    assert_int_equal(h.verdict, NMEA_NO_UTC);
    s.accuracy = 1000000;
    bytes_timeutc(&b, &s);
    assert_int_equal(heard_of(&b, pivot).vouched, 1);
}

static void gps_time_with_every_set_of_flags(void **state)
{
    (void)state;
    static struct bytes b;
    for (int valid = 0; valid < 8; valid++)
        for (int set = 0; set < 4; set++)
            for (int ok = 0; ok < 2; ok++) {
                bytes_sol(&b, ITOW, 4363, 2446, 3, set << 2 | ok);
                bytes_timegps(&b, ITOW, 4363, 2446, 18, valid);
                struct heard h = heard_of(&b, pivot);
                bool timed = set == 3 || (valid & 3) == 3;
                assert_int_equal(h.vouched, ok && timed && valid & 4);
                assert_int_equal(h.denied, !ok || !(valid & 4));
                if (h.vouched)
                    assert_true(h.last.second == pivot && h.last.nsec == 4363);
            }
}

/* Alone they neither vouch nor deny. */
static void without_a_fix_or_a_time_nothing_is_said(void **state)
{
    (void)state;
    static struct bytes b;
    bytes_timegps(&b, ITOW, 0, 2446, 18, 7);
    struct heard h = heard_of(&b, pivot);
    assert_int_equal(h.vouched + h.denied, 0);
    bytes_status(&b, ITOW, 3, 1);
    h = heard_of(&b, pivot);
    assert_int_equal(h.vouched + h.denied, 0);
    bytes_status(&b, ITOW, 3, 0);
    h = heard_of(&b, pivot);
    assert_int_equal(h.verdict, NMEA_NO_FIX);
    assert_int_equal(h.denied, 1);
}

static void any_message_denies_and_two_times_contradict(void **state)
{
    (void)state;
    static struct bytes b;
    struct said other = good;
    bytes_pvt(&b, &good);
    bytes_status(&b, ITOW, 3, 0);
    assert_int_equal(heard_of(&b, pivot).verdict, NMEA_NO_FIX);
    bytes_pvt(&b, &good);
    other.valid = 3;
    bytes_timeutc(&b, &other);
    assert_int_equal(heard_of(&b, pivot).verdict, NMEA_NO_UTC);
    bytes_pvt(&b, &good);
    other.valid = 7;
    other.second = 1;
    bytes_timeutc(&b, &other);
    assert_int_equal(heard_of(&b, pivot).verdict, NMEA_CONTRADICTION);
}

static void c11_nanoseconds_before_the_second(void **state)
{
    (void)state;
    static const struct {
        int64_t nano, second;
        int32_t nsec;
    } rows[] = {{-700000, -1, 999300000},
                {-1, -1, 999999999},
                {0, 0, 0},
                {-500000000, -1, 500000000},
                {999999999, 0, 999999999}};
    static struct bytes b;
    struct said s = good;
    s.year = 2012;
    s.month = s.day = 1;
    int64_t start = 1325376000; /* 2012-01-01 */
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        s.nano = rows[i].nano;
        bytes_pvt(&b, &s);
        struct heard h = heard_of(&b, start);
        assert_int_equal(h.vouched, 1);
        assert_true(h.last.second == start + rows[i].second);
        assert_int_equal(h.last.nsec, rows[i].nsec);
    }
    static const int64_t impossible[] = {-500000001, 1000000000, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < 4; i++) {
        s.nano = impossible[i];
        bytes_pvt(&b, &s);
        assert_int_equal(heard_of(&b, start).vouched, 0);
    }
}

static void c9_dates_that_cannot_be(void **state)
{
    (void)state;
    static const struct said rows[] = {
        {.year = 2026, .month = 2, .day = 31}, {.year = 2026, .month = 13, .day = 1},
        {.year = 2026, .month = 0, .day = 1},  {.year = 2026, .month = 1, .day = 0},
        {.year = 1979, .month = 1, .day = 1},  {.year = 2026, .month = 1, .day = 1, .hour = 24},
        {.year = 65535, .month = 1, .day = 1}, {.year = 2026, .month = 1, .day = 1, .second = 60},
        {.year = 1980, .month = 1, .day = 6},  {.year = 2000, .month = 1, .day = 1},
    };
    static struct bytes b;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct said s = rows[i];
        struct heard h = {0};
        struct ubx u;
        s.valid = 7;
        s.fix = 3;
        s.flags = 1;
        bytes_pvt(&b, &s);
        ubx_init(&u, pivot, &sink, &h);
        take(&u, &b, 0);
        ubx_flush(&u);
        assert_int_equal(h.vouched, 0);
        assert_int_equal(u.counts.malformed, 1);
    }
}

static void a_date_of_another_era_is_moved(void **state)
{
    (void)state;
    static struct bytes b;
    struct said s = good;
    s.year = 2007; /* 2026-11-24 less 1024 weeks */
    s.month = 4;
    s.day = 10;
    bytes_pvt(&b, &s);
    struct heard h = heard_of(&b, pivot);
    assert_int_equal(h.vouched, 1);
    assert_true(h.last.second == pivot && h.last.era_moved);
    bytes_sol(&b, ITOW, 0, 2446 - 2048, 3, 0x0d); /* ten bits of a week */
    bytes_timegps(&b, ITOW, 0, 2446 - 2048, 18, 7);
    h = heard_of(&b, pivot);
    assert_int_equal(h.vouched, 1);
    assert_true(h.last.second == pivot && h.last.era_moved);
}

static void a_leap_second_has_its_name(void **state)
{
    (void)state;
    static const struct {
        int day, hour, minute, second;
        int64_t nano;
        bool leap60;
        int64_t into; /* s after 2017-01-01, as sent by struct nmea_epoch */
    } rows[] = {
        {31, 23, 59, 59, 0, false, -1}, {31, 23, 59, 60, -700000, false, -1},
        {31, 23, 59, 60, 0, true, 0},   {31, 23, 59, 60, 500000, true, 0},
        {1, 0, 0, 0, -700000, true, 0}, {1, 0, 0, 0, 0, false, 0},
    };
    static struct bytes b;
    struct heard h = {0};
    struct ubx u;
    ubx_init(&u, INT64_C(1483228800), &sink, &h);
    for (int i = 0; i < 6; i++) {
        struct said s = good;
        s.itow = i;
        s.year = rows[i].day == 1 ? 2017 : 2016;
        s.month = rows[i].day == 1 ? 1 : 12;
        s.day = rows[i].day;
        s.hour = rows[i].hour;
        s.minute = rows[i].minute;
        s.second = rows[i].second;
        s.nano = rows[i].nano;
        bytes_pvt(&b, &s);
        take(&u, &b, i);
        ubx_flush(&u);
        assert_int_equal(h.vouched, i + 1);
        assert_int_equal(h.last.leap60, rows[i].leap60);
        assert_true(h.last.second == INT64_C(1483228800) + rows[i].into);
    }
}

static void a_leap_count_is_carried_until_it_may_change(void **state)
{
    (void)state;
    static struct bytes b;
    struct heard h = {0};
    struct ubx u;
    const int64_t start = INT64_C(1483228800); /* 2017-01-01, 18 s since; GPS week 1930 */
    ubx_init(&u, start, &sink, &h);
    int64_t itow = INT64_C(17000) - 100000; /* 100 s before it, with 17 s */
    bytes_sol(&b, itow + 604800000, 0, 1929, 3, 0x0d);
    take(&u, &b, 0);
    bytes_timegps(&b, itow + 604800000, 0, 1929, 17, 7);
    take(&u, &b, 1);
    ubx_flush(&u);
    assert_int_equal(h.vouched, 1);
    assert_true(h.last.second == start - 100);
    bytes_sol(&b, itow + 604801000, 0, 1929, 3, 0x0d);
    take(&u, &b, 2);
    ubx_flush(&u);
    assert_int_equal(h.vouched, 2);
    assert_true(h.last.second == start - 99);
    for (int s = -1; s < 4; s++) { /* nobody has named the leap second yet: not vouched for */
        bytes_sol(&b, 17000 + s * 1000, 0, 1930, 3, 0x0d);
        take(&u, &b, 3);
    }
    ubx_flush(&u);
    assert_int_equal(h.vouched, 2);
    bytes_sol(&b, 28000, 0, 1930, 3, 0x0d);
    bytes_timegps(&b, 28000, 0, 1930, 18, 7);
    take(&u, &b, 4);
    ubx_flush(&u);
    assert_int_equal(h.vouched, 3);
    assert_true(h.last.second == start + 10);
}

static void what_is_announced(void **state)
{
    (void)state;
    static const struct {
        int change, valid;
        int64_t in;
        enum leap leap;
    } rows[] = {{1, 3, 86400, LEAP_INSERT}, {-1, 3, 1, LEAP_DELETE}, {1, 3, 86401, LEAP_NONE},
                {1, 3, 0, LEAP_NONE},       {1, 3, -1, LEAP_NONE},   {0, 3, 100, LEAP_NONE},
                {1, 1, 100, LEAP_UNKNOWN},  {1, 2, 100, LEAP_INSERT}};
    static struct bytes b;
    struct heard h = {0};
    struct ubx u;
    ubx_init(&u, pivot, &sink, &h);
    assert_int_equal(ubx_epochs_leap(&u.epochs), LEAP_UNKNOWN);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bytes_timels(&b, ITOW, 2, 18, rows[i].change, rows[i].in, rows[i].valid);
        take(&u, &b, 0);
        assert_int_equal(ubx_epochs_leap(&u.epochs), rows[i].leap);
    }
    /* a count from the firmware's own table is no knowledge; one from GPS is */
    for (int source = 0; source < 3; source += 2) {
        bytes_sol(&b, ITOW, 0, 2446, 3, 0x0d);
        bytes_timels(&b, ITOW, source, 18, 0, 0, 1);
        assert_int_equal(heard_of(&b, pivot).vouched, source == 2);
    }
}

static void an_epoch_waits_for_the_usual_messages(void **state)
{
    (void)state;
    static struct bytes b;
    struct heard h = {0};
    struct ubx u;
    struct said s = good;
    ubx_init(&u, pivot, &sink, &h);
    bytes_pvt(&b, &s);
    bytes_timegps(&b, s.itow, 0, 2446, 18, 7);
    take(&u, &b, 1000 * MS);
    ubx_tick(&u, 1299 * MS);
    assert_int_equal(h.vouched, 0);
    ubx_tick(&u, 1300 * MS);
    assert_int_equal(h.vouched, 1);
    s.itow += 1000;
    s.second++;
    bytes_pvt(&b, &s);
    take(&u, &b, 2000 * MS);
    assert_int_equal(h.vouched, 1);
    assert_true(ubx_pending(&u));
    bytes_timegps(&b, s.itow, 0, 2446, 18, 7);
    take(&u, &b, 2050 * MS);
    assert_int_equal(h.vouched, 2);
    assert_true(h.last.local == 2000 * MS);
    s.itow += 1000;
    s.second++;
    bytes_pvt(&b, &s); /* without TIMEGPS, but the receiver says that this is the end */
    bytes_eoe(&b, s.itow - 1000);
    take(&u, &b, 3000 * MS);
    assert_int_equal(h.vouched, 2);
    bytes_eoe(&b, s.itow);
    take(&u, &b, 3050 * MS);
    assert_int_equal(h.vouched, 3);
    bytes_pvt(&b, &s); /* the same again */
    take(&u, &b, 4000 * MS);
    ubx_flush(&u);
    assert_int_equal(h.vouched, 3);
}

static void c13_the_sawtooth_belongs_to_the_next_pulse(void **state)
{
    (void)state;
    static struct bytes b;
    struct heard h = {0};
    struct ubx u;
    ubx_init(&u, pivot, &sink, &h);
    assert_false(u.pulse.given);
    bytes_tp(&b, 237870000, -4331, 0x0b);
    take(&u, &b, 700 * MS);
    assert_true(u.pulse.given && u.pulse.valid && u.pulse.utc);
    assert_float_equal(u.pulse.sawtooth, -4.331e-9, 1e-15);
    assert_true(u.pulse.tow == 237870000 && u.pulse.week == 2446 && u.pulse.local == 700 * MS);
    bytes_tp(&b, 237871000, 0, 0x1a); /* marked as invalid */
    take(&u, &b, 1700 * MS);
    assert_true(u.pulse.given && !u.pulse.valid && !u.pulse.utc);
    assert_int_equal(u.counts.pulses, 1);
    assert_int_equal(u.counts.no_pulses, 1);
    assert_int_equal(h.vouched + h.denied, 0);
    ubx_reset(&u); /* of another stream: no pulse of this one */
    assert_false(u.pulse.given);
}

static void a_sky(void **state)
{
    (void)state;
    static struct bytes b;
    uint8_t sat[8 + 12] = {0}, svinfo[8 + 24] = {0};
    sat[5] = 1;
    sat[9] = 5;
    sat[16] = 8;
    svinfo[4] = 2;
    svinfo[9] = svinfo[21] = 6;
    bytes_ubx(&b, 1, 0x30, svinfo, sizeof svinfo);
    struct heard h = heard_of(&b, pivot);
    assert_int_equal(h.sky.count, 2);
    assert_true(isnan(h.sky.pdop));
    bytes_pvt(&b, &good);
    bytes_ubx(&b, 1, 0x35, sat, sizeof sat);
    bytes_ubx(&b, 1, 0x30, svinfo, sizeof svinfo);
    h = heard_of(&b, pivot);
    assert_int_equal(h.skies, 1); /* NAV-SAT knows more */
    assert_true(h.sky.count == 1 && h.sky.used == 1 && h.sky.fix == 3);
    assert_float_equal(h.sky.pdop, 1.5, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(c12_pvt_with_every_set_of_flags),
        cmocka_unit_test(c12_timeutc_with_every_set_of_flags),
        cmocka_unit_test(c12_a_clock_without_satellites),
        cmocka_unit_test(gps_time_with_every_set_of_flags),
        cmocka_unit_test(without_a_fix_or_a_time_nothing_is_said),
        cmocka_unit_test(any_message_denies_and_two_times_contradict),
        cmocka_unit_test(c11_nanoseconds_before_the_second),
        cmocka_unit_test(c9_dates_that_cannot_be),
        cmocka_unit_test(a_date_of_another_era_is_moved),
        cmocka_unit_test(a_leap_second_has_its_name),
        cmocka_unit_test(a_leap_count_is_carried_until_it_may_change),
        cmocka_unit_test(what_is_announced),
        cmocka_unit_test(an_epoch_waits_for_the_usual_messages),
        cmocka_unit_test(c13_the_sawtooth_belongs_to_the_next_pulse),
        cmocka_unit_test(a_sky),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
