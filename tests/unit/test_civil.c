/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "refclock/civil.h"
#include "refclock/rng.h"

#define DAY INT64_C(86400)

static int64_t posix_of(int year, int month, int day)
{
    struct civil c = {.year = year, .month = month, .day = day};
    return civil_to_posix(&c);
}

static int64_t by_libc(const struct civil *c)
{
    struct tm tm = {.tm_year = c->year - 1900,
                    .tm_mon = c->month - 1,
                    .tm_mday = c->day,
                    .tm_hour = c->hour,
                    .tm_min = c->minute,
                    .tm_sec = c->second};
    return (int64_t)timegm(&tm);
}

static void agree(int64_t seconds)
{
    struct civil c = civil_from_posix(seconds);
    assert_true(civil_valid(&c));
    assert_int_equal(civil_to_posix(&c), seconds);
    assert_int_equal(by_libc(&c), seconds);
}

/* The Gregorian calendar repeats after 400 years: 1900-01-01 to 2300-01-01, and before 1970. */
static void each_day_of_four_centuries(void **state)
{
    (void)state;
    int64_t first = posix_of(1900, 1, 1), last = posix_of(2300, 1, 1);
    assert_int_equal(last - first, 146097 * DAY);
    for (int64_t day = first; day <= last; day += DAY)
        agree(day + (day / DAY & 0xffff) % DAY);
}

static void any_second(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1, 1);
    for (int i = 0; i < 50000; i++) {
        /* 0001-01-01 to 9999-12-31 */
        int64_t span = INT64_C(253402300799) + INT64_C(62135596800);
        agree((int64_t)(rng_u64(&rng) % (uint64_t)span) - INT64_C(62135596800));
    }
    agree(0);
    agree(-1);
}

static void known_dates(void **state)
{
    (void)state;
    static const struct {
        int year, month, day;
        int64_t posix;
    } rows[] = {
        {1970, 1, 1, 0},
        {2000, 2, 29, 951782400},
        {2001, 9, 9, 999993600},
        {1980, 1, 6, 315964800},
        {1900, 1, 1, INT64_C(-2208988800)},
        {2038, 1, 19, INT64_C(2147472000)},
        {2100, 3, 1, INT64_C(4107542400)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(posix_of(rows[i].year, rows[i].month, rows[i].day), rows[i].posix);
}

static void what_is_a_date(void **state)
{
    (void)state;
    static const struct {
        struct civil c;
        bool valid;
    } rows[] = {
        {{2024, 2, 29, 0, 0, 0}, true},      {{2023, 2, 29, 0, 0, 0}, false},
        {{2100, 2, 29, 0, 0, 0}, false},     {{2000, 2, 29, 0, 0, 0}, true},
        {{2026, 4, 31, 0, 0, 0}, false},     {{2026, 13, 1, 0, 0, 0}, false},
        {{2026, 0, 1, 0, 0, 0}, false},      {{2026, 1, 0, 0, 0, 0}, false},
        {{2026, 1, 32, 0, 0, 0}, false},     {{0, 1, 1, 0, 0, 0}, false},
        {{10000, 1, 1, 0, 0, 0}, false},     {{2026, 1, 1, 24, 0, 0}, false},
        {{2026, 1, 1, -1, 0, 0}, false},     {{2026, 1, 1, 0, 60, 0}, false},
        {{2026, 1, 1, 0, 0, -1}, false},     {{2016, 12, 31, 23, 59, 60}, true},
        {{2016, 12, 31, 23, 59, 61}, false}, {{2016, 12, 31, 23, 58, 60}, false},
        {{2016, 12, 31, 22, 59, 60}, false}, {{2016, 12, 31, 23, 59, -5}, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(civil_valid(&rows[i].c), rows[i].valid);
}

static void leap_second_follows_59(void **state)
{
    (void)state;
    struct civil leap = {2016, 12, 31, 23, 59, 60}, before = leap;
    before.second = 59;
    assert_int_equal(civil_to_posix(&leap), civil_to_posix(&before) + 1);
    struct civil after = civil_from_posix(civil_to_posix(&leap));
    assert_int_equal(after.year, 2017);
    assert_int_equal(after.second, 0);
}

static void iso_text(void **state)
{
    (void)state;
    char buf[36];
    int64_t t = INT64_C(1795521600) * NS_PER_S + 123456789;
    assert_string_equal(civil_iso(t, 9, buf, sizeof buf), "2026-11-24T12:00:00.123456789Z");
    assert_string_equal(civil_iso(t, 3, buf, sizeof buf), "2026-11-24T12:00:00.123Z");
    assert_string_equal(civil_iso(t + 999, 0, buf, sizeof buf), "2026-11-24T12:00:00Z");
    assert_string_equal(civil_iso(-1, 9, buf, sizeof buf), "1969-12-31T23:59:59.999999999Z");
    assert_string_equal(civil_iso(999999999, 1, buf, sizeof buf), "1970-01-01T00:00:00.9Z");
    assert_int_equal(strlen(civil_iso(INT64_MAX, 9, buf, sizeof buf)), 30);
    assert_int_equal(strlen(civil_iso(INT64_MIN, 9, buf, sizeof buf)), 30);
}

static void date_text(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",           "2026",       "2026-11-2",  "2026-11-24 ", "2026-11-24T", "2026-02-29",
        "2026/11/24", "-026-11-24", "2026-1 -24", "0000-01-01",  " 2026-11-24", "2026-13-01"};
    int64_t seconds = 7;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(civil_parse_date(bad[i], &seconds), -1);
    assert_int_equal(seconds, 7);
    assert_int_equal(civil_parse_date("2026-11-24", &seconds), 0);
    assert_int_equal(seconds, 1795478400);
    assert_int_equal(civil_parse_date("1969-12-31", &seconds), 0);
    assert_int_equal(seconds, -DAY);
}

static void two_digit_years(void **state)
{
    (void)state;
    for (int pivot = 1950; pivot < 2300; pivot++)
        for (int digits = 0; digits < 100; digits++) {
            int year = civil_full_year(digits, pivot);
            assert_int_equal(year % 100, digits);
            assert_in_range(year, pivot - 50, pivot + 49);
        }
    assert_int_equal(civil_full_year(94, 2026), 1994);
    assert_int_equal(civil_full_year(75, 2026), 2075);
    assert_int_equal(civil_full_year(76, 2026), 1976);
}

static void week_eras(void **state)
{
    (void)state;
    int64_t era = 1024 * 7 * DAY, pivot = posix_of(2026, 11, 24);
    struct rng rng = rng_seeded(2, 1);
    for (int i = 0; i < 20000; i++) {
        int64_t seconds = (int64_t)(rng_u64(&rng) % (uint64_t)(8 * era)) - 4 * era + pivot;
        int64_t fixed = civil_week_era(seconds, pivot);
        assert_int_equal((fixed - seconds) % era, 0);
        assert_true(fixed >= pivot - era / 2 && fixed <= pivot + era / 2);
    }
    /* a Trimble Thunderbolt at 2017-07-30, a Telit receiver at 2019-04-07 */
    assert_int_equal(civil_week_era(posix_of(1997, 12, 14), posix_of(2017, 1, 1)),
                     posix_of(2017, 7, 30));
    assert_int_equal(civil_week_era(posix_of(1999, 8, 22), posix_of(2018, 6, 1)),
                     posix_of(2019, 4, 7));
    /* what is right stays */
    assert_int_equal(civil_week_era(posix_of(2033, 1, 1), pivot), posix_of(2033, 1, 1));
}

static void gps_weeks_of_receivers(void **state)
{
    (void)state;
    int64_t pivot = posix_of(2026, 11, 24);
    /* week 2000 began at 2018-05-06, with 18 s between GPS and UTC */
    assert_int_equal(civil_from_gps(2000, 18, 18, pivot), posix_of(2018, 5, 6));
    assert_int_equal(civil_from_gps(2000 % 1024, 18.25, 18, pivot), posix_of(2018, 5, 6));
    assert_int_equal(civil_from_gps(2000, 604799.999, 18, pivot), posix_of(2018, 5, 13) - 19);
    /* the rollover of 2019-04-07: week 0 again */
    assert_int_equal(civil_from_gps(0, 18, 18, pivot), posix_of(2019, 4, 7));
    assert_int_equal(civil_from_gps(1023, 18, 18, posix_of(2019, 4, 1)), posix_of(2019, 3, 31));
    /* and the next, of 2038-11-21 */
    assert_int_equal(civil_from_gps(0, 18, 18, posix_of(2038, 11, 1)), posix_of(2038, 11, 21));
}

static void ntp_round_trip(int64_t instant)
{
    uint64_t ntp = civil_to_ntp(instant);
    assert_int_equal(civil_from_ntp(ntp, instant), instant);
    /* the pivot may be 68 years off */
    int64_t years = INT64_C(67) * 365 * DAY * NS_PER_S;
    assert_int_equal(civil_from_ntp(ntp, instant + years), instant);
    assert_int_equal(civil_from_ntp(ntp, instant - years), instant);
}

static void ntp_eras(void **state)
{
    (void)state;
    int64_t rollover = posix_of(2036, 2, 7) + 6 * 3600 + 28 * 60 + 16;
    assert_int_equal(civil_to_ntp(rollover * NS_PER_S), 0);
    assert_int_equal(civil_to_ntp(rollover * NS_PER_S - 1) >> 32, UINT32_MAX);
    assert_int_equal(civil_to_ntp(0), UINT64_C(2208988800) << 32);
    assert_int_equal(civil_to_ntp(NS_PER_S / 2) & UINT32_MAX, UINT64_C(1) << 31);
    int64_t around[] = {rollover,
                        posix_of(2106, 2, 7) + 23296,
                        posix_of(2038, 1, 19) + 11648,
                        posix_of(2172, 3, 15),
                        posix_of(2026, 11, 24),
                        posix_of(2000, 1, 1)};
    for (size_t i = 0; i < sizeof around / sizeof *around; i++)
        for (int64_t off = -500; off <= 500; off++)
            ntp_round_trip(around[i] * NS_PER_S + off * 1000000007);
}

/* Rounding down, so that a stamp is never in the future, and by less than 2^-32 s. */
static void ntp_fraction(void **state)
{
    (void)state;
    for (int64_t ns = 0; ns < NS_PER_S; ns += 999983) {
        double fraction = (double)(civil_to_ntp(ns) & UINT32_MAX) * 0x1p-32;
        assert_true(fraction <= (double)ns * 1e-9 + 1e-15);
        assert_true(fraction > (double)ns * 1e-9 - 0x1p-32);
        ntp_round_trip(ns);
    }
    ntp_round_trip(999999999);
    /* a fraction next to a whole second is rounded into it */
    assert_int_equal(civil_from_ntp(UINT64_C(2208988800) << 32 | UINT32_MAX, 0), NS_PER_S);
}

static void short_format(void **state)
{
    (void)state;
    static const struct {
        double seconds;
        uint32_t units;
    } rows[] = {
        {0, 1},
        {-1, 1},
        {1e-9, 1},
        {0x1p-16, 1},
        {0x1p-16 + 1e-12, 2},
        {1, 65536},
        {1.0000001, 65537},
        {65535.9999, UINT32_MAX - 5},
        {65536, UINT32_MAX},
        {1e300, UINT32_MAX},
        {INFINITY, UINT32_MAX},
        {-INFINITY, 1},
        {NAN, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(civil_to_ntp_short(rows[i].seconds), rows[i].units);
    for (double s = 1e-6; s < 60000; s *= 1.37)
        assert_true(civil_to_ntp_short(s) / 65536.0 >= s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day_of_four_centuries),
        cmocka_unit_test(any_second),
        cmocka_unit_test(known_dates),
        cmocka_unit_test(what_is_a_date),
        cmocka_unit_test(leap_second_follows_59),
        cmocka_unit_test(iso_text),
        cmocka_unit_test(date_text),
        cmocka_unit_test(two_digit_years),
        cmocka_unit_test(week_eras),
        cmocka_unit_test(gps_weeks_of_receivers),
        cmocka_unit_test(ntp_eras),
        cmocka_unit_test(ntp_fraction),
        cmocka_unit_test(short_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
