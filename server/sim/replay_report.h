/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_REPLAY_REPORT_H
#define TIMEBALL_SERVER_SIM_REPLAY_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "server/status/status.h"

/* What a replayed recording showed. Unknown: NAN. */
struct sim_replay_report {
    const char *state, *why; /* at its end, as all of status */
    const struct status *status;
    int64_t time;                          /* true time when the recorded clock showed the last
                                              event's local time, ns POSIX; 0: not known */
    double span;                           /* s */
    double pulses, messages, temperatures; /* events of each kind ... */
    double pieces, packets;                /* ... of receivers' bytes, of the network */
    double used;                           /* pulses */
    double late, early;                    /* shares of the numbered pulses */
    double late_mean;                      /* s */
    double innovation;                     /* s, RMS */
    double noise_pulse;                    /* s */
    double noise_white_fm, noise_walk_fm;  /* what a second adds */
    double freq;                           /* of the free-running clock */
    double stat;                           /* s, bound at the end */
    int checks, held;                      /* promises for ten minutes without pulses */
    double worst;                          /* largest error as a share of what was promised */
};

/* The check number `number`, `at` s after the beginning: off by `off` s, promised `promise` s. */
void sim_replay_print_check(FILE *out, int number, double at, double off, double promise);

/* The rest, for people. */
void sim_replay_print(FILE *out, const struct sim_replay_report *r);

/* All of it as one JSON object on a line. */
void sim_replay_json(FILE *out, const struct sim_replay_report *r);

#endif
