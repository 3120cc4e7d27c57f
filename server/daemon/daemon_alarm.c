/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/daemon_alarm.h"

#include <stdio.h>

#include "refclock/civil.h"
#include "server/alarm/find.h"

void daemon_alarm_tick(struct daemon *d, const struct status *s, int64_t now)
{
    struct status_alarms set = s->alarms;
    struct alarm_about about = {0};
    struct alarm_event event;
    if (!d->world.event)
        return;
    if (s->clock.state == STATUS_LOCKED)
        alarm_add(&set, ALARM_LOCKED, LOG_LEVEL_NOTICE, "", "%s", s->clock.sentence);
    snprintf(about.host, sizeof about.host, "%s", s->host);
    civil_iso(s->time, 9, about.time, sizeof about.time);
    while (alarm_next(&d->alarm, &set, now, &event))
        d->world.event(d->world.arg, &event, &about);
}

void daemon_alarm_test(struct daemon *d)
{
    d->alarm_test_until = loop_now(d->world.loop) + ALARM_TEST_S * NS_PER_S;
}
