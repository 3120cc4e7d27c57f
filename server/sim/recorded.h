/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_RECORDED_H
#define TIMEBALL_SERVER_SIM_RECORDED_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "server/daemon/daemon.h"
#include "server/sim/recorded_net.h"
#include "server/sim/recording.h"

/*
 * A world for a daemon that is made of a recording: its receivers' bytes come from ports, through
 * framing and decoding, its packets from a network, through the exchange of each server; pulses,
 * temperature, and messages and samples of drivers whose bytes were not recorded as they were
 * delivered then. Nobody steers its clock, and nothing of this machine is opened.
 */
struct sim_recorded_port {
    struct port port;
    int fd[2]; /* of a pipe; -1: not made yet */
};

struct sim_recorded {
    struct loop_virtual loop; /* `truth`: the recorded clock without its steering */
    struct clock_virtual clock;
    struct sim_recorded_net net;
    struct config config;
    /* by source: */
    struct driver_ops ops[RECORD_SOURCES]; /* of those that deliver what is recorded */
    struct driver *deliver[RECORD_SOURCES], *bytes[RECORD_SOURCES]; /* NULL: there is none */
    struct sim_recorded_port port[RECORD_SOURCES];
    double celsius; /* NAN: not known yet */
    struct daemon *daemon;
};

/* The survey is borrowed. The struct must not move. 0, or -1 with *err and nothing left open. */
int sim_recorded_open(struct sim_recorded *w, const struct sim_survey *s, const char *name,
                      const struct log *log, struct err *err);
void sim_recorded_close(struct sim_recorded *w);

/* Time goes on until `at` (ns, the recorded clock without its steering), but for long gaps. */
void sim_recorded_run(struct sim_recorded *w, int64_t at);

/* Delivers an event, now; stamps in it are as recorded, and `steering` takes the steering out. */
void sim_recorded_deliver(struct sim_recorded *w, const struct record_event *e,
                          const struct sim_steering *steering);

#endif
