/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which dates of receivers are believed, and which are put right. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "drivers/era.h"
#include "drivers/ubx/ubx.h"
#include "drivers/ubx/ubx_frame.h"
#include "refclock/civil.h"
#include "ubx_bytes.h"

#define DAY  INT64_C(86400)
#define WEEK (7 * DAY)

static int64_t day(int year, int month, int of_month)
{
    struct civil c = {.year = year, .month = month, .day = of_month};
    return civil_to_posix(&c);
}

struct dates {
    int64_t pivot, sent, real; /* real 0: rejected */
};

static void expect(const struct dates *d, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int64_t second = d[i].sent;
        bool moved, good = era_resolve(d[i].pivot, &second, &moved);
        assert_int_equal(good, d[i].real != 0);
        if (!good)
            continue;
        assert_true(second == d[i].real);
        assert_int_equal(moved, d[i].real != d[i].sent);
    }
}
#define EXPECT(rows) expect(rows, sizeof(rows) / sizeof *(rows))

static void d1_week_zero_of_each_era(void **state)
{
    (void)state;
    const int64_t zero = day(1980, 1, 6);
    const struct dates rows[] = {
        {day(1999, 8, 1), zero, day(1999, 8, 22)},
        {day(2018, 6, 1), zero, day(2019, 4, 7)},
        {day(2019, 4, 1), day(1999, 8, 22), day(2019, 4, 7)},
        {day(2038, 11, 1), zero, day(2038, 11, 21)},
        {day(2030, 1, 1), day(1999, 8, 22), day(2038, 11, 21)},
        {day(2032, 1, 1), day(2019, 4, 7), day(2038, 11, 21)},
        {day(2058, 1, 1), zero, day(2058, 7, 7)},
        /* and the last week of an era */
        {day(2018, 6, 1), day(1999, 8, 21), day(2019, 4, 6)},
    };
    EXPECT(rows);
    /* full dates of a receiver that is right, up to 1023 weeks ahead of the release */
    for (int64_t ahead = -1; ahead < 1023; ahead++) {
        const struct dates row = {day(2026, 11, 24), day(2026, 11, 24) + ahead * WEEK,
                                  day(2026, 11, 24) + ahead * WEEK};
        expect(&row, 1);
        assert_false(era_too_early(row.pivot, row.real, 0));
    }
    int64_t late = day(2026, 11, 24) + 1023 * WEEK;
    bool moved;
    assert_false(era_resolve(day(2026, 11, 24), &late, &moved));
}

/* Window and repair meet: what is believed lies in [a week before the pivot, 1023 weeks after). */
static void d1_nothing_outside_the_window_is_believed(void **state)
{
    (void)state;
    const int64_t pivot = day(2026, 11, 24);
    int64_t from, until;
    era_window(pivot, &from, &until);
    assert_true(from == pivot - WEEK && until == pivot + 1023 * WEEK);
    for (int64_t sent = pivot - 2100 * WEEK; sent < pivot + 1100 * WEEK; sent += DAY) {
        int64_t second = sent;
        bool moved, good = era_resolve(pivot, &second, &moved);
        if (good && !era_too_early(pivot, second, 0))
            assert_true(second >= from && second < until);
        if (sent >= from && sent < until)
            assert_true(good && !moved && !era_too_early(pivot, second, 0));
    }
}

/* A release on the shelf for years; servers have set the clock. */
static void d2_the_clock_knows_the_era(void **state)
{
    (void)state;
    const int64_t release = day(2026, 11, 24), now = day(2040, 5, 1), sent = now - 1024 * WEEK;
    int64_t second = sent, pivot = release;
    bool moved;
    assert_true(era_resolve(release, &second, &moved) && !moved);
    assert_true(era_too_early(release, second, now));
    assert_false(era_by_clock(&pivot, sent, day(1970, 1, 1)));
    assert_false(era_by_clock(&pivot, sent, now + 2 * DAY));
    assert_false(era_by_clock(&pivot, sent, release + 1024 * WEEK));
    assert_true(pivot == release);
    assert_true(era_by_clock(&pivot, sent, now + DAY / 2));
    assert_true(era_resolve(pivot, &second, &moved) && moved);
    assert_true(second == now);
}

static void d2_firmware_that_lost_an_era(void **state)
{
    (void)state;
    const struct dates rows[] = {
        {day(2017, 1, 1), day(1997, 12, 14), day(2017, 7, 30)}, /* Thunderbolt */
        {day(2018, 6, 1), day(1999, 8, 22), day(2019, 4, 7)},   /* Telit */
        {day(2026, 11, 24), day(2007, 4, 10), day(2026, 11, 24)},
        {day(2026, 11, 24), day(1987, 8, 25), day(2026, 11, 24)}, /* two eras */
    };
    EXPECT(rows);
}

struct gps_time {
    int64_t pivot, itow;
    int week, leap;
};

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    if (e->verdict == NMEA_VOUCHED)
        *(int64_t *)arg = e->second;
}

/* What a receiver's GPS week, time of week and leap count come to. */
static int64_t utc_of(const struct gps_time *t)
{
    static const struct ubx_sink sink = {.epoch = on_epoch};
    static struct bytes b;
    struct ubx_frame f;
    struct ubx u;
    int64_t second = 0;
    b.length = 0;
    bytes_status(&b, t->itow, 3, 1);
    bytes_timegps(&b, t->itow, 0, t->week, t->leap, 7);
    ubx_init(&u, t->pivot, &sink, &second);
    for (size_t at = 0; at < b.length; at += f.length + UBX_OVERHEAD) {
        assert_int_equal(ubx_frame_look(b.at + at, b.length - at, &f), FRAME_GOOD);
        ubx_take(&u, &f, 0, 0);
    }
    ubx_flush(&u);
    return second;
}

/* gpsd 3.20 to 3.22 took 1024 weeks off in October 2021, because 18 leap seconds seemed too few. */
static void d3_the_leap_count_decides_no_era(void **state)
{
    (void)state;
    static const int counts[] = {17, 18, 19, 37};
    for (int year = 2016; year <= 2060; year++)
        for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
            int64_t gps = day(year, 10, 24) - day(1980, 1, 6);
            const struct gps_time t = {.pivot = day(year, 3, 1),
                                       .week = (int)(gps / WEEK),
                                       .itow = gps % WEEK * 1000,
                                       .leap = counts[i]};
            int64_t expected = day(year, 10, 24) - counts[i];
            assert_true(utc_of(&t) == expected);
        }
}

/* Good dates, taken for wrong by whole eras elsewhere: logs of 2014 and 2015. */
static void d4_a_right_date_is_not_moved(void **state)
{
    (void)state;
    const struct dates rows[] = {
        {day(2015, 3, 18), day(2015, 3, 18), day(2015, 3, 18)},
        {day(2015, 3, 10), day(2014, 2, 19), day(2014, 2, 19)},
        {day(2026, 11, 24), day(2026, 11, 20), day(2026, 11, 20)},
        {day(2013, 11, 3), day(2007, 12, 23), day(2007, 12, 23)},
    };
    EXPECT(rows);
}

static void d5_dates_that_receivers_show_before_they_know(void **state)
{
    (void)state;
    static const int releases[] = {2026, 2027, 2028};
    for (size_t i = 0; i < sizeof releases / sizeof *releases; i++) {
        int64_t pivot = day(releases[i], 11, 24);
        const int64_t shown[] = {day(1980, 1, 6), day(1999, 8, 22), day(2000, 1, 1),
                                 day(2006, 1, 1), day(2019, 4, 7),  day(2020, 1, 1)};
        for (size_t k = 0; k < sizeof shown / sizeof *shown; k++) {
            int64_t second = shown[k];
            bool moved, good = era_resolve(pivot, &second, &moved);
            assert_true(!good || era_too_early(pivot, second, 0));
        }
    }
    assert_true(era_too_early(day(2026, 11, 24), day(2026, 11, 17) - 1, 0));
    assert_false(era_too_early(day(2026, 11, 24), day(2026, 11, 17), 0));
    /* a machine that lives in the past itself */
    assert_false(era_too_early(day(2026, 11, 24), day(2025, 6, 15), day(2025, 6, 15) + 5));
    assert_true(era_too_early(day(2026, 11, 24), day(2025, 6, 15), day(2025, 6, 17)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d1_week_zero_of_each_era),
        cmocka_unit_test(d1_nothing_outside_the_window_is_believed),
        cmocka_unit_test(d2_the_clock_knows_the_era),
        cmocka_unit_test(d2_firmware_that_lost_an_era),
        cmocka_unit_test(d3_the_leap_count_decides_no_era),
        cmocka_unit_test(d4_a_right_date_is_not_moved),
        cmocka_unit_test(d5_dates_that_receivers_show_before_they_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
