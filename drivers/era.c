/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/era.h"

#include <stdlib.h>

#include "refclock/civil.h"

#define DAY_S  INT64_C(86400)
#define WEEK_S (7 * DAY_S)
#define YEAR_S (365 * DAY_S)

bool era_resolve(int64_t pivot, int64_t *second, bool *moved)
{
    *moved = *second < pivot - 512 * WEEK_S;
    if (!*moved)
        return *second < pivot + 1023 * WEEK_S;
    *second = civil_week_era(*second, pivot);
    return *second > pivot - 3 * YEAR_S;
}

bool era_too_early(int64_t pivot, int64_t second, int64_t local)
{
    int64_t from, until;
    era_window(pivot, &from, &until);
    return second < from && llabs(second - local) > DAY_S;
}

bool era_by_clock(int64_t *pivot, int64_t second, int64_t local)
{
    int64_t from, until;
    era_window(*pivot, &from, &until);
    if (local < from || local >= until || llabs(civil_week_era(second, local) - local) > DAY_S)
        return false;
    *pivot = local;
    return true;
}

void era_window(int64_t pivot, int64_t *from, int64_t *until)
{
    *from = pivot - WEEK_S;
    *until = pivot + 1023 * WEEK_S;
}

bool era_leap_day(int64_t midnight)
{
    struct civil c = civil_from_posix(midnight);
    return (c.month == 6 && c.day == 30) || (c.month == 12 && c.day == 31);
}
