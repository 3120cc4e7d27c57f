/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/leap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"

#define DAY_S    INT64_C(86400)
#define STEADY_S 3600
#define LIFE_S   (3 * 3600) /* of a flag that is not said again */
#define ROUND_S  60         /* a date so near to midnight means it */
#define DENIERS  3          /* servers, whose majority may deny what receivers say */

static struct leap_witness *find(struct leap_table *t, enum leap_kind kind, const char *name)
{
    for (struct leap_witness *w = t->witness; w < t->witness + t->count; w++)
        if (w->kind == kind && !strncmp(w->name, name, sizeof w->name - 1))
            return w;
    return NULL;
}

/* A time so near to midnight means it. */
static int64_t rounded(int64_t at)
{
    int64_t midnight = (at + ROUND_S) / DAY_S * DAY_S;
    return llabs(midnight - at) > ROUND_S ? at : midnight;
}

/* A receiver says the count in one message and a change in another: what is not said stays. */
static struct leap_claim merged(const struct leap_claim *old, const struct leap_claim *new)
{
    struct leap_claim c = *new;
    if (new->change == LEAP_UNKNOWN) {
        c.change = old->change;
        c.at = old->at;
    }
    if (new->tai == LEAP_COUNT_UNKNOWN) {
        c.tai = old->tai;
        c.confirmed = old->confirmed;
    } else if (old->confirmed && old->tai == new->tai)
        c.confirmed = true; /* also after a restart of the receiver */
    return c;
}

void leap_say(struct leap_table *t, enum leap_kind kind, const char *name,
              const struct leap_claim *claim, int64_t from, int64_t expires, int64_t now)
{
    struct leap_witness *w = find(t, kind, name);
    struct leap_claim all = w && kind == LEAP_BY_RECEIVER ? merged(&w->claim, claim) : *claim;
    if (all.at)
        all.at = rounded(all.at);
    bool same = w && w->claim.change == all.change && w->claim.at == all.at;
    bool mute = w && claim->change == LEAP_UNKNOWN; /* it says nothing new of a change */
    if (!w && t->count == LEAP_WITNESSES_MAX)
        return;
    if (!w) {
        w = &t->witness[t->count++];
        w->kind = kind;
        snprintf(w->name, sizeof w->name, "%s", name);
    }
    if (!same || now - w->heard > LIFE_S || now < w->since)
        w->since = now;
    w->claim = all;
    w->from = from;
    w->expires = expires;
    if (!mute)
        w->heard = now;
}

void leap_forget(struct leap_table *t, enum leap_kind kind, const char *name)
{
    struct leap_witness *w = find(t, kind, name);
    if (w)
        *w = t->witness[--t->count];
}

bool leap_possible(int64_t at)
{
    if (at < 0 || at > INT64_MAX / NS_PER_S)
        return false;
    struct civil c = civil_from_posix(at);
    return c.day == 1 && (c.month == 1 || c.month == 7) && !c.hour && !c.minute && !c.second;
}

static bool announces(const struct leap_claim *c)
{
    return c->change == LEAP_INSERT || c->change == LEAP_DELETE;
}

static bool is_list(const struct leap_witness *w)
{
    return w->kind == LEAP_BY_LIST || w->kind == LEAP_BY_ZONE;
}

/* The midnight that a change without a date would be at: the next one. */
static int64_t next_midnight(int64_t now)
{
    return (now / DAY_S + 1) * DAY_S;
}

static enum leap_standing list_standing(const struct leap_witness *w, int64_t now)
{
    if (w->from > now + DAY_S)
        return LEAP_TOO_NEW;
    return w->expires > now ? LEAP_COUNTS : LEAP_EXPIRED;
}

enum leap_standing leap_standing(const struct leap_witness *w, int64_t now)
{
    bool dated = w->claim.at != 0;
    if (w->kind == LEAP_BY_KERNEL)
        return LEAP_SHOWN_ONLY;
    if (is_list(w))
        return list_standing(w, now);
    if (w->claim.change == LEAP_UNKNOWN)
        return LEAP_MUTE;
    /* what is dated holds until its date: a receiver may be away when it comes */
    if (now - w->heard > LIFE_S && !(announces(&w->claim) && dated && w->claim.at > now))
        return LEAP_OLD;
    if (!announces(&w->claim))
        return LEAP_COUNTS;
    if (!leap_possible(dated ? w->claim.at : next_midnight(now)))
        return LEAP_WRONG_DAY;
    if (!dated && w->kind == LEAP_BY_RECEIVER && now - w->since < STEADY_S)
        return LEAP_NOT_STEADY;
    return LEAP_COUNTS;
}

/* When the change is that a witness announces; 0: none, or it is past. */
static int64_t change_at(const struct leap_witness *w, int64_t now)
{
    if (!announces(&w->claim))
        return 0;
    int64_t at = w->claim.at ? w->claim.at : next_midnight(now);
    return at > now && leap_possible(at) ? at : 0;
}

/* How the witnesses of a kind that count stand to one change. */
struct votes {
    int yes, no;
};

static struct votes count(const struct leap_table *t, enum leap_kind kind, enum leap change,
                          int64_t at, int64_t now)
{
    struct votes v = {0};
    for (const struct leap_witness *w = t->witness; w < t->witness + t->count; w++) {
        enum leap_standing s = leap_standing(w, now);
        if (w->kind != kind || s == LEAP_MUTE || s == LEAP_OLD)
            continue;
        bool same = s == LEAP_COUNTS && w->claim.change == change && change_at(w, now) == at;
        v.yes += same;
        v.no += !same;
    }
    return v;
}

/* The first list that holds, leap-seconds.list before the time zone database. */
static const struct leap_witness *good_list(const struct leap_table *t, int64_t now)
{
    for (enum leap_kind kind = LEAP_BY_LIST; kind <= LEAP_BY_ZONE; kind++)
        for (const struct leap_witness *w = t->witness; w < t->witness + t->count; w++)
            if (w->kind == kind && leap_standing(w, now) == LEAP_COUNTS)
                return w;
    return NULL;
}

bool leap_count_assumed(const struct leap_table *t, const char *name, int64_t now)
{
    for (const struct leap_witness *w = t->witness; w < t->witness + t->count; w++)
        if (w->kind == LEAP_BY_RECEIVER && !strncmp(w->name, name, sizeof w->name - 1))
            return !leap_count_confirmed(t, &w->claim, now);
    return false;
}

static const char *day_before(int64_t at, char buf[36])
{
    civil_iso((at - 1) * NS_PER_S, 0, buf, 36);
    buf[10] = 0;
    return buf;
}

static void announce(struct leap_verdict *v, char rule, enum leap change, int64_t at,
                     const char *who)
{
    char day[36];
    v->rule = rule;
    v->change = change;
    v->at = at;
    snprintf(v->why, sizeof v->why, "%s announces a second %s at the end of %s", who,
             change == LEAP_INSERT ? "more" : "less", day_before(at, day));
}

static void judge_list(const struct leap_witness *w, int64_t now, struct leap_verdict *v)
{
    char day[36];
    int64_t at = change_at(w, now);
    if (at) {
        announce(v, 'a', w->claim.change, at, w->name);
        return;
    }
    v->rule = 'a';
    snprintf(v->why, sizeof v->why, "no leap second before %s, says %s",
             civil_iso(w->expires * NS_PER_S, 0, day, sizeof day), w->name);
}

/* Without a list: the receivers' most wanted change, or the servers'. */
static bool judge_kind(const struct leap_table *t, enum leap_kind kind, int64_t now,
                       struct leap_verdict *v)
{
    const char *vetoed = NULL;
    bool heard = false;
    for (const struct leap_witness *w = t->witness; w < t->witness + t->count; w++) {
        enum leap_standing s = leap_standing(w, now);
        if (w->kind != kind || s == LEAP_MUTE || s == LEAP_OLD)
            continue;
        heard = true;
        int64_t at = s == LEAP_COUNTS ? change_at(w, now) : 0;
        if (!at)
            continue;
        struct votes own = count(t, kind, w->claim.change, at, now);
        /* servers know only of the day that they are in */
        struct votes others = {0};
        if (kind == LEAP_BY_RECEIVER && at - now <= DAY_S)
            others = count(t, LEAP_BY_SERVER, w->claim.change, at, now);
        bool denied = others.yes + others.no >= DENIERS && others.no > others.yes;
        if (own.yes > own.no && !denied) {
            announce(v, kind == LEAP_BY_RECEIVER ? 'b' : 'c', w->claim.change, at, w->name);
            return true;
        }
        vetoed = w->name;
    }
    if (!heard)
        return false;
    v->rule = kind == LEAP_BY_RECEIVER ? 'b' : 'c';
    if (vetoed)
        snprintf(v->why, sizeof v->why, "%s announces a leap second, and most others deny it",
                 vetoed);
    else
        snprintf(v->why, sizeof v->why, "no %s announces a leap second that is to be believed",
                 leap_kind_name(kind));
    return true;
}

static int count_of(const struct leap_table *t, int64_t now)
{
    const struct leap_witness *list = good_list(t, now);
    if (list)
        return list->claim.tai;
    for (const struct leap_witness *w = t->witness; w < t->witness + t->count; w++)
        if (w->kind == LEAP_BY_RECEIVER && w->claim.confirmed && w->claim.tai > 0 &&
            now - w->heard <= LIFE_S)
            return w->claim.tai;
    return LEAP_COUNT_UNKNOWN;
}

void leap_judge(const struct leap_table *t, int64_t now, struct leap_verdict *v)
{
    const struct leap_witness *list = good_list(t, now);
    *v = (struct leap_verdict){.tai = count_of(t, now)};
    if (list)
        judge_list(list, now, v);
    else if (!judge_kind(t, LEAP_BY_RECEIVER, now, v) && !judge_kind(t, LEAP_BY_SERVER, now, v))
        snprintf(v->why, sizeof v->why, "nobody says anything of leap seconds");
    if (v->at && now >= v->at - DAY_S)
        v->served = v->change;
}

bool leap_count_confirmed(const struct leap_table *t, const struct leap_claim *c, int64_t now)
{
    const struct leap_witness *list = good_list(t, now);
    if (c->confirmed)
        return true;
    if (c->tai == LEAP_COUNT_UNKNOWN)
        return c->change != LEAP_UNKNOWN; /* of one that speaks of changes alone */
    return list && list->claim.tai == c->tai;
}

const char *leap_kind_name(enum leap_kind kind)
{
    static const char *const names[] = {
        [LEAP_BY_LIST] = "list",         [LEAP_BY_ZONE] = "time zone database",
        [LEAP_BY_RECEIVER] = "receiver", [LEAP_BY_SERVER] = "server",
        [LEAP_BY_KERNEL] = "kernel",
    };
    return names[kind];
}

const char *leap_name(enum leap change)
{
    static const char *const names[] = {
        [LEAP_NONE] = "none",
        [LEAP_INSERT] = "insert",
        [LEAP_DELETE] = "delete",
        [LEAP_UNKNOWN] = "unknown",
    };
    return names[change];
}

const char *leap_standing_name(enum leap_standing s)
{
    static const char *const names[] = {
        [LEAP_COUNTS] = "counts",
        [LEAP_MUTE] = "says nothing of leap seconds",
        [LEAP_EXPIRED] = "has expired",
        [LEAP_TOO_NEW] = "was made later than now",
        [LEAP_OLD] = "said it too long ago",
        [LEAP_WRONG_DAY] = "names a day that has no leap seconds",
        [LEAP_NOT_STEADY] = "has not said it for an hour yet",
        [LEAP_SHOWN_ONLY] = "repeats what it was told",
    };
    return names[s];
}
