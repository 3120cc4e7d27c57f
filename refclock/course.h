/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_COURSE_H
#define TIMEBALL_REFCLOCK_COURSE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/kalman.h"

/*
 * The clock's own course: what holdover would have promised from the moment on at which a source
 * began to contradict the estimate. An oscillator that was watched for long bears witness: a source
 * that pulls it faster than that promise allows is wrong, or the oscillator is; which of the two
 * the clock alone cannot know, so until they agree again the bound holds what either says. Pure.
 */
struct course {
    bool on;
    bool followed;        /* others decided for it: the estimate went back to it */
    struct kalman kalman; /* as it was before */
    struct kalman_noise noise;
    double r;       /* s^2, unit of its covariance */
    int64_t at;     /* local time of that, ns */
    uint64_t count; /* measurements that it rests on ... */
    double gain;    /* ... and what each of them weighed (bound.h) */
    double seen;    /* s for which the oscillator was watched */
};

/* What it says. */
struct course_word {
    double phase, freq; /* s and 1, free-running, as the filter's */
    double bound;       /* s: the promise */
};

/* Its word on local time `local` (ns). Only while it is on. */
struct course_word course_at(const struct course *c, int64_t local);

/* Puts it in words again: the filter as it would be at `local` had it gone on alone, in units of
 * the variance r (s^2). */
struct kalman course_filter(const struct course *c, int64_t local, double r);

/* The source that contradicted it shows the phase `phase` (s), known to `error` (s), at local time
 * `local`: where both agree again, it ends; also when its promise has become too wide to
 * contradict. */
void course_judge(struct course *c, int64_t local, double phase, double error);

#endif
