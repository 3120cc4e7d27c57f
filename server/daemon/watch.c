/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/watch.h"

#include <math.h>
#include <string.h>

#include "server/daemon/daemon.h"

static enum integrity_flag flag_of_interference(int interference)
{
    static const enum integrity_flag flags[] = {
        [INTERFERENCE_NONE] = FLAG_GOOD,
        [INTERFERENCE_WARNING] = FLAG_WARNING,
        [INTERFERENCE_CRITICAL] = FLAG_BAD,
    };
    return flags[interference];
}

static enum integrity_flag flag_of_antenna(int antenna)
{
    static const enum integrity_flag flags[] = {
        [ANTENNA_OK] = FLAG_GOOD,
        [ANTENNA_SHORT] = FLAG_BAD,
        [ANTENNA_OPEN] = FLAG_WARNING,
    };
    return flags[antenna];
}

void watch_init(struct daemon_source *s)
{
    integrity_init(&s->integrity, (enum integrity_site)s->config->site);
    s->satellites = -1;
}

void watch_sky(struct daemon_source *s, const struct sky *sky)
{
    s->satellites = 0;
    for (int i = 0; i < sky->count && i < SKY_MAX; i++)
        s->satellite[s->satellites++] = (struct strength_satellite){
            .key = sky->satellite[i].system << 16 | (sky->satellite[i].id & 0xffff),
            .cn0 = sky->satellite[i].cn0,
        };
}

/* The other sources that speak, and those that cannot be right where this one is. */
static void compare(const struct daemon_source *s, struct integrity_input *in)
{
    const struct refclock *r = &s->daemon->refclock;
    const struct receiver *mine = &r->receiver[s->who];
    in->disagreement = (double)INFINITY;
    if (!witness_speaks(&mine->witness, in->local))
        return;
    for (int i = 0; i < r->count; i++) {
        const struct receiver *other = &r->receiver[i];
        if (other == mine || !witness_speaks(&other->witness, in->local))
            continue;
        double apart = fabs(other->witness.median - mine->witness.median);
        in->others++;
        if (apart <= receiver_bound(mine) + receiver_bound(other))
            continue;
        in->contradict++;
        in->disagreement = fmin(in->disagreement, apart);
    }
}

void watch_report(struct daemon_source *s, const struct receiver_report *report)
{
    struct integrity_input in = {
        .local = loop_now(s->daemon->world.loop),
        .positioned = report->positioned,
        .fixed = report->survey == SURVEY_FIXED,
        .accuracy = report->position_accuracy,
        .bias = report->clock_bias,
        .drift = report->clock_drift,
        .jamming = flag_of_interference(report->jamming),
        .spoofing = flag_of_interference(report->spoofing),
        .antenna = flag_of_antenna(report->antenna),
        .satellite = s->satellites >= 0 ? s->satellite : NULL,
        .satellites = s->satellites,
    };
    const struct edge_hint hint = {.marks = report->pulse_polarity,
                                   .width = report->pulse_width,
                                   .usual = report->usual_delay};
    memcpy(in.ecef, report->ecef, sizeof in.ecef);
    compare(s, &in);
    integrity_take(&s->integrity, &in);
    s->satellites = -1;
    refclock_pulse(&s->daemon->refclock, s->who, &hint);
    refclock_trust(&s->daemon->refclock, s->who, s->integrity.trust, s->integrity.why);
}

void watch_silent(struct daemon_source *s)
{
    struct receiver_report *r = &s->report;
    if (!s->reported)
        return;
    r->antenna = ANTENNA_UNKNOWN;
    r->jamming = r->spoofing = INTERFERENCE_UNKNOWN;
    r->jam_level = -1;
    integrity_silent(&s->integrity);
    refclock_trust(&s->daemon->refclock, s->who, s->integrity.trust, s->integrity.why);
}
