/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_WORLD_H
#define TIMEBALL_SERVER_SIM_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "server/daemon/daemon.h"
#include "server/sim/scenario.h"

/*
 * A world for a daemon: simulated oscillator, clock and receiver, in virtual time or live (real
 * time, the bytes over a pseudo terminal). The machine's clock is read for the start of a live
 * world, and never set.
 */
struct sim_world {
    struct scenario scenario; /* a copy */
    bool live;
    struct loop_virtual virtual_loop; /* its `loop` is the loop of both kinds */
    struct clock_host host;
    struct clock_virtual clock;
    struct sim_receiver receiver[SCENARIO_SOURCES]; /* as many as the scenario has */
    int receivers;                                  /* that were started */
    struct sim_network network;
    struct config config;
    struct daemon *daemon; /* NULL: stopped */
    const struct log *log;
    char *conf;                                    /* text of the daemon's configuration */
    char port[SCENARIO_SOURCES][OPTION_TEXT_SIZE]; /* paths of the receivers' bytes */
    int64_t start;                                 /* truth, ns */
};

/*
 * Builds the world and opens the daemon in it. `conf`: configuration text of the daemon (the
 * `refclock` lines are added); `conf_name` stands for it in errors. The struct must not move
 * afterwards. 0, or -1 with *err and nothing left open.
 */
int sim_world_open(struct sim_world *w, const struct scenario *s, bool live, const char *conf_name,
                   const char *conf, const struct log *log, struct err *err);

/* Stops the daemon, and starts a new one with the same configuration: 0, or -1 with *err and none
 * running. */
void sim_world_stop_daemon(struct sim_world *w);
int sim_world_start_daemon(struct sim_world *w, struct err *err);

/* Closes the daemon and all around it. */
void sim_world_close(struct sim_world *w);

/* The loop of either kind of world. */
static inline struct loop *sim_world_loop(struct sim_world *w)
{
    return &w->virtual_loop.loop;
}

/*
 * The machine sleeps from now on, and wakes up after `span` s; its clock runs on meanwhile, or
 * stands still. For virtual time; from a handler of the loop.
 */
void sim_world_sleep(struct sim_world *w, double span, bool frozen);

/* True when none of the receivers gives pulses `t` seconds after the start, by plan. */
bool sim_world_silent(const struct sim_world *w, double t);

/* True time now, ns. */
int64_t sim_world_truth(void *world);

#endif
