/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_DRIVER_WORLD_H
#define TIMEBALL_TESTS_DRIVER_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/driver.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"

/* One driver in virtual time, and what it said. */
struct driver_world {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct clock_ops ops;
    struct driver_env env;
    struct driver *driver;
    int edges, labels, samples, skies, healths;
    struct edge edge;
    struct timelabel label;
    struct sample sample;
    struct sky sky;
    enum health health;
    struct err err;
    void *arg; /* the test's own */
    int sawtooths, claims, reports;
    struct sawtooth sawtooth;
    struct leap_claim claim;
    struct receiver_report report;
};

static inline double world_steady(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

/* The kernel's stamps are readings of the world's clock. */
static inline int64_t world_stamp(struct clock *c, int64_t kernel)
{
    (void)c;
    return kernel;
}

static inline void world_edge(void *arg, const struct edge *e)
{
    struct driver_world *w = arg;
    w->edges++;
    w->edge = *e;
}

static inline void world_label(void *arg, const struct timelabel *l)
{
    struct driver_world *w = arg;
    w->labels++;
    w->label = *l;
}

static inline void world_sample(void *arg, const struct sample *s)
{
    struct driver_world *w = arg;
    w->samples++;
    w->sample = *s;
}

static inline void world_sky(void *arg, const struct sky *s)
{
    struct driver_world *w = arg;
    w->skies++;
    w->sky = *s;
}

static inline void world_health(void *arg, enum health health, const struct err *err)
{
    struct driver_world *w = arg;
    w->healths++;
    w->health = health;
    w->err = err ? *err : (struct err){0};
}

static inline void world_sawtooth(void *arg, const struct sawtooth *s)
{
    struct driver_world *w = arg;
    w->sawtooths++;
    w->sawtooth = *s;
}

static inline void world_leap(void *arg, const struct leap_claim *c)
{
    struct driver_world *w = arg;
    w->claims++;
    w->claim = *c;
}

static inline void world_report(void *arg, const struct receiver_report *r)
{
    struct driver_world *w = arg;
    w->reports++;
    w->report = *r;
}

static const struct driver_sink world_sink = {
    .edge = world_edge,
    .label = world_label,
    .sample = world_sample,
    .sky = world_sky,
    .health = world_health,
    .sawtooth = world_sawtooth,
    .leap = world_leap,
    .report = world_report,
};

/* A driver of that name, not yet open, at the true time `truth`. The caller fills env's openers. */
static inline void world_init(struct driver_world *w, const char *name, const char *path,
                              int64_t truth)
{
    memset(w, 0, sizeof *w);
    w->health = HEALTH_CLOSED;
    loop_virtual_init(&w->loop, &w->clock.clock, truth);
    clock_virtual_init(&w->clock, loop_virtual_truth, world_steady, &w->loop, 0);
    w->clock.clock.steerable = true;
    w->ops = *w->clock.clock.ops;
    w->ops.stamp = world_stamp;
    w->clock.clock.ops = &w->ops;
    w->loop.loop.now = clock_local(&w->clock.clock, clock_now(&w->clock.clock));
    w->env = (struct driver_env){
        .loop = &w->loop.loop, .clock = &w->clock.clock, .era_pivot = 1795478400, .arg = w};
    const struct driver_ops *ops = driver_find(name);
    w->driver = calloc(1, ops->size);
    w->driver->ops = ops;
    w->driver->env = &w->env;
    w->driver->sink = &world_sink;
    w->driver->sink_arg = w;
    snprintf(w->driver->path, sizeof w->driver->path, "%s", path);
}

static inline void world_close(struct driver_world *w)
{
    w->driver->ops->close(w->driver);
    free(w->driver);
    loop_close(&w->loop.loop);
}

/* Lets `ns` of true time pass. */
static inline void world_run(struct driver_world *w, int64_t ns)
{
    int64_t until = w->loop.truth + ns;
    while (w->loop.truth < until)
        loop_turn(&w->loop.loop, until);
    loop_turn(&w->loop.loop, until);
}

static inline uint64_t world_count(const struct driver_world *w, const char *name)
{
    const struct counter_row *row = w->driver->ops->counters;
    while (strcmp(row->name, name) != 0)
        row++;
    uint64_t value;
    memcpy(&value, (const char *)w->driver + row->offset, sizeof value);
    return value;
}

/* Sets a number of a driver's option; `index` 1 is the end of a range. */
static inline void world_option(struct driver_world *w, const char *word, int index, double value)
{
    const struct option_row *row = w->driver->ops->options;
    while (strcmp(row->word, word) != 0)
        row++;
    memcpy((char *)w->driver + row->offset + (size_t)index * sizeof value, &value, sizeof value);
}

#endif
