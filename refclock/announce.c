/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/announce.h"

#include <math.h>

#include "refclock/holdover.h"

#define DRIFT_FLOOR  1e-9 /* of the bound's growth between two snapshots */
#define FREQ_SIGMAS  6.0
#define FOREIGN_FREQ 1e-7
#define REFID_LOCAL  SNAPSHOT_REFID('L', 'O', 'C', 'L')

double announce_behind(const struct refclock *r, const struct estimate *e)
{
    return (double)(e->shift - r->clock->stepped) * 1e-9 + e->offset;
}

struct bound_parts announce_parts(const struct refclock *r)
{
    const struct receiver *led = refclock_leader(r);
    struct bound_parts parts = {.latency = r->discipline.uncertainty};
    if (!led)
        return parts;
    if (led->trust == TRUST_DOUBTFUL)
        parts.latency *= 2;
    parts.receiver = fabs(led->bias);
    parts.sawtooth = sawtooth_left(&led->sawtooth);
    return parts;
}

double refclock_passes(const struct refclock *r, double limit)
{
    struct bound_parts parts = announce_parts(r);
    if (!r->discipline.started)
        return NAN;
    return holdover_passes(&r->discipline, &parts, loop_now(r->loop), limit);
}

static uint32_t refid_of(const struct refclock *r)
{
    const struct receiver *led = refclock_leader(r);
    if (led && led->config.peer)
        return led->remote.refid;
    if (led && led->config.refid)
        return led->config.refid;
    return led && !led->config.pulses && !led->config.samples ? r->config.refid_message
                                                              : r->config.refid;
}

/* Who speaks through it: the source that leads or led, or, on an island, nobody. */
static void sign(const struct refclock *r, struct snapshot *s)
{
    const struct receiver *led = refclock_leader(r);
    bool peer = led && led->config.peer;
    s->stratum = peer ? (uint8_t)(led->remote.stratum + 1) : 1;
    s->root_delay = peer ? led->remote.root_delay : 0;
    s->refid = refid_of(r);
    if (r->state == REFCLOCK_ISLAND) {
        s->stratum = (uint8_t)r->config.local_stratum;
        s->refid = REFID_LOCAL;
    }
    leap_carry_snapshot(r, s);
}

void announce_publish(struct refclock *r, bool transition)
{
    struct snapshot s = {
        .stratum = 16, .leap = LEAP_UNKNOWN, .total = 16, .stat = 16, .drift = 15e-6};
    struct estimate e;
    s.precision = (int8_t)r->precision;
    s.generation = r->clock->generation;
    s.transition = transition;
    s.locked_once = r->synced_once;
    s.reference = clock_now(r->clock);
    if (discipline_ready(&r->discipline)) {
        struct bound_parts parts = announce_parts(r);
        discipline_estimate(&r->discipline, clock_local(r->clock, s.reference), &e);
        s.shift = e.shift - r->clock->stepped;
        s.offset = e.offset;
        s.rate = e.rate;
        s.stat = e.stat;
        s.total = bound_total(e.stat, &parts);
        s.drift = DRIFT_FLOOR + FREQ_SIGMAS * e.freq_sigma;
        s.reftime = r->discipline.last_truth;
    }
    r->total = s.total;
    if (r->state == REFCLOCK_LOCKED || r->state == REFCLOCK_HOLDOVER || r->state == REFCLOCK_ISLAND)
        sign(r, &s);
    snapshot_publish(r->latch, &s);
}

void announce_to_kernel(struct refclock *r)
{
    struct estimate e;
    struct err err;
    if (!r->clock->steerable)
        return;
    bool synced =
        (r->state == REFCLOCK_LOCKED || r->state == REFCLOCK_HOLDOVER) && !r->foreign_clock;
    struct clock_report report = {
        .synced = synced, .leap = LEAP_NONE, .est_error = 16, .max_error = 16};
    if (refclock_estimate(r, &e)) {
        report.est_error = e.sigma + fabs(announce_behind(r, &e));
        report.max_error = r->total + fabs(announce_behind(r, &e));
    }
    if (synced)
        leap_carry_report(r, &report);
    if (clock_tell(r->clock, &report, &r->freq_seen, &err)) {
        char line[512];
        if (log_allowed(&r->limit_tell, loop_now(r->loop), NULL))
            log_say(r->log, LOG_LEVEL_ERROR, "%s", err_line(&err, line, sizeof line));
        return;
    }
    if (fabs(r->freq_seen - r->clock->freq) > FOREIGN_FREQ) {
        r->foreign_freqs++;
        if (log_allowed(&r->limit_foreign, loop_now(r->loop), NULL))
            log_say(r->log, LOG_LEVEL_WARNING,
                    "another program set the clock's frequency to %.3f ppm; stop it (chronyd, "
                    "ntpd, systemd-timesyncd?) or "
                    "set `clock none`",
                    r->freq_seen * 1e6);
    }
}
