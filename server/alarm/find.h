/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ALARM_FIND_H
#define TIMEBALL_SERVER_ALARM_FIND_H

#include "server/alarm/alarm.h"

#define ALARM_START     120   /* s after the start that may pass without the time being known */
#define ALARM_MOVED     86400 /* s that a step by others is shown */
#define ALARM_LEAP_DAYS 30    /* before a list of leap seconds expires */
#define ALARM_TEST_S    15    /* s that a test stands in the status */

/*
 * What is not as it should be by the rest of the status: the one place that decides it. Pure, but
 * that *set is what was found before (at first: zero), from which `since` is kept. Worst first.
 * `test`: somebody tries the alarms.
 */
void alarm_find(struct status_alarms *set, const struct status *s, bool test);

#endif
