/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/leap.h"

#include <math.h>

#include "refclock/civil.h"
#include "refclock/sample.h"
#include "server/sim/judge.h"

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

static int64_t begins(const struct sim_judge *j)
{
    return sim_leap_begins(&j->world->scenario.utc);
}

static void look_at_indicator(struct sim_judge *j, int leap, int64_t truth)
{
    const struct sim_utc *u = &j->world->scenario.utc;
    int64_t at = begins(j);
    int due = u->leap > 0 ? LEAP_INSERT : LEAP_DELETE;
    bool announces = leap == LEAP_INSERT || leap == LEAP_DELETE;
    /* the day of a leap second, and the first moments after it */
    bool day = u->leap && truth >= u->midnight * NS_PER_S - DAY_NS && truth < at + 40 * MS;
    bool sure = day && truth < at && truth >= u->midnight * NS_PER_S - DAY_NS + EDGE_NS;
    j->leap.wrong += announces && !(day && leap == due);
    j->leap.missing += sure && leap != due;
}

void sim_leap_answer(struct sim_judge *j, const struct ntp_packet *p, int64_t truth, double error)
{
    int64_t at = begins(j);
    bool near = at != INT64_MAX && truth >= at - BEFORE_NS && truth < at + AFTER_NS;
    if (p)
        look_at_indicator(j, p->leap, truth);
    if (near && p)
        j->leap.worst = fmax(j->leap.worst, fabs(error));
    if (near && !p && truth >= at)
        j->leap.lost++;
}

static void on_probe(void *arg, int64_t now)
{
    struct sim_judge *j = arg;
    (void)now;
    sim_judge_probe(j);
    if (++j->leap.next < PROBES)
        loop_after(sim_world_loop(j->world), &j->leap.probe,
                   begins(j) + probes[j->leap.next] - sim_world_truth(j->world));
}

void sim_leap_start(struct sim_judge *j)
{
    int64_t at = begins(j), truth = sim_world_truth(j->world);
    j->leap.probe = (struct loop_timer){.name = "leap second", .fire = on_probe, .arg = j};
    if (at != INT64_MAX && at + probes[0] > truth)
        loop_after(sim_world_loop(j->world), &j->leap.probe, at + probes[0] - truth);
}

void sim_leap_stop(struct sim_judge *j)
{
    loop_cancel(sim_world_loop(j->world), &j->leap.probe);
}
