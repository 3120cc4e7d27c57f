/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/civil.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define DAY_S        INT64_C(86400)
#define ERA_S        (INT64_C(1024) * 7 * DAY_S)
#define GPS_EPOCH_S  INT64_C(315964800)  /* 1980-01-06 */
#define NTP_OFFSET_S INT64_C(2208988800) /* 1900-01-01 to 1970-01-01 */

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b != 0 && (a < 0) != (b < 0));
}

/* Nanoseconds into the second. */
static int64_t fraction_of(int64_t instant)
{
    int64_t ns = instant % NS_PER_S;
    return ns < 0 ? ns + NS_PER_S : ns;
}

static bool leap_year(int y)
{
    return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static int month_days(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && leap_year(year));
}

bool civil_valid(const struct civil *c)
{
    if (c->year < 1 || c->year > 9999 || c->month < 1 || c->month > 12)
        return false;
    if (c->day < 1 || c->day > month_days(c->year, c->month))
        return false;
    if (c->hour < 0 || c->hour > 23 || c->minute < 0 || c->minute > 59 || c->second < 0)
        return false;
    return c->second < 60 || (c->second == 60 && c->hour == 23 && c->minute == 59);
}

/* Days since 1970-01-01; years are counted from March, so that the leap day comes last. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = floor_div(y, 400), of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int64_t civil_to_posix(const struct civil *c)
{
    return days_from_civil(c->year, c->month, c->day) * DAY_S + c->hour * INT64_C(3600) +
           c->minute * INT64_C(60) + c->second;
}

struct civil civil_from_posix(int64_t seconds)
{
    int64_t days = floor_div(seconds, DAY_S), rest = seconds - days * DAY_S;
    int64_t z = days + 719468, era = floor_div(z, 146097), of_era = z - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t m = (5 * of_year + 2) / 153;
    struct civil c = {
        .day = (int)(of_year - (153 * m + 2) / 5 + 1),
        .month = (int)(m < 10 ? m + 3 : m - 9),
        .hour = (int)(rest / 3600),
        .minute = (int)(rest / 60 % 60),
        .second = (int)(rest % 60),
    };
    c.year = (int)(year + era * 400 + (c.month <= 2));
    return c;
}

const char *civil_iso(int64_t instant, int decimals, char *buf, size_t size)
{
    int64_t ns = fraction_of(instant);
    struct civil c = civil_from_posix(floor_div(instant, NS_PER_S));
    char fraction[12] = "";
    if (decimals > 0) {
        snprintf(fraction, sizeof fraction, ".%09d", (int)ns);
        fraction[1 + (decimals < 9 ? decimals : 9)] = 0;
    }
    snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d%sZ", c.year, c.month, c.day, c.hour,
             c.minute, c.second, fraction);
    return buf;
}

static int number(const char *digits, int count)
{
    int value = 0;
    while (count-- > 0)
        value = value * 10 + (*digits++ - '0');
    return value;
}

int civil_parse_date(const char *text, int64_t *seconds)
{
    for (size_t i = 0; i < 10; i++) {
        bool is_dash = i == 4 || i == 7;
        if (is_dash ? text[i] != '-' : text[i] < '0' || text[i] > '9')
            return -1;
    }
    struct civil c = {
        .year = number(text, 4), .month = number(text + 5, 2), .day = number(text + 8, 2)};
    if (text[10] || !civil_valid(&c))
        return -1;
    *seconds = civil_to_posix(&c);
    return 0;
}

int civil_full_year(int two_digits, int pivot_year)
{
    int first = pivot_year - 50;
    int into = (two_digits - first % 100 + 100) % 100;
    return first + into;
}

int64_t civil_week_era(int64_t seconds, int64_t pivot)
{
    return seconds + floor_div(pivot - seconds + ERA_S / 2, ERA_S) * ERA_S;
}

int64_t civil_from_gps(int week, double second_of_week, int leap, int64_t pivot)
{
    int64_t seconds = GPS_EPOCH_S + week * 7 * DAY_S + (int64_t)floor(second_of_week) - leap;
    return civil_week_era(seconds, pivot);
}

uint64_t civil_to_ntp(int64_t instant)
{
    int64_t seconds = floor_div(instant, NS_PER_S);
    uint64_t ns = (uint64_t)fraction_of(instant);
    return (uint64_t)(seconds + NTP_OFFSET_S) << 32 | (ns << 32) / (uint64_t)NS_PER_S;
}

int64_t civil_from_ntp(uint64_t ntp, int64_t pivot)
{
    int64_t middle = floor_div(pivot, NS_PER_S) + NTP_OFFSET_S;
    /* the 32-bit difference to the pivot, as a signed number, chooses the era */
    int64_t seconds = middle + (int32_t)((uint32_t)(ntp >> 32) - (uint32_t)middle);
    int64_t ns = (int64_t)(((ntp & UINT32_MAX) * (uint64_t)NS_PER_S + (UINT64_C(1) << 31)) >> 32);
    return (seconds - NTP_OFFSET_S) * NS_PER_S + ns;
}

uint32_t civil_to_ntp_short(double seconds)
{
    double units = ceil(seconds * 65536);
    if (!(units >= 1))
        return isnan(seconds) ? UINT32_MAX : 1;
    return units < 4294967295.0 ? (uint32_t)units : UINT32_MAX;
}
