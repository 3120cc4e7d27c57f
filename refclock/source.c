/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/source.h"

#include <math.h>

#include "refclock/acquire.h"

#define GATE        4.5            /* sigma; a gaussian pulse in 150 000 is lost */
#define FIRST_TAKEN ACQUIRE_PULSES /* acquire.h judges those by itself */
#define REOPEN_ROW  8
#define FAR         0.4 /* s: rather the wrong second than a wrong estimate, ... */
#define FAR_ROW     900 /* ... so it takes longer than a receiver takes to learn its leap count */

static bool agree(const struct source *s, double innovation)
{
    return s->in_row == 0 || (s->row_least != 0 && (s->row_least > 0) == (innovation > 0));
}

static enum source_verdict outlier(struct source *s, double innovation)
{
    if (!agree(s, innovation))
        s->row_least = 0;
    else if (s->in_row == 0 || fabs(innovation) < fabs(s->row_least))
        s->row_least = innovation;
    s->in_row++;
    if (s->in_row >= (fabs(innovation) < FAR ? REOPEN_ROW : FAR_ROW)) {
        s->in_row = 0;
        s->reopened++;
        return SOURCE_REOPEN;
    }
    /* offset = true minus local: a stamp that is late makes it too small */
    if (innovation > 0) {
        s->early++;
        return SOURCE_EARLY;
    }
    s->late++;
    s->late_mean += (-innovation - s->late_mean) / (double)s->late;
    return SOURCE_LATE;
}

enum source_verdict source_judge(struct source *s, double innovation, double sigma, uint64_t count)
{
    if (count >= FIRST_TAKEN && !(fabs(innovation) <= GATE * sigma))
        return outlier(s, innovation);
    s->in_row = 0;
    s->row_least = 0;
    s->used++;
    s->offset = innovation;
    double weight = 1 / fmin((double)s->used, 64);
    s->jitter =
        sqrt(s->jitter * s->jitter + weight * (innovation * innovation - s->jitter * s->jitter));
    return SOURCE_USED;
}

void source_second(struct source *s, bool heard)
{
    s->reach = (uint8_t)(s->reach << 1 | heard);
}
