/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/judge.h"

#include <math.h>
#include <string.h>

#include "refclock/civil.h"

/* What reading a clock in whole nanoseconds and stamps of 2^-32 s may add. */
#define GRAIN 2e-9

#define SETTLED_S 600
#define AGAIN_S   60
#define WARM_S    10
#define LEAST     1e-12 /* s, of the first bin */
#define WIDTH     1.01

static void look_at_settling(struct sim_settling *s, double error, int64_t since)
{
    if (s->done)
        return;
    if (!(fabs(error) < s->limit))
        s->since = -1;
    else if (s->since < 0)
        s->since = since;
    s->done = s->since >= 0 && since - s->since >= SETTLED_S;
}

double sim_judge_freq(const struct sim_judge *j)
{
    const struct clock_virtual *c = &j->world->clock;
    return (1 + c->osc) * (1 + c->clock.freq) - 1;
}

static void count_error(struct sim_judge *j, double error)
{
    double size = fabs(error), freq = sim_judge_freq(j);
    int bin = size > LEAST ? (int)fmin(log(size / LEAST) / log(WIDTH), SIM_JUDGE_BINS - 1) : 0;
    j->bin[bin]++;
    j->counted++;
    j->sum_square += error * error;
    j->freq_square += freq * freq;
    j->max = fmax(j->max, size);
    if (isnan(j->served_error))
        return;
    j->bounds++;
    j->stat_sum += j->served_stat;
    j->total_sum += j->served_total;
}

/* The receiver is away. */
static void hold(struct sim_judge *j, double error, int64_t since)
{
    j->silent++;
    j->back = since;
    j->back_1us = (struct sim_settling){.limit = 1e-6, .since = -1};
    j->hold_end = error;
    j->hold_worst = fmax(j->hold_worst, fabs(error));
    if (j->silent == 3600)
        j->hold_1h = error;
    if (j->silent == 86400)
        j->hold_1d = error;
}

static void look_at_clock(struct sim_judge *j, double error)
{
    const struct sim_world *w = j->world;
    double t = (double)(j->second - w->start) * 1e-9;
    int64_t since = llrint(t);
    bool silent = sim_world_silent(w, t);
    look_at_settling(&j->to_10us, error, since);
    look_at_settling(&j->to_1us, error, since);
    if (j->locked >= 0 && (silent || !w->daemon))
        j->idle = since;
    if (silent && j->locked >= 0) {
        hold(j, error, since);
        return;
    }
    j->silent = 0;
    look_at_settling(&j->back_1us, error, since);
    if (j->started > 0 && since > j->started + WARM_S && since <= j->started + WARM_S + AGAIN_S) {
        j->warm_square += error * error;
        j->warm_count++;
    }
    if (!silent && t >= w->scenario.settle && (j->idle < 0 || since > j->idle + AGAIN_S))
        count_error(j, error);
}

/* A client's question, answered by the daemon's own code. */
static bool ask(struct sim_judge *j, struct ntp_packet *answer)
{
    struct ntp_packet request = {.version = 4, .mode = WIRE_MODE_CLIENT, .transmit = 1};
    uint8_t question[WIRE_SIZE], reply[REPLY_SIZE];
    wire_encode(&request, question);
    handler_look(&j->handler);
    struct datagram d = {.bytes = question, .size = WIRE_SIZE, .received = j->handler.now};
    if (handler_answer(&j->handler, &d, reply) != WIRE_SIZE)
        return false;
    wire_decode(reply, answer);
    return true;
}

/* Does the status say that the second is in doubt, that nothing but the delay tells it, or nothing
 * the edge? */
static bool is_said(struct sim_judge *j)
{
    const struct status_clock *clock = &daemon_status(j->world->daemon)->clock;
    const char *evidence = clock->evidence;
    return strcmp(clock->numbering, "numbered") != 0 || strstr(evidence, "delay only") ||
           strstr(evidence, "unverified");
}

/* UTC as NTP counts it, of a moment of the world. */
static int64_t utc_of(const struct sim_judge *j, int64_t truth)
{
    return truth - sim_utc_behind(&j->world->scenario.utc, truth / NS_PER_S) * NS_PER_S;
}

/* A leap second lets the time run back, once. */
static bool ran_back(const struct sim_judge *j, int64_t served, int64_t truth)
{
    int64_t leap = sim_leap_begins(&j->world->scenario.utc);
    return j->last_served && served <= j->last_served && !(j->last_asked < leap && truth >= leap);
}

/* A client that was told the time before: does it see a step beyond what it was promised? */
static void look_at_jump(struct sim_judge *j, double error, double bound)
{
    j->jumps += fabs(error - j->told_error) > j->told_bound + GRAIN;
    j->told_error = error;
    j->told_bound = bound;
}

static void look_at_claim(struct sim_judge *j, const struct ntp_packet *p, int64_t now)
{
    int64_t truth = utc_of(j, now);
    const struct snapshot *s = &j->handler.snapshot;
    int64_t served = civil_from_ntp(p->transmit, truth);
    double error = (double)(served - truth) * 1e-9, bound = p->root_dispersion / 65536.0;
    double age = (double)(j->handler.now - s->reference) * 1e-9;
    j->served++;
    j->served_error = error;
    j->served_stat = s->stat + s->drift * age;
    j->served_total = snapshot_bound(s, j->handler.now);
    j->served_max = fmax(j->served_max, fabs(error));
    look_at_jump(j, error, fmin(bound, j->served_total));
    j->stratum = p->stratum;
    j->stratum_most = p->stratum > j->stratum_most ? p->stratum : j->stratum_most;
    bool outside = fabs(error) > fmin(bound, j->served_total) + GRAIN;
    j->outside += outside;
    j->unsaid += outside && !is_said(j);
    j->outside_stat += fabs(error) > j->served_stat + GRAIN;
    if (j->generation != s->generation)
        j->last_served = 0;
    j->generation = s->generation;
    j->backwards += ran_back(j, served, now);
    j->last_served = served;
    j->last_asked = now;
    sim_leap_answer(&j->leap, p, now, error);
    if (j->locked < 0)
        j->locked = (j->second - j->world->start) / NS_PER_S;
}

/* Asks the daemon now and holds its answer against the truth; no figure of the clock is touched. */
static void probe(void *arg)
{
    struct sim_judge *j = arg;
    struct ntp_packet p;
    int64_t truth = sim_world_truth(j->world);
    bool claims = false;
    j->served_error = NAN;
    if (j->world->daemon && ask(j, &p)) {
        claims = p.leap != LEAP_UNKNOWN && p.stratum > 0 && p.stratum < 16;
        if (claims)
            look_at_claim(j, &p, truth);
        else
            j->malformed += p.leap != LEAP_UNKNOWN || p.stratum != 0;
    }
    if (!claims)
        sim_leap_answer(&j->leap, NULL, truth, 0);
}

static void second_begins(void *arg, int64_t now)
{
    struct sim_judge *j = arg;
    (void)now;
    int64_t truth = sim_world_truth(j->world);
    double error = clock_virtual_error(&j->world->clock) +
                   sim_utc_behind(&j->world->scenario.utc, truth / NS_PER_S);
    j->seconds++;
    probe(j);
    look_at_clock(j, error);
    if (j->each)
        j->each(j->arg, j, error);
    do /* not the seconds that the machine slept through */
        j->second += NS_PER_S;
    while (j->second <= truth);
    loop_after(sim_world_loop(j->world), &j->timer, j->second - truth);
}

void sim_judge_start(struct sim_judge *j, struct sim_world *w)
{
    memset(j, 0, sizeof *j);
    j->world = w;
    j->locked = j->back = j->idle = -1;
    j->to_10us = (struct sim_settling){.limit = 10e-6, .since = -1};
    j->to_1us = (struct sim_settling){.limit = 1e-6, .since = -1};
    j->told_error = j->served_error = j->hold_1h = j->hold_1d = j->hold_end = j->hold_worst = NAN;
    j->timer = (struct loop_timer){.name = "judge", .fire = second_begins, .arg = j};
    handler_init(&j->handler, &w->daemon->latch, &w->clock.clock);
    int64_t truth = sim_world_truth(w);
    /* just before the second, so that this second's pulse has not been used yet */
    j->second = (truth / NS_PER_S + 1) * NS_PER_S - 1000;
    loop_after(sim_world_loop(w), &j->timer, j->second - truth);
    sim_leap_start(&j->leap, w, probe, j);
}

void sim_judge_follow(struct sim_judge *j)
{
    struct sim_world *w = j->world;
    j->last_served = 0;
    j->told_error = NAN;
    if (!w->daemon)
        return;
    handler_init(&j->handler, &w->daemon->latch, &w->clock.clock);
    j->started = (sim_world_truth(w) - w->start) / NS_PER_S;
}

void sim_judge_stop(struct sim_judge *j)
{
    loop_cancel(sim_world_loop(j->world), &j->timer);
    sim_leap_stop(&j->leap);
}

double sim_judge_rms(const struct sim_judge *j)
{
    return j->counted ? sqrt(j->sum_square / (double)j->counted) : NAN;
}

double sim_judge_quantile(const struct sim_judge *j, double share)
{
    double wanted = share * (double)j->counted;
    uint64_t below = 0;
    if (!j->counted)
        return NAN;
    for (int i = 0; i < SIM_JUDGE_BINS; i++)
        if ((double)(below += j->bin[i]) >= wanted)
            return LEAST * pow(WIDTH, i + 0.5);
    return j->max;
}

bool sim_judge_clean(const struct sim_judge *j)
{
    return j->outside == 0 && j->backwards == 0 && j->malformed == 0;
}
