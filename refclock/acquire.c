/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/acquire.h"

#include <math.h>
#include <stdlib.h>

#define PAIRS        (ACQUIRE_PULSES * (ACQUIRE_PULSES - 1) / 2)
#define MAD_TO_SIGMA 1.4826 /* of a normal variable */
#define GATE         5.0    /* sigma */
#define PRIOR_WEIGHT 2.0    /* pulses that the prior variance counts for */
#define FEW          5      /* with less, nobody can say which of them is the outlier */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double greatest(const double *v, int n)
{
    double most = v[0];
    for (int i = 1; i < n; i++)
        most = fmax(most, v[i]);
    return most;
}

void acquire_add(struct acquire *a, double t, double z)
{
    a->t[a->count] = t;
    a->z[a->count] = z;
    a->inlier[a->count] = true;
    a->count++;
}

static double median_slope(const struct acquire *a)
{
    double slope[PAIRS];
    int n = 0;
    for (int i = 0; i < a->count; i++)
        for (int j = i + 1; j < a->count; j++)
            if (a->t[j] > a->t[i])
                slope[n++] = (a->z[j] - a->z[i]) / (a->t[j] - a->t[i]);
    return n ? median(slope, n) : 0;
}

void acquire_judge(struct acquire *a, double prior, double *r)
{
    double residual[ACQUIRE_PULSES], work[ACQUIRE_PULSES], slope = median_slope(a);
    *r = prior;
    if (a->count < 3)
        return;
    for (int i = 0; i < a->count; i++)
        work[i] = residual[i] = a->z[i] - slope * a->t[i];
    double middle = median(work, a->count);
    for (int i = 0; i < a->count; i++)
        work[i] = fabs(residual[i] - middle);
    /* the line went through one of three, perhaps two of four: their median says nothing yet */
    double typical = a->count < FEW ? greatest(work, a->count) : median(work, a->count);
    /* two degrees of freedom went into the line */
    double freedom = a->count - 2, sigma = MAD_TO_SIGMA * typical * sqrt(a->count / freedom);
    *r = (PRIOR_WEIGHT * prior + freedom * sigma * sigma) / (PRIOR_WEIGHT + freedom);
    for (int i = 0; i < a->count; i++)
        a->inlier[i] = a->count < FEW || fabs(residual[i] - middle) <= GATE * sqrt(*r);
}

void acquire_filter(const struct acquire *a, struct kalman *k, const struct kalman_noise *q,
                    double r, double freq, double freq_error)
{
    double at = a->t[0];
    kalman_init(k);
    if (freq_error > 0) {
        k->y = freq;
        k->p[1][1] = freq_error * freq_error / r;
    }
    for (int i = 0; i < a->count; i++) {
        kalman_predict(k, a->t[i] - at, q);
        at = a->t[i];
        if (a->inlier[i])
            (void)kalman_update(k, a->z[i], 1);
    }
}
