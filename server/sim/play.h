/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_PLAY_H
#define TIMEBALL_SERVER_SIM_PLAY_H

#include "server/sim/result.h"
#include "server/sim/series.h"

/* A scenario in virtual time, with the whole daemon. */
struct sim_play {
    struct scenario scenario;
    const struct log *log;
    struct sim_series *series; /* filled, and freed by the caller; NULL: not wanted */
    void (*progress)(void *arg, double share); /* now and then; may be NULL */
    void *arg;
};

/* Plays it. 0 with *r filled, or -1 with *err. */
int sim_play(const struct sim_play *p, struct sim_result *r, struct err *err);

/*
 * Plays it with `count` seeds from `first` on, as many at a time as there are processors, each in
 * a process of its own: r[i] is of seed first + i. `series` must be NULL. 0, or -1 with *err.
 */
int sim_play_seeds(const struct sim_play *p, int64_t first, int count, struct sim_result *r,
                   struct err *err);

#endif
