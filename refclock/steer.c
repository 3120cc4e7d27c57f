/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/steer.h"

#include <math.h>

#include "refclock/announce.h"

#define SECOND        INT64_C(1000000000)
#define FIRST_STEP    0.5e-3 /* s, at the start: what is less is slewed */
#define DOUBT_LABELS  2
#define UNDO_AGAIN_NS (600 * SECOND) /* foreign steps within this: the clock is somebody else's */
#define SLEW_LEAST    1e-6

static void note_step(struct refclock *r, double amount, bool foreign)
{
    r->last_step =
        (struct refclock_step){.truth = clock_now(r->clock), .amount = amount, .foreign = foreign};
    if (foreign)
        r->foreign_step = r->last_step;
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
    if (!r->steered_once || fabs(amount) <= REFCLOCK_PANIC)
        return false;
    r->refused++;
    if (log_allowed(&r->limit_refused, loop_now(r->loop), NULL))
        log_say(r->log, LOG_LEVEL_ERROR,
                "the source says the clock is %.3f s off, more than %.0f s: refused; check the "
                "receiver, then restart timeballd",
                amount, REFCLOCK_PANIC);
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
    int64_t look = r->second.due - r->loop->ops->steady(r->loop) - REFCLOCK_LATE_NS;
    return fmax(to_second, (double)look * 1e-9);
}

void steer_clock(struct refclock *r)
{
    struct estimate e;
    if (!r->clock->steerable || !discipline_ready(&r->discipline) || r->doubt ||
        leap_carry_holds(r))
        return;
    int64_t local = clock_local(r->clock, clock_now(r->clock));
    discipline_estimate(&r->discipline, local, &e);
    double off = announce_behind(r, &e);
    if (e.stat > REFCLOCK_SYNC_BOUND || refuse(r, off) ||
        (r->foreign_clock && fabs(off) > FIRST_STEP)) {
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

void steer_jumped(struct refclock *r, int64_t now, double step)
{
    uint64_t held = 0;
    r->foreign_steps++;
    r->to_undo += step;
    note_step(r, step, true);
    r->doubt = DOUBT_LABELS;
    r->foreign_clock = r->undone && now - r->undone < UNDO_AGAIN_NS;
    r->undone = now;
    if (log_allowed(&r->limit_foreign, now, &held))
        log_say(r->log, LOG_LEVEL_WARNING, "another program stepped the clock by %+.6f s: %s", step,
                r->foreign_clock ? "again within ten minutes, so the clock is left to it and the "
                                   "estimate is served; stop it (chronyd, ntpd, "
                                   "date -s?) or set `clock none`"
                                 : "undone as soon as the second is confirmed");
}
