/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_JUDGE_H
#define TIMEBALL_SERVER_SIM_JUDGE_H

#include <stdint.h>

#include "server/handler.h"
#include "server/sim_world.h"

/*
 * Knows the truth of a simulated world, and holds the daemon against it each second: the clock's
 * error, and what a client that asks on the wire is told.
 */
struct sim_judge {
    struct sim_world *world;
    struct loop_timer timer;
    struct handler handler;
    int64_t second;      /* truth of the next look, ns */
    int64_t last_served; /* ns; 0: none in this generation */
    uint32_t generation;
    /* results */
    uint64_t seconds, counted;
    uint64_t served;        /* answers with a stratum that claims time */
    uint64_t outside;       /* of those: true error beyond the served bound: must be 0 */
    uint64_t outside_stat;  /* beyond the statistical part (with a simulated latency: no defect) */
    uint64_t backwards;     /* served time ran back without a step: must be 0 */
    uint64_t malformed;     /* an unsynchronised answer that is not LI 3, stratum 0: must be 0 */
    double sum_square, max; /* of the clock's error after `settle`, s */
    double served_max;      /* s, of the served time's error while it claimed to be right */
    int64_t locked;         /* s from the start to the first answer that claims time; -1: never */
    int64_t to_10us;        /* s from the start until |error| stays below 10 us; -1: never */
    void (*each)(void *arg, const struct sim_judge *, double error, const struct snapshot *);
    void *arg; /* called each second when set */
};

/* Judges the world's daemon from the next second on. The world is borrowed. */
void sim_judge_start(struct sim_judge *j, struct sim_world *w);
/* The results stay readable. */
void sim_judge_stop(struct sim_judge *j);

/* RMS error after `settle`, s. */
double sim_judge_rms(const struct sim_judge *j);

/* True when nothing was seen that must not be. */
bool sim_judge_clean(const struct sim_judge *j);

#endif
