/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_LEAP_H
#define TIMEBALL_SERVER_SIM_LEAP_H

#include <stdint.h>

#include "drivers/sim/utc.h"
#include "refclock/loop.h"
#include "server/sim/world.h"
#include "server/ntp/wire.h"

/*
 * A leap second as clients see it: asked every second, and many times in the two seconds around it.
 */
struct sim_leap {
    struct sim_world *world;
    void (*ask)(void *arg); /* the daemon, now; its answer comes to sim_leap_answer() */
    void *arg;
    struct loop_timer probe;
    int next;         /* probe */
    uint64_t wrong;   /* answers that announce a leap second on another day than its own */
    uint64_t missing; /* answers of its day that do not announce it */
    uint64_t lost;    /* of the 120 s from it on, those without an answer that claims time */
    double worst;     /* s, largest error served in the minute before and the two after */
};

/* Sets the probes, if the world has a leap second. The world is borrowed. */
void sim_leap_start(struct sim_leap *l, struct sim_world *w, void (*ask)(void *arg), void *arg);
/* The results stay readable. */
void sim_leap_stop(struct sim_leap *l);

/* An answer that claims time, at true second `truth` (ns, the world's scale), `error` s off; NULL:
 * one that does not. */
void sim_leap_answer(struct sim_leap *l, const struct ntp_packet *p, int64_t truth, double error);

/* The world's second, ns, from which UTC is another than its scale; INT64_MAX: never. */
int64_t sim_leap_begins(const struct sim_utc *u);

#endif
