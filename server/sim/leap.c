/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/leap.h"

#include <math.h>

#include "refclock/civil.h"
#include "refclock/sample.h"

#define US         INT64_C(1000)
#define MS         INT64_C(1000000)
#define DAY_NS     (86400 * NS_PER_S)
#define BEFORE_NS  (60 * NS_PER_S)
#define AFTER_NS   (120 * NS_PER_S)
#define EDGE_NS    (2 * NS_PER_S) /* an announcement may begin so late */
#define UNTIL_NEXT (NS_PER_S + NS_PER_S / 2)

/* When clients ask, from the moment that UTC changes on. */
static const int64_t probes[] = {-500 * MS, -1 * MS,     -10 * US,     10 * US,   1 * MS,
                                 3900 * US, 4100 * US,   20 * MS,      29 * MS,   31 * MS,
                                 500 * MS,  999990 * US, 1000010 * US, 1003 * MS, UNTIL_NEXT};
#define PROBES (int)(sizeof probes / sizeof *probes)

int64_t sim_leap_begins(const struct sim_utc *u)
{
    return u->leap ? (u->leap > 0 ? u->midnight : u->midnight - 1) * NS_PER_S : INT64_MAX;
}

static int64_t begins(const struct sim_leap *l)
{
    return sim_leap_begins(&l->world->scenario.utc);
}

static void look_at_indicator(struct sim_leap *l, int leap, int64_t truth)
{
    const struct sim_utc *u = &l->world->scenario.utc;
    int64_t at = begins(l);
    int due = u->leap > 0 ? LEAP_INSERT : LEAP_DELETE;
    bool announces = leap == LEAP_INSERT || leap == LEAP_DELETE;
    /* the day of a leap second, and the first moments after it */
    bool day = u->leap && truth >= u->midnight * NS_PER_S - DAY_NS && truth < at + 40 * MS;
    bool sure = day && truth < at && truth >= u->midnight * NS_PER_S - DAY_NS + EDGE_NS;
    l->wrong += announces && !(day && leap == due);
    l->missing += sure && leap != due;
}

void sim_leap_answer(struct sim_leap *l, const struct ntp_packet *p, int64_t truth, double error)
{
    int64_t at = begins(l);
    bool near = at != INT64_MAX && truth >= at - BEFORE_NS && truth < at + AFTER_NS;
    if (p)
        look_at_indicator(l, p->leap, truth);
    if (near && p)
        l->worst = fmax(l->worst, fabs(error));
    if (near && !p && truth >= at)
        l->lost++;
}

static void on_probe(void *arg, int64_t now)
{
    struct sim_leap *l = arg;
    (void)now;
    l->ask(l->arg);
    if (++l->next < PROBES)
        loop_after(sim_world_loop(l->world), &l->probe,
                   begins(l) + probes[l->next] - sim_world_truth(l->world));
}

void sim_leap_start(struct sim_leap *l, struct sim_world *w, void (*ask)(void *arg), void *arg)
{
    *l = (struct sim_leap){.world = w, .ask = ask, .arg = arg};
    l->probe = (struct loop_timer){.name = "leap second", .fire = on_probe, .arg = l};
    int64_t at = begins(l), truth = sim_world_truth(w);
    if (at != INT64_MAX && at + probes[0] > truth)
        loop_after(sim_world_loop(w), &l->probe, at + probes[0] - truth);
}

void sim_leap_stop(struct sim_leap *l)
{
    loop_cancel(sim_world_loop(l->world), &l->probe);
}
