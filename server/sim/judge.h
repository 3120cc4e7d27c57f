/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_JUDGE_H
#define TIMEBALL_SERVER_SIM_JUDGE_H

#include <stdint.h>

#include "server/responder/handler.h"
#include "server/sim/leap.h"
#include "server/sim/world.h"

/*
 * Knows the truth of a simulated world, and holds the daemon against it each second: the clock's
 * error, and what a client that asks on the wire is told.
 *
 * Errors are of the clock just before a second's pulse, clock minus truth, s. RMS and the like are
 * over the seconds after `settle` in which the daemon runs and the receiver's pulses are to be had,
 * both for a minute already; what happens while they are not is in the hold_ figures.
 */
#define SIM_JUDGE_BINS 2800 /* of |error|, 1 % wide from 1 ps on: ends beyond 1 s */

/* When an error came to stay below a limit: for the ten minutes that follow. */
struct sim_settling {
    double limit;  /* s */
    int64_t since; /* s from the start; -1: not yet */
    bool done;
};

struct sim_judge {
    struct sim_world *world;
    struct loop_timer timer;
    struct handler handler;
    struct sim_leap leap;
    int64_t second;      /* truth of the next look, ns */
    int64_t last_served; /* ns; 0: none in this generation */
    int64_t last_asked;  /* truth then */
    uint32_t generation;
    /* results */
    uint64_t seconds, counted;
    uint64_t served;        /* answers with a stratum that claims time */
    uint64_t outside;       /* of those: true error beyond the served bound: must be 0 */
    uint64_t unsaid;        /* ... of those: the status did not say that nothing verifies it */
    uint64_t outside_stat;  /* beyond the statistical part (with a simulated latency: no defect) */
    uint64_t backwards;     /* served time ran back without a step: must be 0 */
    uint64_t steps;         /* that daemons made which are no more */
    uint64_t malformed;     /* an unsynchronised answer that is not LI 3, stratum 0: must be 0 */
    double sum_square, max; /* of the clock's error, s */
    double freq_square;     /* of its frequency error */
    uint32_t bin[SIM_JUDGE_BINS];
    uint64_t bounds;            /* of the counted seconds: with a claim, whose bounds are ... */
    double stat_sum, total_sum; /* ... summed here, s */
    double served_error;        /* s, served time minus truth now; NAN: none is claimed */
    double served_stat, served_total; /* s, the bounds that go with it */
    double served_max;             /* s, of the served time's error while it claimed to be right */
    double told_error, told_bound; /* s, of the answer before that claimed time; NAN: none */
    uint64_t jumps;                /* answers that differ from that by more than its bound */
    int stratum, stratum_most;     /* of the last answer that claimed time, and the largest */
    int64_t locked; /* s from the start to the first answer that claims time; -1: never */
    struct sim_settling to_10us, to_1us;
    int64_t silent;               /* s that the receiver has been away now */
    int64_t back;                 /* s from the start when it was away last; -1: never */
    int64_t idle;                 /* the same of it or the daemon */
    struct sim_settling back_1us; /* since it came back last */
    int64_t started; /* s from the start when the daemon was started last; 0: only once */
    double warm_square, warm_count; /* of errors in the minute after the tenth pulse from there */
    double hold_1h, hold_1d;        /* error so long after it went away, s; NAN: it was not */
    double hold_end;                /* error when it came back last, s; NAN: never away */
    double hold_worst;              /* largest |error| while it was away, s; NAN: never away */
    void (*each)(void *arg, const struct sim_judge *, double error);
    void *arg; /* called each second when set */
};

/* Judges the world's daemon from the next second on. The world is borrowed. */
void sim_judge_start(struct sim_judge *j, struct sim_world *w);
/* The world's daemon is another one from now on; NULL: is stopped. */
void sim_judge_follow(struct sim_judge *j);
/* The results stay readable. */
void sim_judge_stop(struct sim_judge *j);

/* RMS error, s; NAN: nothing was counted. */
double sim_judge_rms(const struct sim_judge *j);

/* |error| that a share of the counted seconds stays below, s, to 1 %. */
double sim_judge_quantile(const struct sim_judge *j, double share);

/* The clock's frequency error now, with the steering in force (dimensionless, positive: fast). */
double sim_judge_freq(const struct sim_judge *j);

/* True when nothing was seen that must not be. */
bool sim_judge_clean(const struct sim_judge *j);

#endif
