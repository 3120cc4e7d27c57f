/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/refclock.h"

#include <math.h>
#include <string.h>

#include "refclock/announce.h"

#define SECOND       INT64_C(1000000000)
#define LATE_NS      20000000 /* a second is over when its pulse is so late */
#define FIRST_STEP   0.5e-3   /* s, at the start: what is less is slewed */
#define PANIC        1000.0   /* s, RFC 5905 PANICT */
#define DOUBT_LABELS 2
#define UNDO_AGAIN_NS \
    (600 * SECOND)     /* a second foreign step within this: somebody else owns the clock */
#define ROW_DOUBTS 4   /* outliers in a row that say something about the estimate */
#define SYNC_BOUND 0.5 /* s: beyond, the second itself is not known */
#define SLEW_LEAST 1e-6

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
    r->regime_pulse = true;
    r->total = 16;
    numbering_init(&r->numbering);
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

/* ---- carrying out ---- */

static void note_step(struct refclock *r, double amount, bool foreign)
{
    r->last_step =
        (struct refclock_step){.truth = clock_now(r->clock), .amount = amount, .foreign = foreign};
}

static void make_step(struct refclock *r, const struct steering *order)
{
    struct err err;
    int64_t at;
    char line[512];
    announce_publish(r, true);
    if (clock_step(r->clock, order->amount, &at, &err)) {
        log_say(r->log, LOG_LEVEL_ERROR, "%s", err_line(&err, line, sizeof line));
        return;
    }
    r->steps++;
    r->to_undo = 0;
    note_step(r, order->amount, false);
    log_say(r->log, LOG_LEVEL_NOTICE, "clock stepped by %+.9f s: %s", order->amount, order->reason);
}

static void make_slew(struct refclock *r, const struct steering *order, double rest)
{
    struct err err;
    double set;
    int64_t at;
    char line[512];
    if (clock_set_freq(r->clock, order->amount, &set, &at, &err)) {
        if (log_allowed(&r->limit_tell, loop_now(r->loop), NULL))
            log_say(r->log, LOG_LEVEL_ERROR, "%s", err_line(&err, line, sizeof line));
        return;
    }
    discipline_steered(&r->discipline, set, clock_local(r->clock, at));
    r->rest = rest;
}

/* True when the offset is one that no receiver may talk a running clock into; what others stepped
 * is not its doing. */
static bool refuse(struct refclock *r, double off)
{
    double amount = off + r->to_undo;
    if (!r->steered_once || fabs(amount) <= PANIC)
        return false;
    r->refused++;
    if (log_allowed(&r->limit_refused, loop_now(r->loop), NULL))
        log_say(r->log, LOG_LEVEL_ERROR,
                "the source says the clock is %.3f s off, more than %.0f s: refused; check the "
                "receiver, then restart timeballd",
                amount, PANIC);
    r->state = REFCLOCK_UNSYNCHRONISED;
    return true;
}

/* Nothing may be followed now: a slew that is under way ends. */
static void end_slew(struct refclock *r)
{
    struct steering order = {.kind = STEER_SLEW, .amount = r->rest};
    if (r->steered_once && fabs(r->clock->freq - r->rest) > SLEW_LEAST)
        make_slew(r, &order, r->rest);
}

/* s, until a slew that begins now should be done: at the next second, or whenever it is looked at
 * again, for it stays in force until then. */
static double slew_time(const struct refclock *r, int64_t truth)
{
    double to_second = 1 - (double)(truth % SECOND) * 1e-9;
    int64_t look = r->second.due - r->loop->ops->steady(r->loop) - LATE_NS;
    return fmax(to_second, (double)look * 1e-9);
}

static void steer(struct refclock *r)
{
    struct estimate e;
    if (!r->clock->steerable || !discipline_ready(&r->discipline) || r->doubt)
        return;
    int64_t local = clock_local(r->clock, clock_now(r->clock));
    discipline_estimate(&r->discipline, local, &e);
    double off = announce_behind(r, &e);
    if (e.stat > SYNC_BOUND || refuse(r, off) || (r->foreign_clock && fabs(off) > FIRST_STEP)) {
        end_slew(r);
        return;
    }
    double horizon = slew_time(r, local + e.shift + llrint(e.offset * 1e9));
    double step_over = r->steered_once && r->to_undo == 0 ? r->config.steplimit : FIRST_STEP;
    r->steered_once = true;
    struct steering order = discipline_steer(&e, off, horizon, true, step_over);
    if (order.kind == STEER_STEP) {
        make_step(r, &order);
        discipline_estimate(&r->discipline, clock_local(r->clock, clock_now(r->clock)), &e);
        order = discipline_steer(&e, announce_behind(r, &e), horizon, false, 0);
    }
    make_slew(r, &order, e.freq);
}

/* ---- states ---- */

static double age_of(const struct refclock *r, const struct source *s)
{
    return s->last ? (double)(loop_now(r->loop) - s->last) * 1e-9 : INFINITY;
}

static enum refclock_state next_state(const struct refclock *r)
{
    struct estimate e;
    if (!discipline_ready(&r->discipline))
        return r->synced_once ? REFCLOCK_UNSYNCHRONISED : REFCLOCK_STARTING;
    discipline_estimate(&r->discipline, loop_now(r->loop), &e);
    struct bound_parts parts = announce_parts(r);
    double total = bound_total(e.stat, &parts);
    bool numbered =
        r->numbering.state == NUMBERING_NUMBERED || r->selection.choice == SELECT_MESSAGE;
    if (r->selection.choice != SELECT_NOTHING && total < SYNC_BOUND)
        return REFCLOCK_LOCKED;
    if (!r->synced_once)
        return REFCLOCK_STARTING;
    /* a second that is in doubt is no holdover: the estimate itself may rest on it */
    bool doubtful = r->doubt || (!numbered && r->numbering.state != NUMBERING_EMPTY);
    return total <= r->config.holdover_limit && !doubtful ? REFCLOCK_HOLDOVER
                                                          : REFCLOCK_UNSYNCHRONISED;
}

static void enter(struct refclock *r, enum refclock_state state)
{
    if (state == r->state)
        return;
    log_say(r->log, state == REFCLOCK_UNSYNCHRONISED ? LOG_LEVEL_WARNING : LOG_LEVEL_NOTICE,
            "%s (was %s): %s", refclock_state_name(state), refclock_state_name(r->state),
            r->selection.why);
    r->state = state;
    if (state == REFCLOCK_LOCKED)
        r->synced_once = true;
}

static struct selection selection_now(const struct refclock *r, double pulse_age)
{
    char evidence[256];
    struct select_input in = {
        .pulse = r->config.pulse_expected,
        .pulse_age = pulse_age,
        .message_age = age_of(r, &r->messages),
        .message_uncertainty = r->message_uncertainty,
        .numbering = r->numbering.state,
        .no_fix = r->no_fix,
        .off = r->pulses.in_row >= ROW_DOUBTS ? r->pulses.row_least : 0,
        .doubt = r->doubt > 0,
    };
    return select_source(&in, numbering_evidence(&r->numbering, evidence, sizeof evidence));
}

static void reselect(struct refclock *r)
{
    r->selection = selection_now(r, age_of(r, &r->pulses));
    if (r->state != REFCLOCK_UNSYNCHRONISED || !r->refused)
        enter(r, next_state(r));
}

/* All that follows from a measurement, or from a second without one. */
static void act(struct refclock *r)
{
    reselect(r);
    if (r->state == REFCLOCK_LOCKED || r->state == REFCLOCK_HOLDOVER ||
        r->state == REFCLOCK_UNSYNCHRONISED)
        steer(r);
    announce_publish(r, false);
    announce_to_kernel(r);
}

static void second_over(void *arg, int64_t now)
{
    struct refclock *r = arg;
    (void)now;
    source_second(&r->pulses, r->heard_pulse);
    source_second(&r->messages, r->heard_message);
    r->heard_pulse = r->heard_message = false;
    loop_after(r->loop, &r->second, SECOND);
    act(r);
}

static void jumped(void *arg, int64_t now, int64_t step)
{
    struct refclock *r = arg;
    uint64_t held = 0;
    r->foreign_steps++;
    r->to_undo += (double)step * 1e-9;
    note_step(r, (double)step * 1e-9, true);
    r->doubt = DOUBT_LABELS;
    r->foreign_clock = r->undone && now - r->undone < UNDO_AGAIN_NS;
    r->undone = now;
    if (log_allowed(&r->limit_foreign, now, &held))
        log_say(r->log, LOG_LEVEL_WARNING, "another program stepped the clock by %+.6f s: %s",
                (double)step * 1e-9,
                r->foreign_clock ? "again within ten minutes, so the clock is left to it and the "
                                   "estimate is served; stop it "
                                   "(chronyd, ntpd, date -s?) or set `clock none`"
                                 : "undone as soon as the second is confirmed");
    reselect(r);
    announce_publish(r, false);
}

/* ---- what drivers deliver ---- */

static void take(struct refclock *r, struct source *source, const struct sample *s)
{
    double innovation, sigma;
    discipline_innovation(&r->discipline, s, &innovation, &sigma);
    enum source_verdict verdict = source_judge(source, innovation, sigma, r->discipline.count);
    if (verdict == SOURCE_USED || verdict == SOURCE_REOPEN) {
        const struct thermal *t = &r->discipline.thermal;
        uint64_t turns = t->turns;
        discipline_update(&r->discipline, s, verdict == SOURCE_REOPEN);
        source->last = s->local;
        if (t->turns != turns)
            log_say(r->log, LOG_LEVEL_NOTICE, "the temperature is %s: %+.4f ppm/K, known to %.4f",
                    t->on ? "used, it helps" : "not used any more, it does not help",
                    t->per_kelvin * 1e6, sqrt(t->var_kelvin) * 1e6);
    } else if (source->in_row >= ROW_DOUBTS)
        r->discipline.doubt = fmax(r->discipline.doubt, fabs(source->row_least));
}

void refclock_edge(struct refclock *r, const struct edge *e)
{
    struct sample s;
    r->heard_pulse = true;
    if (!numbering_edge(&r->numbering, e, &s)) {
        reselect(r);
        return;
    }
    if (r->pulses.in_row >= ROW_DOUBTS || selection_now(r, 0).choice == SELECT_PULSE)
        take(r, &r->pulses, &s);
    /* the work of the second is done now; the timer only stands in for a pulse that is missing */
    source_second(&r->pulses, r->heard_pulse);
    source_second(&r->messages, r->heard_message);
    r->heard_pulse = r->heard_message = false;
    loop_after(r->loop, &r->second, SECOND + LATE_NS);
    act(r);
}

static void message_alone(struct refclock *r, const struct timelabel *l)
{
    struct sample s;
    numbering_message_sample(l, &s);
    r->message_uncertainty = s.uncertainty;
    if (r->config.pulse_expected || s.uncertainty >= SYNC_BOUND)
        return;
    r->regime_pulse = false;
    take(r, &r->messages, &s);
    act(r);
}

void refclock_label(struct refclock *r, const struct timelabel *l)
{
    struct sample s;
    enum numbering_state before = r->numbering.state;
    bool agreed = r->numbering.disagree == 0;
    r->heard_message = true;
    r->messages.last = l->local;
    enum numbering_state state = numbering_label(&r->numbering, l);
    if (state != before)
        log_say(r->log, LOG_LEVEL_INFO, "numbering is %s (was %s)", numbering_state_name(state),
                numbering_state_name(before));
    if (r->doubt && state == NUMBERING_NUMBERED && agreed && r->numbering.disagree == 0)
        r->doubt--;
    bool took = false;
    while (numbering_take(&r->numbering, &s)) {
        if (!discipline_reaches(&r->discipline, s.local))
            continue;
        take(r, &r->pulses, &s);
        took = true;
    }
    if (took)
        act(r);
    else
        message_alone(r, l);
    if (state != before)
        reselect(r);
}

void refclock_fix(struct refclock *r, bool fix)
{
    r->no_fix = !fix;
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
    r->loop->jumped = NULL;
}

const char *refclock_state_name(enum refclock_state s)
{
    static const char *const names[] = {
        [REFCLOCK_STARTING] = "starting",
        [REFCLOCK_LOCKED] = "locked",
        [REFCLOCK_HOLDOVER] = "holdover",
        [REFCLOCK_UNSYNCHRONISED] = "unsynchronised",
    };
    return names[s];
}
