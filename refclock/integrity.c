/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/integrity.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "refclock/civil.h"

#define DRIVES_M_S    100.0 /* nothing on wheels goes faster */
#define CLOCK_RESET_S 1e-3  /* receivers move their clock by whole milliseconds */
#define CLOCK_STEP_S  1e-6  /* as 300 m of range */
#define CLOCK_GAP_S   5.0
#define CLOCKS_LEAST  10
#define ROW_GAP_S     15.0 /* epochs further apart are no row */
#define LEAP_FORGET_S 86400.0

/* How a sign counts. */
enum weight {
    LASTING, /* doubtful, once it has lasted */
    AT_ONCE, /* doubtful */
    GRAVE,   /* rejected, at once */
};

void integrity_init(struct integrity *g, enum integrity_site mode)
{
    memset(g, 0, sizeof *g);
    g->mode = mode;
    site_init(&g->site, mode == SITE_FIXED);
    strength_init(&g->strength);
    for (int i = 0; i < SIGN_COUNT; i++) {
        g->sign[i].level = TRUST_TRUSTED;
        g->sign[i].began = g->sign[i].last = INT64_MIN;
    }
    g->at_home = g->away = INT64_MIN;
    snprintf(g->why, sizeof g->why, "nothing was reported yet");
}

static double seconds(int64_t from, int64_t to)
{
    return (double)(to - from) * 1e-9;
}

/* ---- signs ---- */

/* The sign is there in this epoch. */
__attribute__((format(printf, 5, 6))) static void raise_sign(struct integrity *g,
                                                             enum integrity_sign sign,
                                                             enum weight weight, int64_t local,
                                                             const char *fmt, ...)
{
    enum receiver_trust level = weight == GRAVE ? TRUST_REJECTED : TRUST_DOUBTFUL;
    va_list ap;
    if (g->sign[sign].last == INT64_MIN || seconds(g->sign[sign].last, local) > ROW_GAP_S)
        g->sign[sign].began = local;
    g->sign[sign].last = local;
    va_start(ap, fmt);
    vsnprintf(g->sign[sign].why, sizeof g->sign[sign].why, fmt, ap);
    va_end(ap);
    if (weight == LASTING && seconds(g->sign[sign].began, local) < INTEGRITY_RISE_S)
        return;
    if (g->sign[sign].level < level)
        g->sign[sign].level = level;
}

static void let_signs_go(struct integrity *g, int64_t local)
{
    for (int i = 0; i < SIGN_COUNT; i++)
        if (g->sign[i].last != INT64_MIN && seconds(g->sign[i].last, local) >= INTEGRITY_HOLD_S)
            g->sign[i].level = TRUST_TRUSTED;
}

static bool any_sign(const struct integrity *g, int64_t local)
{
    for (int i = 0; i < SIGN_COUNT; i++)
        if (g->sign[i].level > TRUST_TRUSTED || g->sign[i].last == local)
            return true;
    return false;
}

/* ---- the place ---- */

/* Left for good, by somebody who may: another place is learned. */
static void forget_site(struct integrity *g)
{
    site_init(&g->site, g->mode == SITE_FIXED);
    g->at_home = g->away = INT64_MIN;
    g->leapt = false;
    g->sign[SIGN_MOVED].level = TRUST_TRUSTED;
    g->sign[SIGN_MOVED].last = INT64_MIN;
}

static void away_from_home(struct integrity *g, const struct integrity_input *in, double distance)
{
    if (g->away == INT64_MIN) {
        double took = seconds(g->at_home, in->local);
        double free_way = site_limit(&g->site, in->accuracy);
        g->away = in->local;
        g->leapt = g->at_home != INT64_MIN && distance > free_way + DRIVES_M_S * fmax(1, took);
    }
    double forget = g->leapt ? LEAP_FORGET_S : INTEGRITY_FORGET_S;
    if (g->mode == SITE_AUTO && seconds(g->away, in->local) >= forget) {
        forget_site(g);
        return;
    }
    raise_sign(g, SIGN_MOVED, g->mode == SITE_FIXED || g->leapt ? GRAVE : LASTING, in->local,
               "position moved %.0f m in %.0f s", distance,
               g->at_home == INT64_MIN ? 0 : seconds(g->at_home, in->local));
}

static void watch_place(struct integrity *g, const struct integrity_input *in)
{
    if (!in->positioned || in->fixed || g->mode == SITE_MOBILE || !g->site.known)
        return;
    double distance = site_distance(&g->site, in->ecef);
    if (distance > site_limit(&g->site, in->accuracy)) {
        away_from_home(g, in, distance);
        return;
    }
    g->at_home = in->local;
    g->away = INT64_MIN;
    g->leapt = false;
}

/* Nothing is learned while anything is in doubt. */
static void learn_place(struct integrity *g, const struct integrity_input *in)
{
    if (in->positioned && !in->fixed && g->mode != SITE_MOBILE && !any_sign(g, in->local))
        site_learn(&g->site, in->ecef, in->local);
}

/* ---- signals, clock, detectors, others ---- */

static void watch_strength(struct integrity *g, const struct integrity_input *in)
{
    double step = in->satellite ? strength_take(&g->strength, in->satellite, in->satellites) : 0;
    if (step == 0)
        return;
    /* the means follow: what is told is the step at its beginning */
    bool new = g->sign[SIGN_STRENGTH].last == INT64_MIN ||
               seconds(g->sign[SIGN_STRENGTH].last, in->local) > ROW_GAP_S;
    if (new || fabs(step) > fabs(g->step))
        g->step = step;
    raise_sign(g, SIGN_STRENGTH, LASTING, in->local,
               "C/N0 of all %d satellites %s by %.0f dB at once", g->strength.compared,
               g->step > 0 ? "rose" : "fell", fabs(g->step));
}

/* The bias goes on by the drift, but for whole milliseconds. */
static void watch_clock(struct integrity *g, const struct integrity_input *in)
{
    bool known = !isnan(in->bias) && !isnan(in->drift);
    double since = seconds(g->clock_local, in->local);
    if (known && g->clocked && since == 0)
        return; /* an epoch that came in pieces is reported more than once */
    bool goes_on = known && g->clocked && since > 0 && since <= CLOCK_GAP_S;
    if (goes_on && g->clocks >= CLOCKS_LEAST) {
        double drift = (g->drift + in->drift) / 2;
        double step = remainder(in->bias - g->bias - drift * since, CLOCK_RESET_S);
        if (fabs(step) > CLOCK_STEP_S + fabs(in->drift - g->drift) * since)
            raise_sign(g, SIGN_CLOCK, AT_ONCE, in->local, "the receiver's clock jumped by %.1f us",
                       step * 1e6);
    }
    g->clocks = goes_on ? g->clocks + (g->clocks < CLOCKS_LEAST) : 0;
    g->clocked = known;
    g->bias = in->bias;
    g->drift = in->drift;
    g->clock_local = in->local;
}

static void watch_flag(struct integrity *g, const struct integrity_input *in,
                       enum integrity_sign sign, enum integrity_flag flag, const char *warning,
                       const char *bad)
{
    if (flag >= FLAG_WARNING)
        raise_sign(g, sign, flag == FLAG_BAD && sign != SIGN_ANTENNA ? GRAVE : LASTING, in->local,
                   "%s", flag == FLAG_BAD ? bad : warning);
}

static void watch_flags(struct integrity *g, const struct integrity_input *in)
{
    watch_flag(g, in, SIGN_SPOOFING, in->spoofing, "the receiver sees an indication of spoofing",
               "the receiver sees several indications of spoofing");
    watch_flag(g, in, SIGN_JAMMING, in->jamming, "the receiver sees jamming",
               "the receiver sees jamming that takes its fix");
    watch_flag(g, in, SIGN_ANTENNA, in->antenna, "the antenna is open",
               "the antenna is short-circuited");
}

static void watch_others(struct integrity *g, const struct integrity_input *in)
{
    if (in->others >= 2 && in->contradict == in->others)
        raise_sign(g, SIGN_OTHERS, LASTING, in->local,
                   "all %d other sources differ from it by %.3g ms or more", in->others,
                   in->disagreement * 1e3);
}

/* ---- the verdict ---- */

/* What says that nothing is wrong; "" when there is nothing that could. */
static void name_watched(const struct integrity *g, const struct integrity_input *in, char *buf,
                         size_t size)
{
    bool clock = in->fixed && g->clocks >= CLOCKS_LEAST;
    *buf = 0;
    if (!g->site.known && in->spoofing != FLAG_GOOD && !clock)
        return;
    int n = g->site.known ? snprintf(buf, size, "at its site, known to %.1f m", g->site.spread)
            : in->fixed   ? snprintf(buf, size, "its position is fixed")
                          : snprintf(buf, size, "its site is not watched");
    snprintf(buf + n, size - (size_t)n, "; spoofing %s; jamming %s; antenna %s; C/N0 %s",
             in->spoofing == FLAG_GOOD ? "not seen" : "not monitored",
             in->jamming == FLAG_GOOD ? "not seen" : "not monitored",
             in->antenna == FLAG_GOOD ? "ok" : "not monitored",
             g->strength.compared >= STRENGTH_LEAST ? "steady" : "not monitored");
}

static void say_unwatched(struct integrity *g, int64_t local)
{
    double learned = g->site.since == INT64_MIN ? 0 : seconds(g->site.since, local);
    if (g->mode == SITE_MOBILE || g->site.since == INT64_MIN)
        snprintf(g->why, sizeof g->why, "the receiver reports nothing that could be watched");
    else
        snprintf(g->why, sizeof g->why, "its site is being learned: %.0f of %d minutes",
                 floor(learned / 60), (g->site.stated ? SITE_STATED_S : SITE_LEARN_S) / 60);
}

static void judge(struct integrity *g, const struct integrity_input *in)
{
    g->trust = TRUST_TRUSTED;
    for (int i = 0; i < SIGN_COUNT; i++)
        if (g->sign[i].level > g->trust) {
            g->trust = g->sign[i].level;
            snprintf(g->why, sizeof g->why, "%s", g->sign[i].why);
        }
    if (g->trust > TRUST_TRUSTED)
        return;
    name_watched(g, in, g->why, sizeof g->why);
    if (*g->why)
        return;
    g->trust = TRUST_NOT_MONITORED;
    say_unwatched(g, in->local);
}

void integrity_silent(struct integrity *g)
{
    if (g->trust == TRUST_TRUSTED)
        g->trust = TRUST_NOT_MONITORED;
    if (g->trust == TRUST_NOT_MONITORED)
        snprintf(g->why, sizeof g->why, "the receiver says nothing now");
}

void integrity_take(struct integrity *g, const struct integrity_input *in)
{
    let_signs_go(g, in->local);
    watch_flags(g, in);
    watch_strength(g, in);
    watch_clock(g, in);
    watch_others(g, in);
    watch_place(g, in);
    learn_place(g, in);
    judge(g, in);
}
