/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the simulated receiver says of a second: the truth, and what is wrong with it. */
#include <math.h>

#include "drivers/sim/receiver.h"
#include "refclock/civil.h"

#define GPS_START     INT64_C(315964800)
#define LEAP_COUNT    18 /* GPS - UTC since 2017, s: that of the world at its start */
#define ERA_S         (INT64_C(1024) * 604800)
#define VERSION_EVERY 30 /* s */

const struct sim_span *sim_span_at(const struct sim_span *spans, double t)
{
    for (int i = 0; i < SIM_SPANS; i++)
        if (t >= spans[i].from && t < spans[i].to)
            return &spans[i];
    return NULL;
}

static double amount(const struct sim_span *spans, double t)
{
    const struct sim_span *s = sim_span_at(spans, t);
    return s ? s->by + s->rate * (t - s->from) : 0;
}

double sim_receiver_ahead(const struct sim_receiver_config *c, double t)
{
    return amount(c->pull, t);
}

bool sim_receiver_silent(const struct sim_receiver_config *c, double t)
{
    return sim_span_at(c->outage, t) || sim_span_at(c->no_pulse, t);
}

/* How a receiver of this style calls the second. */
static struct sim_name name_of(const struct sim_receiver *r, int64_t second)
{
    const struct sim_receiver_config *c = &r->config;
    const struct sim_utc *u = r->utc;
    if (!u || !u->leap)
        return (struct sim_name){.posix = second};
    double late = (double)(second - u->midnight);
    if (c->leap_style == SIM_LEAP_LATE && late < c->leap_late)
        return (struct sim_name){.posix = second};
    struct sim_name name = sim_utc_name(u, second);
    if (name.leap60 && c->leap_style == SIM_LEAP_59)
        name.posix--;
    if (c->leap_style != SIM_LEAP_60)
        name.leap60 = false;
    return name;
}

static void announce(const struct sim_receiver *r, int64_t second, struct sim_claim *claim)
{
    const struct sim_receiver_config *c = &r->config;
    const struct sim_utc *u = r->utc;
    int64_t at = r->start / NS_PER_S + llrint(c->false_leap_at);
    claim->change = (int)c->false_leap;
    if (u && u->leap && c->leap_style != SIM_LEAP_LATE) {
        claim->change = (int)u->leap;
        at = u->midnight;
    }
    claim->change_in = at - second;
    claim->change_day = at - GPS_START - 86400;
    if (claim->change_in <= 0)
        claim->change = 0;
}

static void say_sawtooth(struct sim_receiver *r, const struct sim_message *m,
                         struct sim_claim *claim)
{
    const struct sim_receiver_config *c = &r->config;
    double sign = c->qerr == SIM_QERR_REVERSED ? -1 : 1;
    bool lost = rng_uniform(&r->qerr_rng) < c->qerr_lost;
    claim->sawtooth_valid = rng_uniform(&r->qerr_rng) >= c->qerr_invalid;
    claim->sawtooth = lost || c->qerr == SIM_QERR_NONE ? NAN : sign * SIM_QERR_SIGN * m->qerr;
}

struct sim_claim sim_receiver_claim(struct sim_receiver *r, const struct sim_message *m)
{
    const struct sim_receiver_config *c = &r->config;
    double t = (double)(m->second * NS_PER_S - r->start) * 1e-9;
    int64_t ahead = llrint(sim_receiver_ahead(c, t));
    struct sim_name name = name_of(r, m->second);
    struct sim_claim claim = {
        .second = name.posix + ahead + llrint(amount(c->wrong, t)) - c->rollover * ERA_S,
        .leap60 = name.leap60,
        .fix = t >= c->first_fix && !sim_span_at(c->no_fix, t),
        .dated = true,
        .gps = m->second + ahead - GPS_START + LEAP_COUNT - c->rollover * ERA_S,
        .leap_known = t >= c->leap_known,
        .leap_count = (int)(LEAP_COUNT + m->second - name.posix),
        .north = amount(c->moved, t),
        .cn0 = amount(c->cn0, t),
        .jammed = sim_span_at(c->jammed, t),
        .spoofed = sim_span_at(c->spoofed, t),
        .with_version = m->second % VERSION_EVERY == 0,
        .with_pulse = c->edge.tells && m->second % VERSION_EVERY == 1,
        .falling = c->edge.polarity,
        .width = c->edge.width,
    };
    if (!claim.leap_known) {
        claim.second += c->leap_off;
        claim.leap_count -= (int)c->leap_off;
    }
    if (c->cold_date && t < c->first_fix)
        claim.second = GPS_START + llrint(t);
    announce(r, m->second, &claim);
    say_sawtooth(r, m, &claim);
    return claim;
}
