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

static void name_item(struct alarm_item *item, enum alarm_kind kind, const char *thing)
{
    item->kind = kind;
    int length = snprintf(item->thing, sizeof item->thing, "%s", thing);
    trim(item->thing, (size_t)length, sizeof item->thing);
    clean(item->thing);
}

static void add(struct alarm_set *set, enum alarm_kind kind, const char *thing, const char *fmt,
                ...) __attribute__((format(printf, 4, 5)));

static void add(struct alarm_set *set, enum alarm_kind kind, const char *thing, const char *fmt,
                ...)
{
    va_list args;
    struct alarm_item *item = set->item + set->count;
    if (set->count == ALARM_ITEMS)
        return;
    name_item(item, kind, thing);
    va_start(args, fmt);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): not so; clang-tidy 14 on many files */
    int length = vsnprintf(item->sentence, sizeof item->sentence, fmt, args);
    va_end(args);
    trim(item->sentence, length < 0 ? 0 : (size_t)length, sizeof item->sentence);
    clean(item->sentence);
    set->count++;
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = ctl_string(object, name);
    return text ? text : "";
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
    return !strcmp(text, a) || !strcmp(text, b);
}

/* Before it has numbered the seconds, timeballd does not serve the time either. */
static void find_state(struct alarm_set *set, const json_t *clock)
{
    const char *state = text_of(clock, "state"), *sentence = text_of(clock, "sentence");
    if (!strcmp(state, "locked"))
        add(set, ALARM_LOCKED, "", "%s", sentence);
    else if (!strcmp(state, "holdover"))
        add(set, ALARM_HOLDOVER, "", "%s", sentence);
    else if (*state)
        add(set, ALARM_UNSYNCHRONISED, "", "%s", sentence);
}

static void find_moved(struct alarm_set *set, const json_t *clock)
{
    char thing[32], size[48] = "";
    double step = ctl_number(clock, "last_step");
    json_int_t count = json_integer_value(json_object_get(clock, "foreign_steps"));
    if (count <= 0)
        return;
    snprintf(thing, sizeof thing, "step %lld", (long long)count);
    if (step == step)
        ctl_seconds(step, true, size, sizeof size);
    add(set, ALARM_CLOCK_MOVED, thing,
        "The clock was stepped by %s, by %s: stop what sets it (timeballctl doctor names "
        "other time daemons).",
        *size ? size : "an unknown amount", text_of(clock, "last_step_by"));
}

static const struct alarm_item *find(const struct alarm_set *set, const struct alarm_item *like)
{
    for (int i = 0; i < set->count; i++)
        if (set->item[i].kind == like->kind && !strcmp(set->item[i].thing, like->thing))
            return set->item + i;
    return NULL;
}

/* What nobody watches any more is not over. */
static void keep_unwatched(struct alarm_set *set, const struct alarm_set *before,
                           enum alarm_kind kind, const char *thing, const char *says)
{
    struct alarm_item like;
    if (!is_one_of(says, "unknown", "not_monitored"))
        return;
    name_item(&like, kind, thing);
    const struct alarm_item *was = find(before, &like);
    if (was && set->count < ALARM_ITEMS)
        set->item[set->count++] = *was;
}

static void find_source(struct alarm_set *set, const struct alarm_set *before, const json_t *source)
{
    const json_t *report = json_object_get(source, "report");
    const char *name = text_of(source, "name"), *antenna = text_of(report, "antenna");
    const char *jamming = text_of(report, "jamming"), *spoofing = text_of(report, "spoofing");
    if (!strcmp(text_of(source, "verdict"), "falseticker"))
        add(set, ALARM_FALSETICKER, name, "%s: %s", name, text_of(source, "sentence"));
    if (is_one_of(antenna, "short", "open"))
        add(set, ALARM_ANTENNA, name, "%s: its antenna is %s: look at the antenna and its cable.",
            name, antenna);
    if (is_one_of(jamming, "warning", "critical"))
        add(set, ALARM_JAMMING, name,
            "%s: jammed (%s): look for a transmitter, or a bad power supply, near the antenna.",
            name, jamming);
    if (is_one_of(spoofing, "warning", "critical"))
        add(set, ALARM_SPOOFING, name,
            "%s: its signals may be forged (%s): hold the time against other servers.", name,
            spoofing);
    keep_unwatched(set, before, ALARM_ANTENNA, name, antenna);
    keep_unwatched(set, before, ALARM_JAMMING, name, jamming);
    keep_unwatched(set, before, ALARM_SPOOFING, name, spoofing);
}

/* Of several lists the one that holds longest counts. */
static void find_list(struct alarm_set *set, const json_t *status)
{
    const char *best = NULL, *until = "";
    int64_t now, at, last = 0;
    size_t i;
    json_t *witness;
    if (!ctl_string(status, "time") || ctl_instant(ctl_string(status, "time"), &now))
        return;
    json_array_foreach(json_object_get(json_object_get(status, "leap"), "witnesses"), i, witness)
    {
        const char *expires = ctl_string(witness, "expires");
        if (!expires || ctl_instant(expires, &at) || (best && at <= last))
            continue;
        best = text_of(witness, "name");
        last = at;
        until = expires;
    }
    if (best && last / NS_PER_S - now / NS_PER_S < ALARM_LEAP_DAYS * INT64_C(86400))
        add(set, ALARM_LEAP_LIST, best,
            "%s: this list of leap seconds %s %.10s: install a new one (Debian: update the package "
            "tzdata).",
            best, last <= now ? "expired on" : "expires on", until);
}

void alarm_find(struct alarm_set *set, const json_t *status)
{
    const json_t *clock = json_object_get(status, "clock");
    const struct alarm_set before = *set;
    json_t *source;
    size_t i;
    set->count = 0;
    find_state(set, clock);
    find_moved(set, clock);
    find_list(set, status);
    json_array_foreach(json_object_get(status, "sources"), i, source)
        find_source(set, &before, source);
}

void alarm_gone(struct alarm_set *set, const char *why)
{
    static const struct alarm_item gone = {.kind = ALARM_GONE};
    if (!find(set, &gone))
        add(set, ALARM_GONE, "", "timeballd does not answer: %s", why);
}

/* A leaky bucket: each event fills it by ALARM_EVERY, and ALARM_BURST of them find room. */
static bool may_tell(struct alarm *a, enum alarm_kind kind, int64_t now)
{
    struct alarm_bucket *b = a->bucket + kind;
    int64_t every = ALARM_EVERY * NS_PER_S, from = b->full > now ? b->full : now;
    if (from - now > (ALARM_BURST - 1) * every)
        return false;
    b->full = from + every;
    return true;
}

static void forget(struct alarm_set *told, int i)
{
    told->item[i] = told->item[--told->count];
}

/* What is over, first those of which nothing is said. */
static bool next_end(struct alarm *a, const struct alarm_set *set, int64_t now,
                     struct alarm_event *event)
{
    for (int i = a->told.count - 1; i >= 0; i--) {
        const struct alarm_item *item = a->told.item + i;
        if (find(set, item))
            continue;
        bool quiet = alarm_rows[item->kind].ends_quietly;
        if (!quiet && !may_tell(a, item->kind, now))
            continue;
        *event = (struct alarm_event){.item = *item};
        forget(&a->told, i);
        if (!quiet)
            return true;
    }
    return false;
}

bool alarm_next(struct alarm *a, const struct alarm_set *set, int64_t now,
                struct alarm_event *event)
{
    for (int i = 0; !a->started && i < set->count; i++)
        if (alarm_rows[set->item[i].kind].new_only)
            a->told.item[a->told.count++] = set->item[i];
    a->started = true;
    if (next_end(a, set, now, event))
        return true;
    for (int i = 0; i < set->count && a->told.count < ALARM_ITEMS; i++) {
        const struct alarm_item *item = set->item + i;
        if (find(&a->told, item) || !may_tell(a, item->kind, now))
            continue;
        *event = (struct alarm_event){.item = *item, .begins = true};
        a->told.item[a->told.count++] = *item;
        return true;
    }
    return false;
}

struct alarm_event alarm_test(void)
{
    return (struct alarm_event){
        .begins = true,
        .item = {.kind = ALARM_TEST,
                 .sentence = "This is a test of the alarms; nothing is wrong."}};
}
