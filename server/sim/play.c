/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/play.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "refclock/civil.h"

/* What happens to the daemon from outside, as timers of the world. */
struct happening {
    struct loop_timer timer;
    struct stage *stage;
    double amount; /* s: of the step, or until machine or daemon are there again */
    bool frozen;
};

struct stage {
    struct sim_world world;
    struct sim_judge judge;
    struct happening disturb[SCENARIO_DISTURBS], restart[SCENARIO_RESTARTS], pause[SCENARIO_PAUSES];
    bool failed; /* to start the daemon again */
    struct err err;
    char folder[64]; /* for a drift file of its own; "": none */
};

static void disturb_fires(void *arg, int64_t now)
{
    struct happening *h = arg;
    (void)now;
    clock_virtual_disturb(&h->stage->world.clock, h->amount);
}

static void pause_fires(void *arg, int64_t now)
{
    struct happening *h = arg;
    (void)now;
    sim_world_sleep(&h->stage->world, h->amount, h->frozen);
}

static void start_fires(void *arg, int64_t now)
{
    struct stage *g = ((struct happening *)arg)->stage;
    (void)now;
    g->failed = g->failed || sim_world_start_daemon(&g->world, &g->err);
    sim_judge_follow(&g->judge);
}

static void stop_fires(void *arg, int64_t now)
{
    struct happening *h = arg;
    struct stage *g = h->stage;
    (void)now;
    if (!g->world.daemon)
        return; /* stopped already */
    g->judge.steps += g->world.daemon->refclock.steps;
    sim_world_stop_daemon(&g->world);
    sim_judge_follow(&g->judge);
    h->timer.fire = start_fires;
    loop_after(sim_world_loop(&g->world), &h->timer, llrint(h->amount * 1e9));
}

static void arm(struct stage *g, struct happening *h, double at, double amount,
                void (*fire)(void *, int64_t))
{
    *h = (struct happening){.stage = g, .amount = amount};
    h->timer = (struct loop_timer){.name = "happening", .fire = fire, .arg = h};
    loop_after(sim_world_loop(&g->world), &h->timer, llrint(at * 1e9));
}

static void arm_all(struct stage *g)
{
    const struct scenario *s = &g->world.scenario;
    for (int i = 0; i < s->disturbs; i++)
        arm(g, &g->disturb[i], s->disturb[i].at, s->disturb[i].offset, disturb_fires);
    for (int i = 0; i < s->restarts; i++)
        arm(g, &g->restart[i], s->restart[i].at, s->restart[i].away, stop_fires);
    for (int i = 0; i < s->pauses; i++) {
        arm(g, &g->pause[i], s->pause[i].at, s->pause[i].length, pause_fires);
        g->pause[i].frozen = s->pause[i].frozen;
    }
}

/* Does the scenario say this directive itself? */
static bool says(const struct scenario *s, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = s->conf; at && *at; at = strchr(at, '\n'), at += at != NULL)
        if (!strncmp(at, word, size) && (at[size] == ' ' || at[size] == '\n'))
            return true;
    return false;
}

/* The daemon's configuration, but for what the scenario says of it. */
static int make_conf(struct stage *g, const struct scenario *s, char *conf, size_t size,
                     struct err *err)
{
    const char *const rows[][2] = {{"threads", "0"},         {"listen", "none"},
                                   {"statussocket", "none"}, {"controlsocket", "none"},
                                   {"driftfile", "none"},    {"leapfile", "none"}};
    const char *place = getenv("TMPDIR");
    int n = 0;
    if (s->restarts && !says(s, "driftfile")) {
        snprintf(g->folder, sizeof g->folder, "%.40s/timeball-sim-XXXXXX", place ? place : "/tmp");
        if (!mkdtemp(g->folder))
            return err_errno(err, g->folder, "", "creating", errno);
        n = snprintf(conf, size, "driftfile %s/drift\n", g->folder);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!says(s, rows[i][0]) && !(*g->folder && !strcmp(rows[i][0], "driftfile")))
            n += snprintf(conf + n, size - (size_t)n, "%s %s\n", rows[i][0], rows[i][1]);
    return 0;
}

static void remove_folder(const struct stage *g)
{
    char path[96];
    if (!*g->folder)
        return;
    snprintf(path, sizeof path, "%s/drift", g->folder);
    unlink(path);
    rmdir(g->folder);
}

static void run(struct stage *g, const struct sim_play *p)
{
    struct sim_world *w = &g->world;
    double length = w->scenario.length;
    uint64_t next = 0;
    while (!g->failed && (double)(w->virtual_loop.truth - w->start) < length * 1e9) {
        if (loop_turn(sim_world_loop(w), INT64_MAX))
            break;
        if (p->progress && g->judge.seconds >= next) {
            p->progress(p->arg, (double)g->judge.seconds / length);
            next = g->judge.seconds + (uint64_t)(length / 200);
        }
    }
}

static int play(struct stage *g, const struct sim_play *p, struct sim_result *r, struct err *err)
{
    char conf[256];
    clock_t begin = clock();
    if (make_conf(g, &p->scenario, conf, sizeof conf, err) ||
        sim_world_open(&g->world, &p->scenario, false, "conf", conf, p->log, err))
        return -1;
    sim_judge_start(&g->judge, &g->world);
    if (p->series)
        sim_series_attach(p->series, &g->judge);
    arm_all(g);
    run(g, p);
    sim_judge_stop(&g->judge);
    sim_result_take(r, &g->judge, (double)(clock() - begin) / CLOCKS_PER_SEC);
    sim_world_close(&g->world);
    if (g->failed)
        *err = g->err;
    return g->failed ? -1 : 0;
}

int sim_play(const struct sim_play *p, struct sim_result *r, struct err *err)
{
    struct stage *g = calloc(1, sizeof *g);
    if (!g)
        return err_errno(err, "timeball-sim", "", "starting", ENOMEM);
    int bad = play(g, p, r, err);
    remove_folder(g);
    free(g);
    return bad;
}
