/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/alarm/find.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/receiver.h"
#include "refclock/select.h"
#include "server/ctl/text.h"

/* A start takes its time, and is no alarm. */
static void find_state(struct status_alarms *set, const struct status *s)
{
    const struct status_clock *c = &s->clock;
    bool starts = c->state == STATUS_STARTING || c->state == STATUS_NUMBERING;
    if (c->state == STATUS_HOLDOVER || c->state == STATUS_ISLAND)
        alarm_add(set, ALARM_HOLDOVER, LOG_LEVEL_WARNING, "", "%s", c->sentence);
    else if (c->state == STATUS_UNSYNCHRONISED || (starts && s->process.uptime > ALARM_START))
        alarm_add(set, ALARM_UNSYNCHRONISED, LOG_LEVEL_ERROR, "",
                  "%s (`timeballctl doctor` says which link is broken)", c->sentence);
}

static void find_moved(struct status_alarms *set, const struct status *s)
{
    const struct status_clock *c = &s->clock;
    char thing[32], size[48];
    if (!c->foreign_step_at || s->time - c->foreign_step_at > ALARM_MOVED * NS_PER_S)
        return;
    snprintf(thing, sizeof thing, "step %llu", (unsigned long long)c->foreign_steps);
    alarm_add(set, ALARM_CLOCK_MOVED, LOG_LEVEL_WARNING, thing,
              "The clock was stepped by %s, by another program: stop what sets it (timeballctl "
              "doctor names other time daemons).",
              ctl_seconds(c->foreign_step, true, size, sizeof size));
}

static void find_overload(struct status_alarms *set, const struct status *s)
{
    if (!s->server.overloaded)
        return;
    alarm_add(set, ALARM_OVERLOAD, LOG_LEVEL_WARNING, "",
              "More requests come than can be answered (%llu datagrams were dropped since the "
              "start): %s; in the NTP Pool, lower the net speed; `timeballctl clients` says who "
              "asks most.",
              (unsigned long long)s->server.dropped,
              s->server.threads ? "give more `threads` where there are processors"
                                : "set `threads auto`");
}

/* What nobody watches any more is not over. */
static void keep_unwatched(struct status_alarms *set, const struct status_alarms *before,
                           enum alarm_kind kind, const char *thing, bool watched)
{
    struct status_alarms like = {0};
    if (watched)
        return;
    alarm_add(&like, kind, LOG_LEVEL_NOTICE, thing, "%s", "");
    const struct status_alarm *was = alarm_in(before, like.item);
    if (was && set->count < STATUS_ALARMS_MAX)
        set->item[set->count++] = *was;
}

static void find_report(struct status_alarms *set, const struct status_alarms *before,
                        const struct status_source *source)
{
    const struct receiver_report *r = &source->report.said;
    const char *name = source->name;
    bool critical = r->jamming == INTERFERENCE_CRITICAL;
    if (r->antenna == ANTENNA_SHORT || r->antenna == ANTENNA_OPEN)
        alarm_add(set, ALARM_ANTENNA, LOG_LEVEL_WARNING, name,
                  "%s: its antenna is %s: look at the antenna and its cable.", name,
                  r->antenna == ANTENNA_SHORT ? "short" : "open");
    if (critical || r->jamming == INTERFERENCE_WARNING)
        alarm_add(set, ALARM_JAMMING, critical ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, name,
                  "%s: jammed (%s): look for a transmitter, or a bad power supply, near the "
                  "antenna.",
                  name, critical ? "critical" : "warning");
    if (r->spoofing == INTERFERENCE_WARNING || r->spoofing == INTERFERENCE_CRITICAL)
        alarm_add(set, ALARM_SPOOFING, LOG_LEVEL_ERROR, name,
                  "%s: its signals may be forged (%s): hold the time against other servers.", name,
                  r->spoofing == INTERFERENCE_CRITICAL ? "critical" : "warning");
    keep_unwatched(set, before, ALARM_ANTENNA, name, r->antenna > ANTENNA_NOT_MONITORED);
    keep_unwatched(set, before, ALARM_JAMMING, name, r->jamming > INTERFERENCE_NOT_MONITORED);
    keep_unwatched(set, before, ALARM_SPOOFING, name, r->spoofing > INTERFERENCE_NOT_MONITORED);
}

static void find_source(struct status_alarms *set, const struct status_alarms *before,
                        const struct status_source *source)
{
    const char *name = source->name;
    bool rejected = source->trust == TRUST_REJECTED;
    if (*source->error)
        alarm_add(set, ALARM_SOURCE, LOG_LEVEL_WARNING, name, "%s: %s", name, source->error);
    if (!strcmp(source->verdict, select_verdict_name(VERDICT_FALSE)))
        alarm_add(set, ALARM_FALSETICKER, LOG_LEVEL_WARNING, name, "%s: %s", name,
                  source->sentence);
    find_report(set, before, source);
    if (rejected || source->trust == TRUST_DOUBTFUL)
        alarm_add(set, ALARM_INTEGRITY, rejected ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, name,
                  "%s is %s: %s", name, receiver_trust_name((enum receiver_trust)source->trust),
                  source->trust_why);
}

/* Of several lists the one that holds longest counts. */
static void find_list(struct status_alarms *set, const struct status *s)
{
    const struct status_leap_witness *best = NULL;
    char day[40];
    for (int i = 0; i < s->leap.witness_count; i++) {
        const struct status_leap_witness *w = s->leap.witness + i;
        if (w->expires && (!best || w->expires > best->expires))
            best = w;
    }
    if (!best || !s->time || best->expires - s->time >= ALARM_LEAP_DAYS * 86400 * NS_PER_S)
        return;
    alarm_add(set, ALARM_LEAP_LIST, LOG_LEVEL_WARNING, best->name,
              "%s: this list of leap seconds %s %.10s: install a new one (Debian: update the "
              "package tzdata).",
              best->name, best->expires <= s->time ? "expired on" : "expires on",
              civil_iso(best->expires, 0, day, sizeof day));
}

/* Their order by kind holds within a level. */
static int by_level(const void *a, const void *b)
{
    const struct status_alarm *one = a, *other = b;
    if (one->level != other->level)
        return one->level - other->level;
    return one->event != other->event ? one->event - other->event
                                      : strcmp(one->thing, other->thing);
}

void alarm_find(struct status_alarms *set, const struct status *s, bool test)
{
    struct status_alarms before = *set;
    set->count = 0;
    if (test)
        set->item[set->count++] = alarm_test().item;
    find_state(set, s);
    find_moved(set, s);
    find_overload(set, s);
    find_list(set, s);
    for (int i = 0; i < s->source_count; i++)
        find_source(set, &before, s->source + i);
    for (int i = 0; i < s->feed_count; i++)
        if (*s->feed[i].error)
            alarm_add(set, ALARM_FEED, LOG_LEVEL_WARNING, s->feed[i].name, "feed %s: %s",
                      s->feed[i].name, s->feed[i].error);
    for (struct status_alarm *a = set->item; a < set->item + set->count; a++) {
        const struct status_alarm *old = alarm_in(&before, a);
        a->since = old ? old->since : s->time;
    }
    qsort(set->item, (size_t)set->count, sizeof *set->item, by_level);
}
