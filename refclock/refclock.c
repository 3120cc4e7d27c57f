/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/refclock.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "refclock/announce.h"
#include "refclock/delays.h"
#include "refclock/lead.h"
#include "refclock/steer.h"

#define SECOND            INT64_C(1000000000)
#define WITNESS_INTERVALS 8 /* of a network server, for which what it said stands */

static void second_over(void *arg, int64_t now);
static void jumped(void *arg, int64_t now, int64_t step);

void refclock_init(struct refclock *r, const struct refclock_config *config, struct loop *loop,
                   const struct log *log, struct snapshot_latch *latch)
{
    memset(r, 0, sizeof *r);
    r->config = *config;
    r->loop = loop;
    r->clock = loop->clock;
    r->log = log;
    r->latch = latch;
    r->second = (struct loop_timer){.name = "second", .fire = second_over, .arg = r};
    r->total = 16;
    r->leader = -1;
    leap_carry_init(r);
    discipline_init(&r->discipline, r->clock->freq, loop_now(loop));
    r->precision = clock_precision(r->clock);
}

bool refclock_estimate(const struct refclock *r, struct estimate *e)
{
    if (!r->discipline.started)
        return false;
    discipline_estimate(&r->discipline, clock_local(r->clock, clock_now(r->clock)), e);
    return true;
}

void refclock_warm(struct refclock *r, const struct memory *m)
{
    discipline_warm(&r->discipline, m);
}

struct memory refclock_memory(const struct refclock *r)
{
    return r->synced_once ? discipline_memory(&r->discipline, loop_now(r->loop))
                          : (struct memory){0};
}

/* ---- states ---- */

double refclock_holdover_limit(const struct refclock *r)
{
    const struct receiver *led = refclock_leader(r);
    /* what came over a network was never better than its paths: the limit is a receiver's */
    return led && led->config.peer ? fmax(REFCLOCK_SYNC_BOUND, r->config.holdover_limit)
                                   : r->config.holdover_limit;
}

/* Without a source: how long is the time carried on, and as what? */
static enum refclock_state without_source(const struct refclock *r, double total)
{
    if (total <= refclock_holdover_limit(r))
        return REFCLOCK_HOLDOVER;
    return r->config.local_stratum ? REFCLOCK_ISLAND : REFCLOCK_UNSYNCHRONISED;
}

static enum refclock_state next_state(const struct refclock *r)
{
    struct estimate e;
    if (!discipline_ready(&r->discipline))
        return r->synced_once ? REFCLOCK_UNSYNCHRONISED : REFCLOCK_STARTING;
    discipline_estimate(&r->discipline, loop_now(r->loop), &e);
    struct bound_parts parts = announce_parts(r);
    double total = bound_total(e.stat, &parts);
    const struct receiver *led = refclock_leader(r);
    bool numbered = !led || led->config.samples || led->numbering.state == NUMBERING_NUMBERED ||
                    r->selection.choice == FITNESS_MESSAGE;
    if (!r->synced_once && !lead_settled(r))
        return REFCLOCK_STARTING;
    if (r->selection.choice != FITNESS_NOTHING && total < REFCLOCK_SYNC_BOUND)
        return REFCLOCK_LOCKED;
    if (!r->synced_once)
        return REFCLOCK_STARTING;
    /* a second that is in doubt is no holdover: the estimate itself may rest on it */
    bool doubtful = r->doubt || (!numbered && led->numbering.state != NUMBERING_EMPTY) ||
                    (led && led->edge.verdict == EDGE_WRONG);
    return doubtful ? REFCLOCK_UNSYNCHRONISED : without_source(r, total);
}

static void enter(struct refclock *r, enum refclock_state state)
{
    if (state == r->state)
        return;
    log_say(r->log, state >= REFCLOCK_ISLAND ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
            "%s (was %s): %s", refclock_state_name(state), refclock_state_name(r->state),
            r->selection.why);
    r->state = state;
    if (state == REFCLOCK_LOCKED)
        r->synced_once = true;
}

static void reselect(struct refclock *r)
{
    lead_choose(r);
    if (r->state != REFCLOCK_UNSYNCHRONISED || !r->refused)
        enter(r, next_state(r));
}

/* All that follows from a measurement, or from a second without one. */
static void act(struct refclock *r)
{
    leap_carry_look(r);
    reselect(r);
    if (r->state != REFCLOCK_STARTING)
        steer_clock(r);
    announce_publish(r, false);
    announce_to_kernel(r);
}

static void end_second(struct refclock *r, int64_t next)
{
    for (struct receiver *one = r->receiver; one < r->receiver + r->count; one++) {
        source_second(&one->pulses, one->heard_pulse);
        source_second(&one->messages, one->heard_message);
        one->heard_pulse = one->heard_message = false;
    }
    lead_second(r);
    loop_after(r->loop, &r->second, next);
    act(r);
}

static void second_over(void *arg, int64_t now)
{
    (void)now;
    end_second(arg, SECOND);
}

static void jumped(void *arg, int64_t now, int64_t step)
{
    struct refclock *r = arg;
    steer_jumped(r, now, (double)step * 1e-9);
    reselect(r);
    announce_publish(r, false);
}

/* ---- what drivers deliver ---- */

/* A flag beside the time is all that some sources say of leap seconds. */
static void hear_flag(struct refclock *r, int who, enum leap change)
{
    struct leap_claim claim = {.tai = LEAP_COUNT_UNKNOWN, .change = change};
    if (change != LEAP_UNKNOWN && !r->receiver[who].leap_local)
        leap_carry_heard(r, r->receiver[who].config.name, &claim);
}

/* The leader's pulse does the work of its second at once; the timer only stands in for one that is
 * missing. */
static bool sets_the_pace(const struct refclock *r, int who)
{
    return who == r->leader || (r->leader < 0 && who == r->led);
}

static void check_edge(struct refclock *r, int who)
{
    const struct receiver *one = &r->receiver[who];
    if (!receiver_check_edge(r->receiver, r->count, who, loop_now(r->loop)))
        return;
    log_say(r->log, one->edge.verdict == EDGE_WRONG ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO,
            "the edge of %s is %s%s%s", one->config.name, edge_verdict_name(one->edge.verdict),
            *one->edge.why ? ": " : "", one->edge.why);
    reselect(r);
}

void refclock_edge(struct refclock *r, int who, const struct edge *e)
{
    struct receiver *one = &r->receiver[who];
    struct sample s;
    edge_check_edge(&one->edge, e);
    testimony_edge(&one->testimony, e->local, sawtooth_named(&one->sawtooth, e->local));
    check_edge(r, who);
    one->heard_pulse = one->config.pulses = true; /* from the first on they are waited for */
    one->config.samples = false;
    if (!numbering_edge(&one->numbering, e, &s)) {
        reselect(r);
        return;
    }
    if (lead_wants(r, who))
        lead_deliver(r, who, &s);
    if (sets_the_pace(r, who))
        end_second(r, SECOND + REFCLOCK_LATE_NS);
}

static void message_alone(struct refclock *r, int who, const struct timelabel *l)
{
    struct receiver *one = &r->receiver[who];
    struct sample s;
    numbering_message_sample(l, &s);
    one->message_uncertainty = s.uncertainty;
    if (one->config.pulses || s.uncertainty >= REFCLOCK_SYNC_BOUND)
        return;
    r->doubt -= r->doubt > 0;
    if (lead_deliver(r, who, &s))
        act(r);
}

/*
 * A receiver stood by a leap second that nobody had announced: time is counted anew, and what the
 * filter knows of the oscillator stays.
 */
static void follow_number(struct refclock *r, int who)
{
    struct receiver *one = &r->receiver[who];
    int64_t by = one->renumbered;
    if (!by || one->numbering.state != NUMBERING_NUMBERED)
        return;
    one->renumbered = 0;
    if (who != r->led || !r->led_once || !r->discipline.started)
        return;
    if (fabs(delays_number_off(r, &one->numbering) - (double)by) > REFCLOCK_SYNC_BOUND)
        return; /* it has come back to what the estimate says */
    discipline_leap(&r->discipline, by);
    log_say(r->log, LOG_LEVEL_WARNING,
            "%s has gone on for a minute after a leap second that nobody announced: the time moves "
            "by %+lld s",
            one->config.name, (long long)by);
}

void refclock_label(struct refclock *r, int who, const struct timelabel *l)
{
    struct receiver *one = &r->receiver[who];
    struct numbering *n = &one->numbering;
    struct sample s;
    enum numbering_state before = n->state;
    bool agreed = n->disagree == 0;
    one->heard_message = true;
    one->messages.last = l->local;
    hear_flag(r, who, l->leap);
    uint64_t renumbered = n->renumbered;
    struct timelabel own = *l;
    if (one->config.pulses &&
        (!testimony_label(&one->testimony, &own) || !delays_label(r, who, &own)))
        return;
    enum numbering_state state = numbering_label(n, &own);
    if (one->config.pulses) {
        check_edge(r, who);
        delays_learn(r, who);
    }
    one->renumbered += n->renumbered != renumbered ? n->renumbered_by : 0;
    follow_number(r, who);
    if (state != before)
        log_say(r->log, LOG_LEVEL_INFO, "numbering %s%sis %s (was %s)",
                r->count > 1 ? one->config.name : "", r->count > 1 ? " " : "",
                numbering_state_name(state), numbering_state_name(before));
    if (r->doubt && state == NUMBERING_NUMBERED && agreed && n->disagree == 0)
        r->doubt--;
    bool took = false;
    while (numbering_take(n, &s))
        if (discipline_reaches(&r->discipline, s.local))
            took |= lead_deliver(r, who, &s);
    if (took)
        act(r);
    else
        message_alone(r, who, l);
    if (state != before)
        reselect(r);
}

void refclock_sample(struct refclock *r, int who, const struct sample *s)
{
    struct receiver *one = &r->receiver[who];
    one->heard_pulse = true;
    /* what another program sends shows itself with the first, too: pulses or numbered samples */
    one->config.samples |= !one->config.pulses;
    receiver_heard(one, s->local);
    hear_flag(r, who, s->leap);
    if (s->uncertainty >= REFCLOCK_SYNC_BOUND || !discipline_reaches(&r->discipline, s->local))
        return;
    r->doubt -= r->doubt > 0;
    if (lead_deliver(r, who, s))
        act(r);
}

void refclock_remote(struct refclock *r, int who, const struct receiver_remote *remote)
{
    struct receiver *one = &r->receiver[who];
    one->remote = *remote;
    one->witness.life = WITNESS_INTERVALS * remote->interval;
}

void refclock_forget(struct refclock *r, int who)
{
    struct receiver *one = &r->receiver[who];
    struct receiver_config config = one->config;
    bool led = r->led == who && r->led_once;
    struct receiver_remote remote = one->remote;
    double bias = one->bias;
    receiver_init(one, &config);
    if (!led)
        return;
    /* what it left behind in the estimate is still served */
    one->remote = remote;
    one->bias = bias;
}

void refclock_sawtooth(struct refclock *r, int who, const struct sawtooth *s)
{
    sawtooth_hear(&r->receiver[who].sawtooth, s);
}

void refclock_pulse(struct refclock *r, int who, const struct edge_hint *hint)
{
    r->receiver[who].edge.hint = *hint;
}

void refclock_leap(struct refclock *r, int who, const struct leap_claim *l)
{
    r->receiver[who].leap = *l;
    r->receiver[who].leap_local = loop_now(r->loop);
    leap_carry_heard(r, r->receiver[who].config.name, l);
}

void refclock_fix(struct refclock *r, int who, bool fix)
{
    r->receiver[who].no_fix = !fix;
}

void refclock_trust(struct refclock *r, int who, enum receiver_trust trust, const char *why)
{
    struct receiver *one = &r->receiver[who];
    if (trust != one->trust)
        log_say(r->log, trust > TRUST_TRUSTED ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
                "%s is %s: %s", one->config.name, receiver_trust_name(trust), why);
    one->trust = trust;
    snprintf(one->trust_why, sizeof one->trust_why, "%s", why);
}

int refclock_add(struct refclock *r, const struct receiver_config *config)
{
    int who = 0;
    /* of the one that led last the estimate is still made, and what it said is served */
    while (who < r->count && (!r->receiver[who].removed || (r->led_once && who == r->led)))
        who++;
    if (who == REFCLOCK_SOURCES)
        return -1;
    r->count += who == r->count;
    receiver_init(&r->receiver[who], config);
    return who;
}

void refclock_remove(struct refclock *r, int who)
{
    leap_forget(&r->leap.table, LEAP_BY_RECEIVER, r->receiver[who].config.name);
    refclock_forget(r, who);
    r->receiver[who].removed = true;
}

const struct receiver *refclock_leader(const struct refclock *r)
{
    return r->count ? &r->receiver[r->leader >= 0 ? r->leader : r->led] : NULL;
}

bool refclock_contradicted(const struct refclock *r)
{
    return discipline_contradicted(&r->discipline);
}

void refclock_temperature(struct refclock *r, double celsius)
{
    discipline_temperature(&r->discipline, celsius, loop_now(r->loop));
}

void refclock_start(struct refclock *r)
{
    r->loop->jumped = jumped;
    r->loop->jumped_arg = r;
    announce_publish(r, false);
    loop_after(r->loop, &r->second, SECOND);
}

void refclock_stop(struct refclock *r)
{
    loop_cancel(r->loop, &r->second);
    leap_carry_stop(r);
    r->loop->jumped = NULL;
}

const char *refclock_state_name(enum refclock_state s)
{
    static const char *const names[] = {
        [REFCLOCK_STARTING] = "starting",
        [REFCLOCK_LOCKED] = "locked",
        [REFCLOCK_HOLDOVER] = "holdover",
        [REFCLOCK_ISLAND] = "island",
        [REFCLOCK_UNSYNCHRONISED] = "unsynchronised",
    };
    return names[s];
}
