/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_epoch.h"

#include <stdlib.h>
#include <string.h>

#include "drivers/era.h"
#include "refclock/civil.h"

#define DAY_S           INT64_C(86400)
#define MS_NS           INT64_C(1000000)
#define ACCURACY_MAX_NS INT64_C(1000000)
#define NANO_MIN        INT64_C(-500000000)
#define KIND(k)         (1U << (k))
#define TIMED                                                                                   \
    (KIND(UBX_NAV_PVT) | KIND(UBX_NAV_TIMEUTC) | KIND(UBX_NAV_TIMEGPS) | KIND(UBX_NAV_TIMELS) | \
     KIND(UBX_NAV_STATUS) | KIND(UBX_NAV_SOL))

/* Flags of the messages: all of a set must be there. */
enum {
    FIX_OK = 0x01,        /* PVT, STATUS, SOL: flags */
    PVT_RESOLVED = 0x07,  /* valid: date, time, fully resolved */
    CONFIRMS = 0x20,      /* PVT: confirm: the receiver can confirm ... */
    CONFIRMED = 0xc0,     /* ... and has: date, time */
    TIMEUTC_VALID = 0x07, /* time of week, week, UTC */
    TIMEGPS_VALID = 0x03, /* time of week, week */
    TIMEGPS_LEAP_VALID = 0x04,
    SOL_TIME_SET = 0x0c, /* week, time of week */
    TIMELS_LEAP_VALID = 0x01,
    TIMELS_EVENT_VALID = 0x02,
};

void ubx_epochs_init(struct ubx_epochs *g, int64_t pivot,
                     void (*emit)(void *, const struct nmea_epoch *), void *arg)
{
    *g = (struct ubx_epochs){.pivot = pivot, .emit = emit, .arg = arg, .announced = LEAP_UNKNOWN};
}

static bool all_of(int64_t flags, int64_t wanted)
{
    return (flags & wanted) == wanted;
}

/* Half years since the year 0: a leap second can only come where this number changes. */
static int half_year(int64_t second)
{
    struct civil c = civil_from_posix(second);
    return 2 * c.year + (c.month > 6);
}

/* The 0.7 ms before 00:00:00 after a leap second are the leap second's. */
static bool in_past_leap_second(const struct ubx_epochs *g, int64_t second)
{
    return g->past.given && g->past.leap60 && g->past.second == second;
}

/* Second and nanoseconds of a message; the second may be rounded up, then nano is negative. */
static bool civil_time(const struct ubx_epochs *g, const struct ubx_message *m, struct ubx_time *t)
{
    struct civil c = {(int)m->year, (int)m->month,  (int)m->day,
                      (int)m->hour, (int)m->minute, (int)m->second};
    if (!civil_valid(&c) || c.year < 1980 || m->nano < NANO_MIN || m->nano >= NS_PER_S)
        return false;
    *t = (struct ubx_time){.given = true, .second = civil_to_posix(&c)};
    if (!era_resolve(g->pivot, &t->second, &t->era_moved))
        return false;
    t->leap60 = c.second == 60;
    if (t->leap60 && !era_leap_day(t->second - DAY_S))
        return false;
    t->nsec = (int32_t)m->nano;
    if (m->nano >= 0)
        return true;
    t->nsec += (int32_t)NS_PER_S;
    if (!t->leap60 && in_past_leap_second(g, t->second)) {
        t->leap60 = true;
    } else {
        t->leap60 = false;
        t->second--;
    }
    return true;
}

/* UTC from the GPS time of the epoch and the leap count at hand. */
static bool gps_time(const struct ubx_epochs *g, struct ubx_time *t)
{
    static const struct civil gps_start = {.year = 1980, .month = 1, .day = 6};
    const struct ubx_open_epoch *e = &g->epoch;
    if (e->gps_week < 0 || e->no_leap || !g->leap_known)
        return false;
    int64_t week_start = civil_to_posix(&gps_start) + e->gps_week * 7 * DAY_S - g->leap;
    int64_t ns = e->gps_ns % NS_PER_S;
    *t = (struct ubx_time){.given = true, .second = week_start + e->gps_ns / NS_PER_S};
    if (ns < 0) {
        ns += NS_PER_S;
        t->second--;
    }
    t->nsec = (int32_t)ns;
    if (!era_resolve(g->pivot, &t->second, &t->era_moved))
        return false;
    if (half_year(t->second + 1) != half_year(t->second - 2))
        return false;
    return e->leap_given || half_year(t->second) == half_year(g->leap_at);
}

static bool same_time(const struct ubx_time *a, const struct ubx_time *b)
{
    return a->given && b->given && a->second == b->second && a->nsec == b->nsec &&
           a->leap60 == b->leap60;
}

/* False: the epoch says nothing that matters. */
static bool judge(const struct ubx_open_epoch *e, enum nmea_verdict *verdict)
{
    if (e->no_fix)
        *verdict = NMEA_NO_FIX;
    else if (e->no_utc || (e->no_leap && !e->utc))
        *verdict = NMEA_NO_UTC;
    else if (e->two_times)
        *verdict = NMEA_CONTRADICTION;
    else
        *verdict = NMEA_VOUCHED;
    return *verdict != NMEA_VOUCHED || (e->time.given && (e->fix || e->utc));
}

static void decide(struct ubx_epochs *g)
{
    struct ubx_open_epoch *e = &g->epoch;
    if (!ubx_epochs_pending(g))
        return;
    e->decided = true;
    struct ubx_time gps = {0};
    if (!e->time.given && gps_time(g, &gps))
        e->time = gps;
    if (e->leap_given && e->time.given)
        g->leap_at = e->time.second;
    const struct ubx_time *t = &e->time;
    enum nmea_verdict verdict;
    if (!judge(e, &verdict) || (verdict == NMEA_VOUCHED && same_time(t, &g->past)))
        return;
    if (verdict == NMEA_VOUCHED) {
        g->past = *t;
        g->past_itow = e->itow;
    }
    struct nmea_epoch out = {.verdict = verdict, .dated = t->given, .local = e->local};
    if (t->given) {
        out.second = t->second;
        out.nsec = t->nsec;
        out.leap60 = t->leap60;
        out.era_moved = t->era_moved;
    }
    g->emit(g->arg, &out);
}

static bool denied(const struct ubx_open_epoch *e)
{
    return e->no_fix || e->no_utc;
}

/* Could the verdict fall now, as far as the epoch's own messages go? */
static bool conclusive(const struct ubx_epochs *g)
{
    const struct ubx_open_epoch *e = &g->epoch;
    struct ubx_time t;
    return denied(e) || e->no_leap || ((e->fix || e->utc) && (e->time.given || gps_time(g, &t)));
}

static void close_epoch(struct ubx_epochs *g)
{
    decide(g);
    if (g->open)
        g->usual = g->epoch.seen;
    g->open = false;
}

static void open_epoch(struct ubx_epochs *g, int64_t itow, int64_t local, int64_t burst)
{
    /* a burst that the epoch before has a message in is not this one's */
    bool own_burst = burst > g->epoch.last || !g->epoch.seen;
    g->epoch =
        (struct ubx_open_epoch){.itow = itow, .local = own_burst ? burst : local, .gps_week = -1};
    g->open = true;
}

/* u-blox: 2 2D, 3 3D, 4 GNSS and dead reckoning, 5 time alone; 1 is dead reckoning alone. */
static void take_fix(struct ubx_open_epoch *e, const struct ubx_message *m)
{
    bool ok = all_of(m->flags, FIX_OK) && m->fix >= 2 && m->fix <= 5;
    e->fix |= ok;
    e->no_fix |= !ok;
}

static bool take_utc(struct ubx_epochs *g, const struct ubx_message *m, bool valid)
{
    struct ubx_open_epoch *e = &g->epoch;
    struct ubx_time t;
    bool possible = civil_time(g, m, &t);
    if (!valid || m->accuracy > ACCURACY_MAX_NS || !possible) {
        e->no_utc = true;
        return !valid || possible;
    }
    if (e->time.given) {
        int64_t apart = (t.second - e->time.second) * NS_PER_S + t.nsec - e->time.nsec;
        e->two_times |= t.leap60 != e->time.leap60 || llabs(apart) > MS_NS;
    }
    e->utc = true;
    e->time = t;
    return true;
}

static bool take_pvt(struct ubx_epochs *g, const struct ubx_message *m)
{
    bool confirmed = !all_of(m->confirm, CONFIRMS) || all_of(m->confirm, CONFIRMED);
    take_fix(&g->epoch, m);
    return take_utc(g, m, all_of(m->valid, PVT_RESOLVED) && confirmed);
}

static bool take_timeutc(struct ubx_epochs *g, const struct ubx_message *m)
{
    return take_utc(g, m, all_of(m->valid, TIMEUTC_VALID));
}

static void take_gps(struct ubx_open_epoch *e, const struct ubx_message *m)
{
    if (m->week < 0 || m->itow >= 7 * DAY_S * 1000)
        return;
    e->gps_week = m->week;
    e->gps_ns = m->itow * MS_NS + m->fraction;
}

static void take_leap(struct ubx_epochs *g, const struct ubx_message *m)
{
    g->leap = m->leap;
    g->leap_known = g->epoch.leap_given = true;
}

static bool take_timegps(struct ubx_epochs *g, const struct ubx_message *m)
{
    if (all_of(m->valid, TIMEGPS_VALID) && m->accuracy <= ACCURACY_MAX_NS)
        take_gps(&g->epoch, m);
    if (all_of(m->valid, TIMEGPS_LEAP_VALID)) {
        take_leap(g, m);
    } else {
        g->epoch.no_leap = true;
        g->leap_known = false;
    }
    return true;
}

/* Source 0 is the firmware's own table, 255 none: neither is knowledge. */
static bool take_timels(struct ubx_epochs *g, const struct ubx_message *m)
{
    if (all_of(m->valid, TIMELS_LEAP_VALID) && m->leap_source > 0 && m->leap_source < 255)
        take_leap(g, m);
    g->announced = LEAP_UNKNOWN;
    if (!all_of(m->valid, TIMELS_EVENT_VALID))
        return true;
    bool soon = m->leap_in > 0 && m->leap_in <= DAY_S;
    g->announced = !soon || !m->leap_change ? LEAP_NONE
                   : m->leap_change > 0     ? LEAP_INSERT
                                            : LEAP_DELETE;
    return true;
}

static bool take_status(struct ubx_epochs *g, const struct ubx_message *m)
{
    take_fix(&g->epoch, m);
    return true;
}

static bool take_sol(struct ubx_epochs *g, const struct ubx_message *m)
{
    take_fix(&g->epoch, m);
    if (all_of(m->flags, SOL_TIME_SET))
        take_gps(&g->epoch, m);
    return true;
}

bool ubx_epochs_add(struct ubx_epochs *g, const struct ubx_message *m, int64_t local, int64_t burst)
{
    static bool (*const take[])(struct ubx_epochs *, const struct ubx_message *) = {
        [UBX_NAV_PVT] = take_pvt,         [UBX_NAV_TIMEUTC] = take_timeutc,
        [UBX_NAV_TIMEGPS] = take_timegps, [UBX_NAV_TIMELS] = take_timels,
        [UBX_NAV_STATUS] = take_status,   [UBX_NAV_SOL] = take_sol,
    };
    struct ubx_open_epoch *e = &g->epoch;
    if (m->kind == UBX_NAV_EOE && g->open && e->itow == m->itow)
        decide(g);
    if (!(KIND(m->kind) & TIMED))
        return true;
    if (!g->open || e->itow != m->itow || e->seen & KIND(m->kind)) {
        close_epoch(g);
        open_epoch(g, m->itow, local, burst);
    }
    e->last = local;
    e->seen |= KIND(m->kind);
    bool possible = take[m->kind](g, m);
    bool heard = g->usual && (e->seen & g->usual) == g->usual;
    if (denied(e) || (heard && conclusive(g)))
        decide(g);
    return possible;
}

enum leap ubx_epochs_leap(const struct ubx_epochs *g)
{
    return g->announced;
}

void ubx_epochs_settle(struct ubx_epochs *g, int64_t second)
{
    struct ubx_time t = g->epoch.time;
    if (!ubx_epochs_pending(g) || !conclusive(g))
        return;
    if ((t.given || gps_time(g, &t)) && t.second > second)
        return;
    decide(g);
}

void ubx_epochs_tick(struct ubx_epochs *g, int64_t now)
{
    if (ubx_epochs_pending(g) && now - g->epoch.last >= UBX_EPOCH_WAIT_NS)
        decide(g);
}

bool ubx_epochs_pending(const struct ubx_epochs *g)
{
    return g->open && !g->epoch.decided;
}

void ubx_epochs_flush(struct ubx_epochs *g)
{
    close_epoch(g);
}
