/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/alarm/alarm.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/ctl/text.h"

static void clean(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f)
            *text = '?';
}

/* Cuts before an incomplete UTF-8 sequence that snprintf() may have left (RFC 3629). */
static void trim(char *text, size_t length, size_t size)
{
    if (length < size)
        return;
    for (length = size - 1; length && (text[length - 1] & 0xC0) == 0x80;)
        length--;
    if (length && (text[length - 1] & 0x80))
        text[length - 1] = 0;
}

void alarm_add(struct status_alarms *set, enum alarm_kind kind, enum log_level level,
               const char *thing, const char *fmt, ...)
{
    va_list args;
    struct status_alarm *item = set->item + set->count;
    if (set->count == STATUS_ALARMS_MAX)
        return;
    item->event = (int)kind;
    item->level = (int)level;
    item->since = 0;
    int length = snprintf(item->thing, sizeof item->thing, "%s", thing);
    trim(item->thing, (size_t)length, sizeof item->thing);
    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): not so; clang-tidy 14 on many files */
    length = vsnprintf(item->sentence, sizeof item->sentence, fmt, args);
    va_end(args);
    trim(item->sentence, length < 0 ? 0 : (size_t)length, sizeof item->sentence);
    clean(item->thing);
    clean(item->sentence);
    set->count++;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = ctl_string(object, name);
    return text ? text : "";
}

/* Index of the name; -1: there is no such one. */
static int index_of(const char *const *names, const char *name)
{
    for (int i = 0; names[i]; i++)
        if (!strcmp(names[i], name))
            return i;
    return -1;
}

bool alarm_take(struct status_alarms *set, const json_t *status)
{
    const json_t *clock = json_object_get(status, "clock");
    const json_t *alarms = json_object_get(status, "alarms");
    json_t *alarm;
    size_t i;
    if (!json_is_array(alarms))
        return false;
    set->count = 0;
    if (!strcmp(text_of(clock, "state"), alarm_words[ALARM_LOCKED]))
        alarm_add(set, ALARM_LOCKED, LOG_LEVEL_NOTICE, "", "%s", text_of(clock, "sentence"));
    json_array_foreach(alarms, i, alarm)
    {
        int kind = index_of(alarm_words, text_of(alarm, "event"));
        int level = index_of(alarm_levels, text_of(alarm, "level"));
        if (kind >= 0)
            alarm_add(set, (enum alarm_kind)kind,
                      level < 0 ? alarm_rows[kind].level : (enum log_level)level,
                      text_of(alarm, "thing"), "%s", text_of(alarm, "sentence"));
    }
    return true;
}

const struct status_alarm *alarm_in(const struct status_alarms *set, const struct status_alarm *a)
{
    for (int i = 0; i < set->count; i++)
        if (set->item[i].event == a->event && !strcmp(set->item[i].thing, a->thing))
            return set->item + i;
    return NULL;
}

void alarm_gone(struct status_alarms *set, const char *why)
{
    static const struct status_alarm gone = {.event = ALARM_GONE};
    if (alarm_in(set, &gone))
        return;
    if (set->count == STATUS_ALARMS_MAX)
        set->count--;
    alarm_add(set, ALARM_GONE, LOG_LEVEL_ERROR, "", "timeballd does not answer: %s", why);
}

/* A leaky bucket: each event fills it by ALARM_EVERY, and ALARM_BURST of them find room. */
static bool may_tell(struct alarm *a, int kind, int64_t now)
{
    struct alarm_bucket *b = a->bucket + kind;
    int64_t every = ALARM_EVERY * NS_PER_S, from = b->full > now ? b->full : now;
    if (from - now > (ALARM_BURST - 1) * every)
        return false;
    b->full = from + every;
    return true;
}

static void remember(struct alarm *a, const struct status_alarm *item)
{
    a->told.item[a->told.count++] = *item;
    a->changes++;
}

static void forget(struct alarm *a, int i)
{
    a->told.item[i] = a->told.item[--a->told.count];
    a->changes++;
}

/* What is over, first those of which nothing is said. */
static bool next_end(struct alarm *a, const struct status_alarms *set, int64_t now,
                     struct alarm_event *event)
{
    for (int i = a->told.count - 1; i >= 0; i--) {
        const struct status_alarm *item = a->told.item + i;
        if (alarm_in(set, item))
            continue;
        bool quiet = alarm_rows[item->event].ends_quietly;
        if (!quiet && !may_tell(a, item->event, now))
            continue;
        *event = (struct alarm_event){.item = *item};
        forget(a, i);
        if (!quiet)
            return true;
    }
    return false;
}

bool alarm_next(struct alarm *a, const struct status_alarms *set, int64_t now,
                struct alarm_event *event)
{
    for (int i = 0; !a->started && i < set->count; i++)
        if (alarm_rows[set->item[i].event].new_only)
            remember(a, set->item + i);
    a->started = true;
    if (next_end(a, set, now, event))
        return true;
    for (int i = 0; i < set->count && a->told.count < STATUS_ALARMS_MAX; i++) {
        const struct status_alarm *item = set->item + i;
        if (alarm_in(&a->told, item) || !may_tell(a, item->event, now))
            continue;
        *event = (struct alarm_event){.item = *item, .begins = true};
        remember(a, item);
        return true;
    }
    return false;
}

struct alarm_event alarm_test(void)
{
    return (struct alarm_event){
        .begins = true,
        .item = {.event = ALARM_TEST,
                 .level = LOG_LEVEL_NOTICE,
                 .sentence = "This is a test of the alarms; nothing is wrong."}};
}
