/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_WITNESS_H
#define TIMEBALL_REFCLOCK_WITNESS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a source says of the clock's offset, from its last few measurements against the estimate:
 * their median, which four late ones of nine do not move, and how noisy they are. Kept of every
 * source, whether it leads or stands by. Pure.
 */
#define WITNESS_KEEPS 9
#define WITNESS_LEAST 5   /* measurements before it says anything */
#define WITNESS_STALE 300 /* s for which a measurement stands, or `life` */

struct witness {
    double z[WITNESS_KEEPS];     /* s, true minus estimate */
    double aside[WITNESS_KEEPS]; /* s, the clock's own course (course.h) less the estimate then */
    int count, next;
    int64_t last;  /* local time of the newest, ns */
    double median; /* s */
    double spread; /* s, as a standard deviation: 1.4826 times the median deviation */
    double own_median, own_spread; /* s, the same against the clock's own course */
    double variance; /* s^2, of one measurement around the median, slow; outliers left out */
    uint64_t judged; /* measurements that the variance rests on */
    double life;     /* s, of a source that is heard seldom; 0: WITNESS_STALE */
};

/* Takes a measurement: at local time `local` the source said `z` (s). A long silence before it
 * makes a new beginning. */
void witness_note(struct witness *w, double z, int64_t local);

/* The estimate itself moved by `by` (s): what was said is held against the new one. */
void witness_shift(struct witness *w, double by);

/* While a source pulls the estimate away from the clock's own course: that was `aside` (s) of the
 * estimate at the newest measurement; 0: it is the same. */
void witness_aside(struct witness *w, double aside);

/* The estimate is that course from now on, and what was said is held against it. */
void witness_return(struct witness *w);

/* Whether it says anything at local time `now`. */
bool witness_speaks(const struct witness *w, int64_t now);

#endif
