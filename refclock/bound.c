/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/bound.h"

#include <math.h>

#define SIGMAS 6.0 /* one gaussian second in five hundred million is outside */
#define SIZE \
    8.0 /* widens it while the noise is known from few samples, about as Student's t does */
#define FEW  60.0 /* ... which with one to four degrees of freedom has hardly an end */
#define KIND 2.0  /* ... and while it is not clear yet which noise it is */

#define WARMING 5e-9  /* 1/s: 0.3 ppm a minute ... */
#define WARMED  10e-6 /* ... and 10 ppm in all */
#define LEARNED 120.0 /* s, after which the filter knows better */

double bound_stat(double sigma, uint64_t count, double gain, double doubt)
{
    double freedom = count > 2 ? (double)(count - 2) : 0.1;
    double widen =
        1 + SIZE / freedom + FEW / (freedom * freedom * freedom) + KIND / sqrt(1 + freedom * gain);
    return SIGMAS * widen * sigma + fabs(doubt);
}

double bound_unseen(double seen, double blind)
{
    double most = fmin(WARMING / 2 * blind * blind, WARMED * blind);
    return most / (1 + seen * seen / (LEARNED * LEARNED));
}

double bound_total(double stat, const struct bound_parts *parts)
{
    return fmax(1e-9, stat + parts->latency + parts->receiver + parts->sawtooth + parts->numbering);
}
