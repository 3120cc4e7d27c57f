/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_PATH_H
#define TIMEBALL_REFCLOCK_PATH_H

#include <stdint.h>

/*
 * How far off may an offset be that came over a network with this delay? Queues only add delay, so
 * the least delay seen is the path's own, and the excess D over it is what queues added, on the way
 * out or on the way back. Without knowing where, the error of the offset is spread over +-D/2:
 * standard deviation D / sqrt(12). The least delay seen is itself somewhat more than the path's;
 * for n delays with a mean excess of 2u (two exponential waits) by u sqrt(pi / 2n) on average,
 * which is added. What the excess does not explain (stamps, noise that is no queue) is measured
 * from the innovations. docs/discipline.md.
 *
 * What stays constant, a path that is longer one way than the other, no delay shows: at most half
 * the least delay.
 */
#define PATH_SLOTS 24 /* hours for which a least delay is remembered */

struct path_slot {
    double least; /* s; INFINITY: none */
    uint64_t count;
};

struct path {
    struct path_slot slot[PATH_SLOTS]; /* newest first */
    int64_t since;                     /* local time at which the newest began, ns */
    double excess;                     /* s, mean over the least, fading */
    double floor;                      /* s^2, variance that the excess does not explain */
    double above; /* s, least of the last delays in a row far above the least */
    int above_row;
    uint64_t count; /* delays taken */
    uint64_t judged;
};

/* Nothing seen yet. */
void path_init(struct path *p);

/*
 * Takes the delay (s, >= 0) of an exchange at local time `local` (ns). Returns the standard error
 * (s) of its offset, at least `precision` (s).
 */
double path_error(struct path *p, double delay, int64_t local, double precision);

/* s, least delay of the last day; INFINITY before the first. */
double path_least(const struct path *p);

/*
 * What became of that offset: it differed from the estimate by `innovation` (s), where the
 * estimate's own standard error is `sigma` (s) and path_error() had said `error`.
 */
void path_judge(struct path *p, double delay, double innovation, double sigma, double error);

#endif
