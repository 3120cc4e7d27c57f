/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_DISCIPLINE_H
#define TIMEBALL_REFCLOCK_DISCIPLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/acquire.h"
#include "refclock/allan.h"
#include "refclock/course.h"
#include "refclock/kalman.h"
#include "refclock/memory.h"
#include "refclock/noise.h"
#include "refclock/persist.h"
#include "refclock/sample.h"
#include "refclock/thermal.h"
#include "refclock/wander.h"

/*
 * The estimate of the clock, and what to do with the clock. The filter sees the free-running phase:
 * true minus local, with all that steering did since the start taken out again, so steering never
 * disturbs it. docs/discipline.md has the model.
 *
 * Nothing here touches a clock: discipline_steer() returns an order, and discipline_steered() is
 * told what became of it.
 */
#define DISCIPLINE_SEGMENTS 40 /* more than edges wait for their number (numbering.h) */

struct discipline_segment {
    int64_t since;    /* local, ns */
    double freq;      /* correction in force */
    double known;     /* frequency that is known beforehand: feed-forward from the temperature */
    double sum;       /* s, what corrections less what was known did to the clock before */
    double known_sum; /* s, what was known did before */
};

struct discipline {
    struct kalman kalman;
    struct noise noise;
    struct thermal thermal;
    struct persist persist;
    struct allan allan;
    bool started;
    int64_t base;   /* ns, true minus local at the first sample */
    int64_t first;  /* local time of the first sample, ns */
    int64_t at;     /* local time of the filter's state, ns */
    uint64_t count; /* samples used */
    int64_t last;   /* local time of the last sample used, ns */
    int64_t last_truth;
    struct discipline_segment segment[DISCIPLINE_SEGMENTS]; /* newest first */
    struct acquire
        acquire;          /* the first pulses; again after a gap, or when the estimate was wrong */
    double r;             /* variance of a measurement in use, s^2 */
    double doubt;         /* s, what outliers that agree say against the estimate */
    double uncertainty;   /* s, of the last sample */
    bool weighted;        /* the last sample came with an error of its own */
    bool noise_known;     /* pulses have shown the oscillator's noise */
    double weighted_gain; /* share of an innovation that the last of those was given */
    struct wander wander; /* the oscillator's noise as those show it */
    struct course course; /* the clock's own, while pulses contradict it */
    double shifted;       /* s, what the estimate was moved by without a measurement */
    struct acquire_prior prior; /* what `acquire` begins with; freq is a correction, as set */
    double possible;            /* s, standard deviation of its first innovation; 0: any */
    int64_t gap;                /* s since the pulse before its first */
    int64_t followed;           /* local time of the last sample after it, ns */
};

struct steering {
    enum { STEER_NONE, STEER_SLEW, STEER_STEP } kind;
    double amount; /* SLEW: frequency correction (dimensionless); STEP: s */
    const char *reason;
};

struct estimate {
    int64_t shift; /* ns, coarse part of true minus local */
    double offset; /* s, fine part at the time asked */
    double rate;   /* change of offset per second, with the steering in force */
    double freq;   /* free-running frequency: what the correction should be */
    double freq_sigma;
    double sigma; /* s, standard error of the offset from the filter */
    double stat;  /* s, statistical bound: see bound.h */
    double age;   /* s since the last sample used */
    double gain;  /* what the filter takes over of an innovation, 0..1 */
};

/* `freq`: frequency correction in force at local time `now`. */
void discipline_init(struct discipline *d, double freq, int64_t now);

/* Begins with what an earlier run learned; before the first sample. */
void discipline_warm(struct discipline *d, const struct memory *m);

/* What is worth keeping for the next start. `known` is false while that is nothing. */
struct memory discipline_memory(const struct discipline *d, int64_t local);

/* Whether it is still known what steering had done at local time `local`; an older sample is of no
 * use. */
bool discipline_reaches(const struct discipline *d, int64_t local);

/* Innovation that the sample would have (s) and its expected standard deviation. */
void discipline_innovation(const struct discipline *d, const struct sample *s, double *innovation,
                           double *sigma);

/* Takes a sample into the estimate. `reopen`: it contradicts the estimate, which is widened so that
 * it can follow. */
void discipline_update(struct discipline *d, const struct sample *s, bool reopen);

/*
 * The estimate is `by` seconds further from now on, and every measurement is held against that:
 * another source knows better. Phase alone: what is known of the oscillator stays.
 */
void discipline_shift(struct discipline *d, double by);

/* Whether the pulses that are followed contradict the clock's own course (course.h): the bound
 * holds both. */
bool discipline_contradicted(const struct discipline *d);

/* The clock's own course less the estimate at local time `local`, s; 0 while they are the same. */
double discipline_aside(const struct discipline *d, int64_t local);

/*
 * The pulses that contradict the clock's own course (course.h) are wrong, as others say: the
 * estimate goes on as if they had not come. Returns by how much it moved, s.
 */
double discipline_return(struct discipline *d);

/* They are right, as others say: what the oscillator was known for ends. */
void discipline_clear(struct discipline *d);

/* Whether the source that was wrong then agrees with that course again: at local time `local` it is
 * `off` (s) from it, known to `error` (s). */
bool discipline_agrees(struct discipline *d, int64_t local, double off, double error);

/*
 * From now on a measurement has this variance (s^2), for it comes from another source. Estimate,
 * its uncertainty and the oscillator's noise stay what they are.
 */
void discipline_measure(struct discipline *d, double variance);

/* Truth is counted on a scale from now on that is `seconds` ahead of the one before (a leap
 * second): of all else nothing changes. */
void discipline_leap(struct discipline *d, int64_t seconds);

/* Whether the estimate is worth anything to others: enough samples, and a frequency that an
 * oscillator can have (samples that contradict each other by years give another one). */
bool discipline_ready(const struct discipline *d);

/* The estimate for local time `local`. Not before the first sample. */
void discipline_estimate(const struct discipline *d, int64_t local, struct estimate *e);

/*
 * The order for a clock that is `behind` seconds behind true time now, for the `horizon` seconds
 * until the next one. An offset inside the estimate's own noise is taken back in part only:
 * following each pulse's noise in full would jerk the frequency and gain less than 1 %
 * (docs/discipline.md). `may_step`: an offset of more than `step_over` seconds is stepped instead.
 */
struct steering discipline_steer(const struct estimate *e, double behind, double horizon,
                                 bool may_step, double step_over);

/* The temperature sensor reads `celsius` at local time `now`. */
void discipline_temperature(struct discipline *d, double celsius, int64_t now);

/* A frequency correction is in force since local time `at`. */
void discipline_steered(struct discipline *d, double freq, int64_t at);

#endif
