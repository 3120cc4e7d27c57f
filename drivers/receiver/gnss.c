/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/receiver/gnss.h"

#include <string.h>

#include "refclock/civil.h"

#define SAME_NS    INT64_C(5000000)    /* the last digit of 12:00:00.00, and its rounding */
#define BEHIND_NS  INT64_C(2000000000) /* further behind is another time, not a late one */
#define SKY_AGE_NS INT64_C(30000000000)
#define REPORT_NS  INT64_C(900000000) /* between reports */

static void emit(struct gnss *g, const struct nmea_epoch *e)
{
    uint64_t *const counts[] = {
        [NMEA_VOUCHED] = &g->counts.epochs,
        [NMEA_NO_FIX] = &g->counts.no_fix,
        [NMEA_NO_WORD] = &g->counts.no_word,
        [NMEA_NO_DATE] = &g->counts.no_date,
        [NMEA_CONTRADICTION] = &g->counts.contradictory,
        [NMEA_NO_UTC] = &g->counts.no_utc,
    };
    ++*counts[e->verdict];
    g->counts.era_moved += e->verdict == NMEA_VOUCHED && e->era_moved;
    g->sink->epoch(g->arg, e);
}

/* Seconds on a scale without a step at the last leap second. */
static int64_t steady(const struct gnss *g, const struct nmea_epoch *e)
{
    return e->second + (!e->leap60 && e->second >= g->leap_second);
}

/* Has the other protocol said this time already, or a later one? */
static bool said_already(const struct gnss *g, const struct gnss_voice *other,
                         const struct nmea_epoch *e)
{
    if (!other->said)
        return false;
    int64_t seconds = steady(g, e) - steady(g, &other->last);
    if (seconds > 1 || seconds < -BEHIND_NS / NS_PER_S)
        return false;
    int64_t ahead = seconds * NS_PER_S + e->nsec - other->last.nsec;
    return ahead <= SAME_NS && ahead > -BEHIND_NS;
}

static void vouch(struct gnss *g, struct gnss_voice *voice, const struct gnss_voice *other,
                  const struct nmea_epoch *e)
{
    if (e->leap60)
        g->leap_second = e->second;
    if (said_already(g, other, e))
        return;
    *voice = (struct gnss_voice){.said = true, .last = *e};
    emit(g, e);
}

/* Sentences of an earlier time that still wait for their verdict get it before this one's. */
static void settle_nmea(struct gnss *g, const struct nmea_epoch *e)
{
    const struct nmea_open_epoch *open = &g->nmea.epochs.epoch;
    const int64_t day = 86400 * NS_PER_S;
    if (!nmea_pending(&g->nmea) || !open->tod.given || !e->dated)
        return;
    int64_t ahead = (e->second % 86400 * NS_PER_S + e->nsec - open->tod.ns + day) % day;
    if (ahead > SAME_NS && ahead < day / 2)
        nmea_tick(&g->nmea, open->last + NMEA_EPOCH_WAIT_NS);
}

static void on_ubx_epoch(void *arg, const struct nmea_epoch *e)
{
    struct gnss *g = arg;
    settle_nmea(g, e);
    g->ubx_rules = true;
    g->ubx_last = e->verdict;
    g->ubx_local = e->local;
    if (e->verdict == NMEA_VOUCHED)
        vouch(g, &g->by_ubx, &g->by_nmea, e);
    else
        emit(g, e);
}

static void on_nmea_epoch(void *arg, const struct nmea_epoch *e)
{
    struct gnss *g = arg;
    /* it may have begun first, and it may deny */
    ubx_epochs_settle(&g->ubx.epochs,
                      e->dated ? e->second + (e->nsec + SAME_NS) / NS_PER_S : INT64_MAX);
    bool ruled = g->ubx_rules && e->local - g->ubx_local <= GNSS_UBX_RULES_NS;
    bool vouched = e->verdict == NMEA_VOUCHED;
    if (ruled && vouched != (g->ubx_last == NMEA_VOUCHED))
        return; /* what UBX said of it was passed on */
    if (vouched)
        vouch(g, &g->by_nmea, &g->by_ubx, e);
    else if (!ruled)
        emit(g, e);
}

static void on_ubx_sky(void *arg, const struct sky *sky)
{
    struct gnss *g = arg;
    g->ubx_sky = true;
    g->ubx_sky_local = g->now;
    if (g->sink->sky)
        g->sink->sky(g->arg, sky);
}

static void on_nmea_sky(void *arg, const struct sky *sky)
{
    struct gnss *g = arg;
    bool ruled = g->ubx_sky && g->now - g->ubx_sky_local <= SKY_AGE_NS;
    if (!ruled && g->sink->sky)
        g->sink->sky(g->arg, sky);
}

static void on_sawtooth(void *arg, const struct sawtooth *s)
{
    struct gnss *g = arg;
    if (g->sink->sawtooth)
        g->sink->sawtooth(g->arg, s);
}

static void on_leap(void *arg, const struct leap_claim *c)
{
    struct gnss *g = arg;
    if (g->sink->leap)
        g->sink->leap(g->arg, c);
}

/* Hands on what was told since the last time. */
static void report(struct gnss *g)
{
    uint64_t told = g->nmea.reported + g->ubx.reported;
    bool due = !g->reported || g->now - g->reported_local >= REPORT_NS;
    if (told == g->reported || !due)
        return;
    g->reported = told;
    g->reported_local = g->now;
    g->report.local = g->now;
    if (g->sink->report)
        g->sink->report(g->arg, &g->report);
}

static void on_text(void *arg, uint8_t byte, int64_t local, int64_t burst)
{
    nmea_byte(&((struct gnss *)arg)->nmea, byte, local, burst);
}

static void on_frame(void *arg, const struct ubx_frame *frame, int64_t local, int64_t burst)
{
    struct gnss *g = arg;
    ubx_take(&g->ubx, frame, local, burst);
    g->nmea.no_position |= g->ubx.told.place;
    if (g->sink->frame)
        g->sink->frame(g->arg, frame);
}

void gnss_init(struct gnss *g, int64_t pivot, const struct gnss_sink *sink, void *arg)
{
    static const struct stream_sink stream_sink = {.text = on_text, .ubx = on_frame};
    static const struct nmea_sink nmea_sink = {
        .epoch = on_nmea_epoch, .sky = on_nmea_sky, .sawtooth = on_sawtooth, .leap = on_leap};
    static const struct ubx_sink ubx_sink = {
        .epoch = on_ubx_epoch, .sky = on_ubx_sky, .sawtooth = on_sawtooth, .leap = on_leap};
    g->counts = (struct gnss_counts){0};
    g->sink = sink;
    g->arg = arg;
    stream_init(&g->stream, &stream_sink, g);
    nmea_init(&g->nmea, pivot, &nmea_sink, g);
    ubx_init(&g->ubx, pivot, &ubx_sink, g);
    g->nmea.report = g->ubx.report = &g->report;
    gnss_reset(g);
}

void gnss_pivot(struct gnss *g, int64_t pivot)
{
    g->nmea.epochs.pivot = g->ubx.epochs.pivot = pivot;
}

void gnss_reset(struct gnss *g)
{
    stream_reset(&g->stream);
    nmea_reset(&g->nmea);
    ubx_reset(&g->ubx);
    g->by_nmea = g->by_ubx = (struct gnss_voice){0};
    g->ubx_rules = g->ubx_sky = false;
    g->leap_second = INT64_MAX;
    receiver_report_init(&g->report);
    g->reported = g->nmea.reported = g->ubx.reported = 0;
    g->now = 0;
}

void gnss_feed(struct gnss *g, const void *bytes, size_t size, int64_t now)
{
    g->now = now;
    stream_feed(&g->stream, bytes, size, now);
    report(g);
}

void gnss_tick(struct gnss *g, int64_t now)
{
    g->now = now;
    stream_tick(&g->stream, now);
    ubx_tick(&g->ubx, now);
    nmea_tick(&g->nmea, now);
    report(g);
}

bool gnss_pending(const struct gnss *g)
{
    return stream_pending(&g->stream) || nmea_pending(&g->nmea) || ubx_pending(&g->ubx);
}

void gnss_flush(struct gnss *g)
{
    stream_flush(&g->stream);
    ubx_flush(&g->ubx);
    nmea_flush(&g->nmea);
}
