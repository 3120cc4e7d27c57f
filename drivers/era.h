/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_ERA_H
#define TIMEBALL_DRIVERS_ERA_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What receivers' dates may be. A date 1024-week eras away is moved to within 512 weeks of the
 * pivot. The pivot is a date that is known to be past, so a date that has to be moved and then
 * still lies more than 3 years before it (1980-01-06, 2000-01-01: what receivers show before they
 * know better) is rejected. Pure; all in POSIX seconds.
 */

/* Moves *second into the era of the pivot. False when it is to be rejected. */
bool era_resolve(int64_t pivot, int64_t *second, bool *moved);

/* May this day end with a leap second (ITU-R TF.460: the last of June or December first)? */
bool era_leap_day(int64_t midnight);

#endif
