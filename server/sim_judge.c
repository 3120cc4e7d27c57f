/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim_judge.h"

#include <math.h>
#include <string.h>

#include "refclock/civil.h"

/* What reading a clock in whole nanoseconds and stamps of 2^-32 s may add. */
#define GRAIN 2e-9

static void look_at_clock(struct sim_judge *j, double error)
{
    const struct sim_world *w = j->world;
    double since = (double)(j->second - w->start) * 1e-9;
    if (fabs(error) >= 1e-5)
        j->to_10us = -1;
    else if (j->to_10us < 0)
        j->to_10us = llrint(since);
    if (since < w->scenario.settle)
        return;
    j->counted++;
    j->sum_square += error * error;
    j->max = fmax(j->max, fabs(error));
}

/* A client's question, answered by the daemon's own code. */
static bool ask(struct sim_judge *j, struct ntp_packet *answer)
{
    struct ntp_packet request = {.version = 4, .mode = WIRE_MODE_CLIENT, .transmit = 1};
    uint8_t question[WIRE_SIZE], reply[WIRE_SIZE];
    wire_encode(&request, question);
    handler_look(&j->handler);
    struct datagram d = {.bytes = question, .size = WIRE_SIZE, .received = j->handler.now};
    if (handler_answer(&j->handler, &d, reply) != WIRE_SIZE)
        return false;
    wire_decode(reply, answer);
    return true;
}

static void look_at_claim(struct sim_judge *j, const struct ntp_packet *p, int64_t truth)
{
    const struct snapshot *s = &j->handler.snapshot;
    int64_t served = civil_from_ntp(p->transmit, truth);
    double error = (double)(served - truth) * 1e-9, bound = p->root_dispersion / 65536.0;
    double age = (double)(j->handler.now - s->reference) * 1e-9;
    j->served++;
    j->served_max = fmax(j->served_max, fabs(error));
    j->outside += fabs(error) > fmin(bound, snapshot_bound(s, j->handler.now)) + GRAIN;
    j->outside_stat += fabs(error) > s->stat + s->drift * age + GRAIN;
    if (j->generation != s->generation)
        j->last_served = 0;
    j->generation = s->generation;
    j->backwards += j->last_served && served <= j->last_served;
    j->last_served = served;
    if (j->locked < 0)
        j->locked = (j->second - j->world->start) / NS_PER_S;
}

static void second_begins(void *arg, int64_t now)
{
    struct sim_judge *j = arg;
    struct ntp_packet p;
    (void)now;
    int64_t truth = sim_world_truth(j->world);
    double error = clock_virtual_error(&j->world->clock);
    j->seconds++;
    look_at_clock(j, error);
    if (ask(j, &p)) {
        if (p.leap != LEAP_UNKNOWN && p.stratum > 0 && p.stratum < 16)
            look_at_claim(j, &p, truth);
        else
            j->malformed += p.leap != LEAP_UNKNOWN || p.stratum != 0;
    }
    if (j->each)
        j->each(j->arg, j, error, &j->handler.snapshot);
    j->second += NS_PER_S;
    loop_after(sim_world_loop(j->world), &j->timer, j->second - truth);
}

void sim_judge_start(struct sim_judge *j, struct sim_world *w)
{
    memset(j, 0, sizeof *j);
    j->world = w;
    j->locked = j->to_10us = -1;
    j->timer = (struct loop_timer){.name = "judge", .fire = second_begins, .arg = j};
    handler_init(&j->handler, &w->daemon->latch, &w->clock.clock);
    int64_t truth = sim_world_truth(w);
    /* just before the second, so that this second's pulse has not been used yet */
    j->second = (truth / NS_PER_S + 1) * NS_PER_S - 1000;
    loop_after(sim_world_loop(w), &j->timer, j->second - truth);
}

void sim_judge_stop(struct sim_judge *j)
{
    loop_cancel(sim_world_loop(j->world), &j->timer);
}

double sim_judge_rms(const struct sim_judge *j)
{
    return j->counted ? sqrt(j->sum_square / (double)j->counted) : NAN;
}

bool sim_judge_clean(const struct sim_judge *j)
{
    return j->outside == 0 && j->backwards == 0 && j->malformed == 0;
}
