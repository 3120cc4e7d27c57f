/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/lead.h"

#include <math.h>
#include <stdio.h>

#include "refclock/announce.h"
#include "refclock/civil.h"

#define ROW_DOUBTS 4      /* outliers in a row that say something about the estimate */
#define BIAS_MOST  1e-3   /* s: a greater difference is taken over at once */
#define BIAS_RATE  0.5e-6 /* s a second of it at most, ... */
#define BIAS_TIME  300.0  /* s, ... and such a share of it */
#define BIAS_LEAST 1e-10
#define BURST_S    3.0 /* between the answers of a server that was asked for several */
#define JUDGED_FEW 8   /* measurements that its noise is known from */

static struct receiver_moment moment(const struct refclock *r, int who, int arriving)
{
    return (struct receiver_moment){
        .now = loop_now(r->loop),
        .doubt = r->doubt > 0,
        .arriving = who == arriving,
        .aside = discipline_aside(&r->discipline, loop_now(r->loop)),
    };
}

/* The bound of the estimate by itself, s; INFINITY: it is worth nothing yet. */
static double own_bound(const struct refclock *r)
{
    struct estimate e;
    if (!discipline_ready(&r->discipline) || !r->synced_once)
        return INFINITY;
    discipline_estimate(&r->discipline, loop_now(r->loop), &e);
    return e.stat;
}

/*
 * A receiver is gone and network servers could lead. Until its bound has passed the limit the
 * estimate itself knows better, unless it is the receiver that was wrong, or the servers say so of
 * the estimate.
 */
static bool is_held_over(const struct refclock *r, const struct selected *s)
{
    const struct receiver *next = &r->receiver[s->leader];
    const struct receiver *led = &r->receiver[r->led];
    bool was_receiver = r->led_once && !led->config.peer;
    bool doubtful = led->edge.verdict == EDGE_WRONG ||
                    (led->config.pulses && led->numbering.state != NUMBERING_NUMBERED &&
                     led->numbering.state != NUMBERING_EMPTY);
    if (!next->config.peer || !was_receiver || !r->synced_once || doubtful)
        return false;
    /* as it is now: what was published last would leave a second to nobody */
    struct bound_parts parts = announce_parts(r);
    double total = bound_total(own_bound(r), &parts);
    return total <= r->config.holdover_limit && s->of[r->led].verdict != VERDICT_FALSE &&
           fabs(next->witness.median) <= receiver_bound(next) + own_bound(r);
}

/* `arriving`: its measurement has just come; -1: none has. fitness[] gets one for each source. */
static void select_now(const struct refclock *r, int arriving, struct fitness *fitness,
                       struct selected *out)
{
    struct candidate candidate[REFCLOCK_SOURCES];
    for (int i = 0; i < r->count; i++) {
        struct receiver_moment m = moment(r, i, arriving);
        fitness[i] = receiver_fitness(&r->receiver[i], &m);
        receiver_candidate(&r->receiver[i], &m, &fitness[i], &candidate[i]);
    }
    select_leader(candidate, r->count, r->leader, own_bound(r), out);
    if (out->leader >= 0 && is_held_over(r, out))
        select_hold(out, r->count);
}

static void move_estimate(struct refclock *r, double by)
{
    discipline_shift(&r->discipline, by);
    for (int i = 0; i < r->count; i++)
        witness_shift(&r->receiver[i].witness, by);
}

/* Others agree with the clock's own course that the receiver which led is wrong: what it pulled is
 * undone. */
static void drop_pulled(struct refclock *r)
{
    double by = discipline_return(&r->discipline);
    r->receiver[r->leader].pulled = true;
    for (int i = 0; i < r->count; i++)
        witness_return(&r->receiver[i].witness);
    log_say(r->log, LOG_LEVEL_WARNING,
            "%s pulled the clock by %+.9f s, which its own course and other sources contradict: "
            "undone; see whether the receiver is being spoofed or jammed",
            r->receiver[r->leader].config.name, -by);
}

/* What a source says more than the estimate, and is taken over slowly: network servers share it,
 * for they feed the estimate together. */
static double bias_of(const struct refclock *r, const struct receiver *one)
{
    bool together = one->config.peer && r->leader >= 0 && r->receiver[r->leader].config.peer;
    return together ? r->receiver[r->leader].bias : one->bias;
}

/* The same servers as before feed the estimate, with another one at their head. */
static void pass_on(struct refclock *r, int next)
{
    struct receiver *before = &r->receiver[r->led];
    double bias = before->bias;
    before->bias = 0;
    r->receiver[next].bias = bias;
    r->leader = r->led = next;
}

/*
 * What a receiver knows better than the servers before is taken over at once, inside the bound that
 * was served. What a network server says otherwise is taken over slowly where the estimate, which
 * knew better until now, and the server both allow for the difference.
 */
static bool is_slow(const struct refclock *r, const struct receiver *before,
                    const struct receiver *one, double off)
{
    if (before->config.peer && !one->config.peer)
        return false;
    if (fabs(off) < BIAS_MOST)
        return true;
    return one->config.peer && r->synced_once && fabs(off) <= receiver_bound(one) + own_bound(r);
}

/* The estimate goes on with another source's measurements. */
static void follow(struct refclock *r, int next)
{
    bool agrees = r->leader >= 0 && r->selected.of[r->leader].verdict != VERDICT_FALSE;
    if (agrees && r->receiver[r->leader].config.peer && r->receiver[next].config.peer) {
        pass_on(r, next);
        return;
    }
    struct receiver *one = &r->receiver[next];
    const struct witness *w = &one->witness;
    bool change = r->led_once && next != r->led && r->discipline.started;
    double off = witness_speaks(w, loop_now(r->loop)) ? w->median : 0;
    const struct receiver *before = &r->receiver[r->led];
    r->leader = r->led = next;
    r->led_once = true;
    if (!change)
        return;
    r->changes++;
    one->bias = is_slow(r, before, one, off) ? off : 0;
    if (one->bias == 0)
        move_estimate(r, off);
    if (!one->config.peer && w->judged >= JUDGED_FEW && w->variance > 0)
        discipline_measure(&r->discipline, w->variance);
    one->pulses.in_row = 0;
    one->pulses.row_least = r->discipline.doubt = 0;
    log_say(r->log, LOG_LEVEL_NOTICE,
            "%s leads now instead of %s, from which it differs by %+.9f s", one->config.name,
            before->config.name, off);
}

static void explain(struct refclock *r, const struct fitness *fitness)
{
    static const struct fitness_input none;
    if (r->count == 0)
        r->selection = fitness_judge(&none, "");
    else if (r->leader >= 0)
        r->selection = fitness[r->leader];
    else {
        r->selection = fitness[r->led];
        r->selection.choice = FITNESS_NOTHING;
        if (r->selected.disputed)
            snprintf(r->selection.why, sizeof r->selection.why,
                     "the sources contradict each other, and no majority decides; see `timeballctl "
                     "sources`");
        else if (fitness[r->led].choice != FITNESS_NOTHING)
            snprintf(r->selection.why, sizeof r->selection.why, "%.190s",
                     r->selected.of[r->led].why);
    }
}

/*
 * Two network servers or more agree with the receiver, and none with the clock's own course: it is
 * the crystal that jumped. Other receivers may be pulled by the same signal.
 */
static void clear_by_servers(struct refclock *r)
{
    int agree = 0;
    if (r->leader < 0 || !refclock_contradicted(r) || r->selected.disputed)
        return;
    double aside = discipline_aside(&r->discipline, loop_now(r->loop));
    double promise = own_bound(r) - fabs(aside);
    for (int i = 0; i < r->count; i++) {
        const struct receiver *one = &r->receiver[i];
        if (!one->config.peer || r->selected.of[i].verdict != VERDICT_STANDBY)
            continue;
        if (fabs(one->witness.median - aside) <= receiver_bound(one) + promise)
            return;
        agree++;
    }
    if (agree < 2)
        return;
    discipline_clear(&r->discipline);
    log_say(r->log, LOG_LEVEL_NOTICE,
            "%s is right, as %d servers say: the clock's oscillator jumped",
            r->receiver[r->leader].config.name, agree);
}

/* What is followed is in doubt, and the status says so. */
static void explain_doubt(struct refclock *r)
{
    if (r->leader < 0 || !refclock_contradicted(r))
        return;
    char *why = r->selected.of[r->leader].why;
    snprintf(why, sizeof r->selected.of[0].why,
             "leads, but doubtful: it is %.3g us off the clock's own course; the bound holds both "
             "until they agree or two other sources decide; see whether it is spoofed or jammed",
             1e6 * fabs(discipline_aside(&r->discipline, loop_now(r->loop))));
    snprintf(r->selection.why, sizeof r->selection.why, "%.190s", why);
}

/*
 * What no source may talk a clock into that was synchronised once, however long it insists. Only
 * one whose second comes with its measurement: numbers of pulses are judged before.
 */
static bool refuses(struct refclock *r, struct receiver *one, double off)
{
    bool refused = r->synced_once && one->config.samples && fabs(off) > REFCLOCK_PANIC;
    one->refused = refused ? off : 0;
    if (!refused)
        return false;
    r->refused++;
    if (log_allowed(&r->limit_refused, loop_now(r->loop), NULL))
        log_say(r->log, LOG_LEVEL_ERROR,
                "%s says that the clock is %+.0f s off, more than %.0f s: refused; if it is right, "
                "restart timeballd",
                one->config.name, off, REFCLOCK_PANIC);
    return true;
}

/* Whether the estimate would have to go that far to follow it: no majority is right in that. */
static bool leads_astray(struct refclock *r, int next)
{
    struct receiver *one = &r->receiver[next];
    bool speaks = r->discipline.started && witness_speaks(&one->witness, loop_now(r->loop));
    return next != r->leader && speaks && refuses(r, one, one->witness.median);
}

void lead_choose(struct refclock *r)
{
    struct fitness fitness[REFCLOCK_SOURCES];
    select_now(r, -1, fitness, &r->selected);
    if (r->leader >= 0 && r->selected.of[r->leader].verdict == VERDICT_FALSE &&
        refclock_contradicted(r)) {
        drop_pulled(r);
        select_now(r, -1, fitness, &r->selected);
    }
    while (r->selected.leader >= 0 && leads_astray(r, r->selected.leader))
        select_now(r, -1, fitness, &r->selected);
    int next = r->selected.leader;
    if (next >= 0 && next != r->leader)
        follow(r, next);
    r->leader = next;
    explain(r, fitness);
    clear_by_servers(r);
    explain_doubt(r);
}

bool lead_settled(const struct refclock *r)
{
    int64_t now = loop_now(r->loop);
    bool peer = r->leader >= 0 && r->receiver[r->leader].config.peer;
    for (int i = 0; r->leader >= 0 && i < r->count; i++) {
        const struct receiver *one = &r->receiver[i];
        bool speaks_soon = receiver_age(one->messages.last, now) < BURST_S;
        if (one->config.peer && r->selected.of[i].verdict == VERDICT_NEW && (peer || speaks_soon))
            return false;
    }
    return !peer || witness_speaks(&r->receiver[r->leader].witness, now);
}

static bool in_doubt(const struct refclock *r, int who)
{
    return r->receiver[who].pulses.in_row >= ROW_DOUBTS;
}

bool lead_wants(const struct refclock *r, int who)
{
    struct receiver_moment m = moment(r, who, who);
    return in_doubt(r, who) || r->receiver[who].pulled ||
           receiver_fitness(&r->receiver[who], &m).choice != FITNESS_NOTHING;
}

/* Whether the estimate waits for this source's measurement. */
static bool feeds(const struct refclock *r, int who)
{
    struct fitness fitness[REFCLOCK_SOURCES];
    struct selected s;
    if (r->receiver[who].config.noselect || r->receiver[who].pulled)
        return false;
    if (r->leader >= 0)
        return who == r->leader || r->selected.of[who].verdict == VERDICT_COMBINED;
    if (r->count == 1)
        return true;
    select_now(r, who, fitness, &s);
    return s.leader == who || (s.leader < 0 && !s.disputed && who == r->led);
}

static void note_thermal(const struct refclock *r, uint64_t turns)
{
    const struct thermal *t = &r->discipline.thermal;
    if (t->turns != turns)
        log_say(r->log, LOG_LEVEL_NOTICE, "the temperature is %s: %+.4f ppm/K, known to %.4f",
                t->on ? "used, it helps" : "not used any more, it does not help",
                t->per_kelvin * 1e6, sqrt(t->var_kelvin) * 1e6);
}

/* `before`: whether the clock's own course contradicted the source already. */
static void note_course(const struct refclock *r, const struct receiver *one, bool before)
{
    bool now = refclock_contradicted(r);
    if (now && !before)
        log_say(
            r->log, LOG_LEVEL_WARNING,
            "%s is doubtful: it moves as the clock's oscillator has never done; the bound holds "
            "what either says, until they agree or other sources decide",
            one->config.name);
    else if (before && !now)
        log_say(r->log, LOG_LEVEL_NOTICE, "%s and the clock's own course agree again",
                one->config.name);
}

/* What the sources said is held against another estimate from now on. */
static void forget_witnesses(struct refclock *r)
{
    for (int i = 0; i < r->count; i++)
        r->receiver[i].witness.count = r->receiver[i].witness.next = 0;
}

static struct source *counts_of(struct receiver *one)
{
    return one->config.pulses || one->config.samples ? &one->pulses : &one->messages;
}

/* What a receiver said of this pulse; NAN: nothing. */
static double said_of(const struct receiver *one, const struct sample *s)
{
    return s->pulse ? sawtooth_of(&one->sawtooth, s->local, (s->truth + NS_PER_S / 2) / NS_PER_S)
                    : (double)NAN;
}

/* A pulse was judged: what it said by itself, s, and what was said of it (NAN: nothing known, or it
 * was not believed). */
static void judge_sawtooth(const struct refclock *r, struct receiver *one, int64_t local, double z,
                           double said)
{
    char sentence[192];
    if (sawtooth_judge(&one->sawtooth, local, z, said))
        log_say(r->log, LOG_LEVEL_NOTICE, "%s: its sawtooth is %s", one->config.name,
                sawtooth_sentence(&one->sawtooth, sentence, sizeof sentence));
}

static void take(struct refclock *r, struct receiver *one, const struct sample *given)
{
    struct source *source = counts_of(one);
    struct sample s = *given;
    double innovation, sigma;
    double bias = bias_of(r, one), said = said_of(one, given);
    double off = one->sawtooth.on && !isnan(said) ? said : 0;
    s.fraction -= bias + off;
    discipline_innovation(&r->discipline, &s, &innovation, &sigma);
    if (refuses(r, one, innovation)) {
        witness_note(&one->witness, innovation + bias, s.local);
        return;
    }
    enum source_verdict verdict = source_judge(source, innovation, sigma, r->discipline.count);
    if (r->discipline.started)
        witness_note(&one->witness, innovation + bias, s.local);
    judge_sawtooth(r, one, s.local, innovation + off, verdict == SOURCE_USED ? said : (double)NAN);
    if (verdict == SOURCE_USED || verdict == SOURCE_REOPEN) {
        uint64_t turns = r->discipline.thermal.turns;
        bool contradicted = refclock_contradicted(r);
        discipline_update(&r->discipline, &s, verdict == SOURCE_REOPEN);
        source->last = s.local;
        note_thermal(r, turns);
        note_course(r, one, contradicted);
        if (verdict == SOURCE_REOPEN)
            forget_witnesses(r);
    } else if (source->in_row >= ROW_DOUBTS)
        r->discipline.doubt = fmax(r->discipline.doubt, fabs(source->row_least));
}

/* A source that stands by is judged against what it said before. */
static void watch(struct refclock *r, struct receiver *one, const struct sample *s)
{
    struct witness *w = &one->witness;
    double z, sigma, usual = fmax(w->spread, sqrt(w->variance)), said = said_of(one, s);
    double corrected = one->sawtooth.on && !isnan(said) ? said : 0;
    discipline_innovation(&r->discipline, s, &z, &sigma);
    z -= corrected;
    if (r->leader >= 0 || fabs(z) <= REFCLOCK_PANIC)
        one->refused = 0; /* those that agree decide */
    bool known = w->count >= WITNESS_KEEPS && usual > 0;
    double off = known ? z - w->median : 0;
    struct source *source = counts_of(one);
    enum source_verdict verdict = source_judge(source, off, known ? usual : INFINITY, UINT64_MAX);
    source->offset = z;
    witness_note(w, z, s->local);
    judge_sawtooth(r, one, s->local, z + corrected, verdict == SOURCE_USED ? said : (double)NAN);
    if (verdict == SOURCE_USED)
        source->last = s->local;
}

/* Also against the clock's own course, while that is another one. */
static void note_aside(struct refclock *r, struct receiver *one, int64_t local)
{
    struct witness *w = &one->witness;
    if (w->last == local)
        witness_aside(w, discipline_aside(&r->discipline, local));
    if (!one->pulled ||
        !discipline_agrees(&r->discipline, local, w->own_median, receiver_bound(one)))
        return;
    one->pulled = false;
    log_say(r->log, LOG_LEVEL_NOTICE, "%s agrees with the clock's own course again",
            one->config.name);
}

bool lead_deliver(struct refclock *r, int who, const struct sample *s)
{
    struct receiver *one = &r->receiver[who];
    bool mine = feeds(r, who);
    one->uncertainty = s->uncertainty;
    if (mine)
        take(r, one, s);
    else if (r->discipline.started)
        watch(r, one, s);
    note_aside(r, one, s->local);
    return mine;
}

void lead_second(struct refclock *r)
{
    if (r->leader < 0)
        return;
    struct receiver *one = &r->receiver[r->leader];
    double most = fmin(BIAS_RATE, fmax(fabs(one->bias) / BIAS_TIME, BIAS_LEAST));
    double part = copysign(fmin(most, fabs(one->bias)), one->bias);
    if (part == 0)
        return;
    one->bias -= part;
    move_estimate(r, part);
}

enum receiver_trust lead_trust(const struct refclock *r, int who, const char **why)
{
    const struct receiver *one = &r->receiver[who];
    *why = one->trust_why;
    if (one->trust == TRUST_REJECTED || one->removed)
        return one->trust;
    if (one->pulled) {
        *why = r->selected.of[who].why;
        return TRUST_REJECTED;
    }
    if (who != r->leader || !refclock_contradicted(r) || one->trust == TRUST_DOUBTFUL)
        return one->trust;
    *why = r->selected.of[who].why;
    return TRUST_DOUBTFUL;
}
