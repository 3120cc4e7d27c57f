/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/leap/leap_watch.h"

#include <stdio.h>

#include "refclock/civil.h"

#define LOOK_NS (60 * NS_PER_S)
#define DAY_S   INT64_C(86400)
#define SOON_S  (28 * DAY_S) /* a list that expires is complained of so long before ... */
#define AGAIN_S (7 * DAY_S)  /* ... and so often */

static const char *day_of(int64_t second, char buf[36])
{
    civil_iso(second * NS_PER_S, 0, buf, 36);
    buf[10] = 0;
    return buf;
}

/* Who knows of leap seconds where the list does not. */
static const char *instead(const struct leap_watch *w, char *buf, size_t size)
{
    if (w->zone.good)
        snprintf(buf, size, "%s stands in", w->zone.path);
    else
        snprintf(buf, size, "leap seconds are taken from receivers and servers");
    return buf;
}

/* The table beside the list is there for comfort: only the list is missed. */
static void say_news(const struct leap_watch *w, const struct leap_file *f, const struct log *log)
{
    char line[560], day[36], other[OPTION_TEXT_SIZE + 16];
    if (f->good)
        log_say(log, LOG_LEVEL_INFO, "%s: leap seconds are known until %s", f->path,
                day_of(f->list.expires, day));
    else if (*f->err.why)
        log_say(log, LOG_LEVEL_WARNING, "%s; %s", err_line(&f->err, line, sizeof line),
                instead(w, other, sizeof other));
    else if (f->kind == LEAP_BY_LIST)
        log_say(
            log, LOG_LEVEL_WARNING,
            "%s: there is no such file; install tzdata, or name another one with `leapfile`; %s",
            f->path, instead(w, other, sizeof other));
}

static void look(struct leap_watch *w, const struct log *log)
{
    bool list = leap_file_look(&w->list), zone = leap_file_look(&w->zone);
    if (list)
        say_news(w, &w->list, log);
    if (zone)
        say_news(w, &w->zone, log);
    if (list || zone)
        w->next_worry = 0;
}

void leap_watch_open(struct leap_watch *w, const char *path, const struct log *log, int64_t now)
{
    leap_file_init(&w->list, LEAP_BY_LIST, path);
    leap_file_init_beside(&w->zone, path);
    w->next_worry = 0;
    w->next_look = now + LOOK_NS;
    look(w, log);
}

void leap_watch_change(struct leap_watch *w, struct leap_table *t, const char *path)
{
    leap_forget(t, w->list.kind, w->list.path);
    leap_forget(t, w->zone.kind, w->zone.path);
    leap_file_init(&w->list, LEAP_BY_LIST, path);
    leap_file_init_beside(&w->zone, path);
}

void leap_watch_soon(struct leap_watch *w)
{
    w->next_look = 0;
}

static void worry(struct leap_watch *w, int64_t truth, const struct log *log)
{
    char day[36];
    const struct leap_file *f = w->list.good ? &w->list : &w->zone;
    const struct leap_list *l = &f->list;
    if (!f->good || truth < w->next_worry)
        return;
    if (l->updated > truth + DAY_S)
        log_say(log, LOG_LEVEL_WARNING, "%s was made on %s, later than now: not used", f->path,
                day_of(l->updated, day));
    else if (l->expires <= truth)
        log_say(log, LOG_LEVEL_WARNING,
                "%s has expired on %s: leap seconds are taken from receivers and servers; update "
                "the package tzdata",
                f->path, day_of(l->expires, day));
    else if (l->expires <= truth + SOON_S)
        log_say(log, LOG_LEVEL_WARNING, "%s expires on %s; update the package tzdata", f->path,
                day_of(l->expires, day));
    else
        return;
    w->next_worry = truth + AGAIN_S;
}

void leap_watch_tick(struct leap_watch *w, struct leap_table *t, int64_t now, int64_t truth,
                     const struct log *log)
{
    if (now >= w->next_look) {
        w->next_look = now + LOOK_NS;
        look(w, log);
    }
    if (!truth)
        return;
    leap_file_say(&w->list, t, truth);
    leap_file_say(&w->zone, t, truth);
    worry(w, truth, log);
}
