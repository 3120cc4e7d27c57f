/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim_play.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "refclock/civil.h"

static const char conf[] = "threads 0\nlisten none\nstatussocket none\ndriftfile none\n";

/* Steps by others are timers of the world. */
struct disturb {
    struct loop_timer timer;
    struct sim_world *world;
    double offset;
};

static void disturb_fires(void *arg, int64_t now)
{
    struct disturb *d = arg;
    (void)now;
    clock_virtual_disturb(&d->world->clock, d->offset);
}

static void arm_disturbs(struct sim_world *w, struct disturb *d)
{
    for (int i = 0; i < w->scenario.disturbs; i++) {
        d[i] = (struct disturb){.world = w, .offset = w->scenario.disturb[i].offset};
        d[i].timer = (struct loop_timer){.name = "disturb", .fire = disturb_fires, .arg = &d[i]};
        loop_after(sim_world_loop(w), &d[i].timer, llrint(w->scenario.disturb[i].at * 1e9));
    }
}

static void run(struct sim_world *w, const struct sim_judge *judge, const struct sim_play *p)
{
    double length = w->scenario.length;
    uint64_t next = 0;
    while ((double)(w->virtual_loop.truth - w->start) < length * 1e9) {
        if (loop_turn(sim_world_loop(w), INT64_MAX))
            break;
        if (p->progress && judge->seconds >= next) {
            p->progress(p->arg, (double)judge->seconds / length);
            next = judge->seconds + (uint64_t)(length / 200);
        }
    }
}

int sim_play(const struct sim_play *p, struct sim_result *r, struct err *err)
{
    struct sim_world *w = calloc(1, sizeof *w);
    struct sim_judge *judge = calloc(1, sizeof *judge);
    struct disturb disturbs[SCENARIO_DISTURBS];
    clock_t begin = clock();
    int bad = !w || !judge ? err_errno(err, "timeball-sim", "", "starting", ENOMEM)
                           : sim_world_open(w, &p->scenario, false, "conf", conf, p->log, err);
    if (!bad) {
        sim_judge_start(judge, w);
        if (p->series)
            sim_series_attach(p->series, judge);
        arm_disturbs(w, disturbs);
        run(w, judge, p);
        sim_judge_stop(judge);
        sim_result_take(r, judge, (double)(clock() - begin) / CLOCKS_PER_SEC);
        sim_world_close(w);
    }
    free(judge);
    free(w);
    return bad;
}
