/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_ERA_H
#define TIMEBALL_DRIVERS_ERA_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What receivers' dates may be, held against the pivot: a date that is known to be past (of the
 * release, or what an earlier run saw). A receiver whose week number has 10 bits (IS-GPS-200,
 * 20.3.3.3.1.1), or whose firmware was built for one era, shows dates whole 1024 weeks back, never
 * ahead. So a date from 512 weeks before the pivot to 1023 weeks after it stays as it is; an older
 * one is moved by whole eras to within 512 weeks of the pivot; a later one is rejected. A date that
 * was moved and then still lies more than 3 years before the pivot (1980-01-06, 2000-01-01: what
 * receivers show before they know better) is rejected, too. Leap counts are no part of this. Pure;
 * all in POSIX seconds.
 */

/* Moves *second into the era of the pivot. False when it is to be rejected. */
bool era_resolve(int64_t pivot, int64_t *second, bool *moved);

/*
 * Is this date too early to be believed: more than a week before the pivot? (The week is for time
 * zones and for a release that was dated ahead.) A machine whose own clock `local` names the same
 * day testifies for it: it may live in the past, as in a test.
 */
bool era_too_early(int64_t pivot, int64_t second, int64_t local);

/*
 * A date that is too early, and the machine's own clock, which servers have set or an earlier run,
 * names the same day some whole eras later: the clock's date is the pivot then that puts the date
 * right. False, and *pivot is untouched: the clock says nothing of the kind.
 */
bool era_by_clock(int64_t *pivot, int64_t second, int64_t local);

/* The dates that are believed, by the rules above: from `from` up to `until`. */
void era_window(int64_t pivot, int64_t *from, int64_t *until);

/* May this day end with a leap second (ITU-R TF.460: the last of June or December first)? */
bool era_leap_day(int64_t midnight);

#endif
