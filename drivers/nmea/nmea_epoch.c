/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea_epoch.h"

#include <string.h>

#include "drivers/era.h"
#include "refclock/civil.h"

#define DAY_S       INT64_C(86400)
#define FORGET_NS   (3600 * NS_PER_S) /* a date older than this is not carried on */
#define STAND_IN_NS (3 * NS_PER_S / 2)
#define LATE_NS     (3 * NS_PER_S)
#define KIND(k)     (1U << (k))
#define WITNESSES   (KIND(NMEA_RMC) | KIND(NMEA_GGA) | KIND(NMEA_GNS) | KIND(NMEA_PGRMF))

void nmea_epochs_init(struct nmea_epochs *g, int64_t pivot,
                      void (*emit)(void *, const struct nmea_epoch *), void *arg)
{
    *g = (struct nmea_epochs){.pivot = pivot, .emit = emit, .arg = arg};
}

/* Midnight of a date as sent, its century and era resolved. False when there is no such date. */
static bool resolve_date(const struct nmea_epochs *g, const struct nmea_date *d, int64_t *midnight,
                         bool *moved)
{
    struct civil c = {.year = d->year, .month = d->month, .day = d->day};
    if (c.year < 100)
        c.year = civil_full_year(c.year, civil_from_posix(g->pivot).year);
    if (!civil_valid(&c))
        return false;
    *midnight = civil_to_posix(&c);
    return era_resolve(g->pivot, midnight, moved);
}

/* The midnight that brings the time of day nearest to the last epoch that was vouched for. */
static int64_t carried_midnight(const struct nmea_epochs *g, const struct nmea_tod *tod)
{
    int64_t past = g->past_second - g->past_leap60;
    int64_t into = past % DAY_S, midnight = past - into;
    int64_t step = tod->ns / NS_PER_S - into;
    return step > DAY_S / 2 ? midnight - DAY_S : step < -DAY_S / 2 ? midnight + DAY_S : midnight;
}

static bool date_epoch(const struct nmea_epochs *g, struct nmea_epoch *out)
{
    const struct nmea_open_epoch *e = &g->epoch;
    if (!e->tod.given || (!e->dated && !g->have_past))
        return false;
    int64_t midnight = e->dated ? e->midnight : carried_midnight(g, &e->tod);
    if (e->tod.leap60 && !era_leap_day(midnight)) /* RFC 8633, section 2.5 ff */
        return false;
    out->dated = true;
    out->second = midnight + e->tod.ns / NS_PER_S;
    out->nsec = (int32_t)(e->tod.ns % NS_PER_S);
    out->leap60 = e->tod.leap60;
    out->era_moved = e->dated && e->era_moved;
    return true;
}

/* The epoch before, vouched for, ended at most 1.5 s before this one. */
static bool follows_on(const struct nmea_epochs *g, const struct nmea_epoch *out)
{
    int64_t step = (out->second - g->past_second) * NS_PER_S + out->nsec - g->past_nsec;
    return g->have_past && out->dated && step > 0 && step <= STAND_IN_NS;
}

static enum nmea_verdict judge(const struct nmea_epochs *g, const struct nmea_epoch *out)
{
    const struct nmea_open_epoch *e = &g->epoch;
    bool stand_in = e->gll_valid && e->damaged && follows_on(g, out);
    if (e->denied)
        return NMEA_NO_FIX;
    if (!e->valid && !stand_in)
        return e->seen & WITNESSES ? NMEA_NO_FIX : NMEA_NO_WORD;
    if (e->two_dates)
        return NMEA_CONTRADICTION;
    return out->dated ? NMEA_VOUCHED : NMEA_NO_DATE;
}

static void remember(struct nmea_epochs *g, const struct nmea_epoch *out)
{
    g->have_past = true;
    g->past_second = out->second;
    g->past_nsec = out->nsec;
    g->past_leap60 = out->leap60;
    g->past_local = out->local;
}

static bool said_already(const struct nmea_epochs *g, const struct nmea_epoch *out)
{
    return g->have_past && out->dated && out->second == g->past_second &&
           out->nsec == g->past_nsec && out->leap60 == g->past_leap60;
}

/* GLL and ZDA of an epoch that was vouched for and closed: a slow line, another message between. */
static bool is_late(const struct nmea_epochs *g, const struct nmea_epoch *out)
{
    int64_t behind = (g->past_second - out->second) * NS_PER_S + g->past_nsec - out->nsec;
    return out->verdict == NMEA_NO_WORD && g->have_past && out->dated && behind >= 0 &&
           behind <= LATE_NS;
}

static void decide(struct nmea_epochs *g)
{
    if (!g->open || g->epoch.decided)
        return;
    g->epoch.decided = true;
    struct nmea_epoch out = {.local = g->epoch.local};
    date_epoch(g, &out);
    out.verdict = judge(g, &out);
    if (is_late(g, &out))
        return;
    if (out.verdict == NMEA_VOUCHED) {
        if (said_already(g, &out))
            return;
        remember(g, &out);
    }
    g->emit(g->arg, &out);
}

static void close_epoch(struct nmea_epochs *g)
{
    decide(g);
    if (g->open && g->epoch.seen & WITNESSES)
        g->usual = g->epoch.seen & WITNESSES;
    g->open = false;
}

static void open_epoch(struct nmea_epochs *g, const struct nmea_tod *tod, int64_t local,
                       int64_t burst)
{
    /* a burst that the epoch before has a sentence in is not this one's */
    bool own_burst = burst > g->epoch.last || !g->epoch.seen;
    g->epoch = (struct nmea_open_epoch){
        .tod = *tod,
        .local = own_burst ? burst : local,
        .damaged = g->damage,
    };
    g->open = true;
    g->damage = false;
    if (g->have_past && local - g->past_local > FORGET_NS)
        g->have_past = false;
}

/* Does b name the same instant as a, of which it may have more digits, rounded or cut off? */
static bool refines(const struct nmea_tod *a, const struct nmea_tod *b)
{
    int64_t step = b->ns - a->ns;
    int64_t below = a->unit < NS_PER_S ? a->unit / 2 : 0;
    return b->unit <= a->unit && (step == 0 || (step >= -below && step < a->unit));
}

static bool passed_over(const struct nmea_message *m)
{
    return m->kind == NMEA_GSA || m->kind == NMEA_GSV;
}

bool nmea_epochs_same(const struct nmea_epochs *g, const struct nmea_message *m)
{
    const struct nmea_tod *tod = &g->epoch.tod;
    if (passed_over(m))
        return true;
    if (!g->open)
        return false;
    if (!m->tod.given || !tod->given) /* without a time: until the kind comes again */
        return !(g->epoch.seen & KIND(m->kind)) && !(m->tod.given && m->claim == NMEA_SAYS_VALID);
    return refines(tod, &m->tod) || refines(&m->tod, tod);
}

static void take_claim(struct nmea_open_epoch *e, const struct nmea_message *m)
{
    bool valid = m->claim == NMEA_SAYS_VALID;
    e->denied |= m->claim == NMEA_SAYS_INVALID;
    e->valid |= valid && KIND(m->kind) & WITNESSES;
    e->gll_valid |= valid && m->kind == NMEA_GLL;
}

/* A date that comes after the verdict cannot mend it, but it ends the carrying of a wrong one. */
static void take_date(struct nmea_epochs *g, int64_t midnight, bool moved)
{
    struct nmea_open_epoch *e = &g->epoch;
    bool other = e->dated && e->midnight != midnight;
    if (e->decided)
        other |= !e->dated && g->have_past && carried_midnight(g, &e->tod) != midnight;
    if (other) {
        e->two_dates = true;
        g->have_past = false;
    }
    e->dated = true;
    e->midnight = midnight;
    e->era_moved = moved;
}

static bool complete(const struct nmea_epochs *g)
{
    const struct nmea_open_epoch *e = &g->epoch;
    bool heard = g->usual && (e->seen & g->usual) == g->usual;
    return e->denied || (heard && e->valid && (e->dated || g->have_past));
}

bool nmea_epochs_add(struct nmea_epochs *g, const struct nmea_message *m, int64_t local,
                     int64_t burst)
{
    int64_t midnight = 0;
    bool moved = false;
    bool dated = m->date.given && resolve_date(g, &m->date, &midnight, &moved);
    if (passed_over(m))
        return true;
    if (m->date.given && !dated && m->claim != NMEA_SAYS_INVALID) {
        g->have_past = false;
        return false;
    }
    if (!nmea_epochs_same(g, m)) {
        close_epoch(g);
        open_epoch(g, &m->tod, local, burst);
    }
    struct nmea_open_epoch *e = &g->epoch;
    if (m->tod.given && (!e->tod.given || m->tod.unit < e->tod.unit))
        e->tod = m->tod;
    e->seen |= KIND(m->kind);
    e->last = local;
    take_claim(e, m);
    if (dated && m->tod.given)
        take_date(g, midnight, moved);
    if (complete(g))
        decide(g);
    return true;
}

void nmea_epochs_damaged(struct nmea_epochs *g)
{
    if (nmea_epochs_pending(g))
        g->epoch.damaged = true;
    else
        g->damage = true;
}

void nmea_epochs_tick(struct nmea_epochs *g, int64_t now)
{
    if (nmea_epochs_pending(g) && now - g->epoch.last >= NMEA_EPOCH_WAIT_NS)
        decide(g);
}

bool nmea_epochs_pending(const struct nmea_epochs *g)
{
    return g->open && !g->epoch.decided;
}

void nmea_epochs_flush(struct nmea_epochs *g)
{
    close_epoch(g);
}
