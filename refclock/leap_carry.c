/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/leap_carry.h"

#include <math.h>

#include "refclock/announce.h"
#include "refclock/civil.h"
#include "refclock/refclock.h"

#define DAY_S    INT64_C(86400)
#define AFTER_NS INT64_C(30000000)   /* the kernel steps at a timer tick: 10 ms at most */
#define GRACE_NS INT64_C(1000000000) /* and has failed to when so much has passed */
#define TAI_NS   INT64_C(3000000000)
#define NEAR_S   3 /* when the timer is set */

/* True time now on the scale that is counted on, ns; 0 while it is not known. */
static int64_t counted_now(const struct refclock *r)
{
    struct estimate e;
    if (!discipline_ready(&r->discipline) || !refclock_estimate(r, &e))
        return 0;
    return clock_local(r->clock, clock_now(r->clock)) + e.shift + llrint(e.offset * 1e9);
}

static int64_t begins(const struct leap_carry *c)
{
    return leap_begins(c->change, c->at) * NS_PER_S;
}

/* A clock that reads true time will show this when the change begins. */
static int64_t reading_then(const struct refclock *r)
{
    struct estimate e;
    if (!refclock_estimate(r, &e))
        return 0;
    return begins(&r->leap) - llrint(announce_behind(r, &e) * 1e9);
}

static void tell_sources(struct refclock *r, int64_t now)
{
    const struct leap_carry *c = &r->leap;
    for (int i = 0; i < r->count; i++)
        numbering_leap(&r->receiver[i].numbering, c->at, leap_step(c->change), now);
}

/* The change is past: from now on the stepped scale is counted on. */
static void carry(struct refclock *r, int64_t now)
{
    struct leap_carry *c = &r->leap;
    int step = leap_step(c->change);
    char when[36];
    discipline_leap(&r->discipline, step);
    tell_sources(r, now);
    c->due = false;
    c->carried = c->at;
    c->count++;
    c->tai_from = now + TAI_NS;
    c->grace_until = r->clock->leap_at ? now + GRACE_NS : 0;
    log_say(r->log, LOG_LEVEL_NOTICE, "leap second: one was %s before %s; the clock %s",
            step < 0 ? "inserted" : "left out", civil_iso(c->at * NS_PER_S, 0, when, sizeof when),
            c->grace_until ? "was not stepped for it yet" : "was stepped for it");
    announce_publish(r, false);
}

static void on_timer(void *arg, int64_t now)
{
    struct refclock *r = arg;
    struct leap_carry *c = &r->leap;
    int64_t left = begins(c) + AFTER_NS - counted_now(r);
    if (!c->due)
        return;
    if (left > 0) /* a timer's second is not the clock's */
        loop_after(r->loop, &c->timer, left);
    else
        carry(r, now);
}

/* What the verdict announces for this day. */
static void prepare(struct refclock *r, int64_t truth)
{
    struct leap_carry *c = &r->leap;
    const struct leap_verdict *v = &c->verdict;
    bool was = c->due;
    c->due = v->served == LEAP_INSERT || v->served == LEAP_DELETE;
    if (!c->due) {
        if (was)
            clock_expect_leap(r->clock, 0, 0);
        loop_cancel(r->loop, &c->timer);
        return;
    }
    if (!was)
        log_say(r->log, LOG_LEVEL_NOTICE, "leap second today: %s", v->why);
    c->change = v->served;
    c->at = v->at;
    clock_expect_leap(r->clock, reading_then(r), leap_step(c->change));
    int64_t left = begins(c) + AFTER_NS - truth;
    if (left < NEAR_S * NS_PER_S)
        loop_after(r->loop, &c->timer, left);
}

/* The kernel, or whoever keeps the clock, had its time to step. */
static void end_grace(struct refclock *r)
{
    struct leap_carry *c = &r->leap;
    bool stepped = !r->clock->leap_at;
    if (!c->grace_until || (!stepped && loop_now(r->loop) < c->grace_until))
        return;
    c->grace_until = 0;
    clock_expect_leap(r->clock, 0, 0);
    if (!stepped)
        log_say(r->log, LOG_LEVEL_WARNING, "the kernel made no leap second: %s",
                r->clock->steerable ? "the clock is stepped instead"
                                    : "the clock stays a second off, and what is served does not");
}

static void look_at_counts(struct refclock *r)
{
    int64_t now = leap_carry_time(r);
    for (struct receiver *one = r->receiver; one < r->receiver + r->count; one++)
        one->count_assumed = leap_count_assumed(&r->leap.table, one->config.name, now);
}

void leap_carry_look(struct refclock *r)
{
    struct leap_carry *c = &r->leap;
    int64_t truth = counted_now(r), second = truth / NS_PER_S;
    end_grace(r);
    look_at_counts(r);
    if (!truth)
        return;
    if (c->due && truth >= begins(c)) {
        if (truth >= begins(c) + AFTER_NS)
            carry(r, loop_now(r->loop));
        return;
    }
    /* in the repeated second what was announced is past already */
    if (second < c->carried && second >= c->carried - 1)
        second = c->carried;
    leap_judge(&c->table, second, &c->verdict);
    for (int i = 0; i < r->count; i++)
        r->receiver[i].numbering.leap_listed = c->verdict.rule == 'a';
    prepare(r, truth);
}

int64_t leap_carry_time(const struct refclock *r)
{
    int64_t known = counted_now(r);
    if (known)
        return known / NS_PER_S;
    for (const struct receiver *one = r->receiver; one < r->receiver + r->count; one++)
        if (one->numbering.tentative)
            return one->numbering.number + one->numbering.anchor_index;
    return 0;
}

void leap_carry_heard(struct refclock *r, const char *name, const struct leap_claim *claim)
{
    leap_say(&r->leap.table, LEAP_BY_RECEIVER, name, claim, 0, 0, leap_carry_time(r));
}

bool leap_carry_holds(const struct refclock *r)
{
    const struct leap_carry *c = &r->leap;
    return c->grace_until || (c->due && counted_now(r) >= begins(c));
}

void leap_carry_snapshot(const struct refclock *r, struct snapshot *s)
{
    const struct leap_carry *c = &r->leap;
    s->leap = LEAP_NONE;
    if (!c->due)
        return;
    s->leap = (uint8_t)c->change;
    s->leap_at = begins(c);
    s->leap_step = (int8_t)leap_step(c->change);
}

void leap_carry_report(const struct refclock *r, struct clock_report *report)
{
    const struct leap_carry *c = &r->leap;
    report->leap = c->due || c->grace_until ? c->change : LEAP_NONE;
    /* at the change itself the kernel counts by itself */
    if (c->verdict.tai > 0 && loop_now(r->loop) >= c->tai_from)
        report->tai = c->verdict.tai;
}

void leap_carry_stop(struct refclock *r)
{
    loop_cancel(r->loop, &r->leap.timer);
}

void leap_carry_init(struct refclock *r)
{
    r->leap.timer =
        (struct loop_timer){.name = "leap second", .fire = on_timer, .arg = r, .due = INT64_MAX};
    r->leap.verdict.tai = LEAP_COUNT_UNKNOWN;
}
