/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_LIVE_H
#define TIMEBALL_SERVER_SIM_LIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/sim/world.h"

/* A simulated receiver in real time, serving NTP on this machine's loopback addresses. */
struct sim_live_options {
    const char *config; /* a file for the daemon; NULL: made from port and socket */
    const char *socket; /* of the status; NULL: none */
    int64_t port;       /* of NTP */
    double length;      /* s; 0: until SIGINT or SIGTERM */
    bool quiet;         /* no status line a second */
};

/* Runs to its end. 0, or -1 with *err. */
int sim_live(const struct scenario *s, const struct sim_live_options *o, const struct log *log,
             struct err *err);

#endif
