/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/acquire.h"

#include <math.h>
#include <stdlib.h>

#define PAIRS             (ACQUIRE_PULSES * (ACQUIRE_PULSES - 1) / 2)
#define QUARTILE_TO_SIGMA 0.8693 /* of a normal variable's absolute value */
#define GATE              5.0    /* sigma */
#define FEW               6      /* with less, nobody can say which of them is the outlier */

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

/*
 * The noise that the distances from the line show: by their third quartile, so a quarter of the
 * pulses may be outliers. The line goes through one pulse of three, or nearly; of so few the
 * greatest counts.
 */
static double spread(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
    return n < FEW ? v[n - 1] : QUARTILE_TO_SIGMA * v[n - 1 - n / 4];
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

void acquire_judge(struct acquire *a, const struct acquire_prior *prior, double *r)
{
    /* of few pulses the slope is believed less than a frequency that is known */
    bool known = prior->freq_error > 0 && a->count < FEW;
    double residual[ACQUIRE_PULSES], work[ACQUIRE_PULSES];
    double slope = known ? prior->freq : median_slope(a);
    double freedom = a->count - (known ? 1 : 2); /* that the line leaves */
    *r = prior->r;
    if (freedom < 1)
        return;
    for (int i = 0; i < a->count; i++)
        work[i] = residual[i] = a->z[i] - slope * a->t[i];
    double middle = median(work, a->count);
    for (int i = 0; i < a->count; i++)
        work[i] = fabs(residual[i] - middle);
    double sigma = spread(work, a->count) * sqrt(a->count / freedom);
    *r = (prior->weight * prior->r + freedom * sigma * sigma) / (prior->weight + freedom);
    for (int i = 0; i < a->count; i++)
        a->inlier[i] = a->count < FEW || fabs(residual[i] - middle) <= GATE * sqrt(*r);
}

void acquire_filter(const struct acquire *a, struct kalman *k, const struct kalman_noise *q,
                    double r, const struct acquire_prior *prior)
{
    double at = a->t[0];
    kalman_init(k);
    if (prior->freq_error > 0) {
        k->y = prior->freq;
        k->p[1][1] = prior->freq_error * prior->freq_error / r;
    }
    for (int i = 0; i < a->count; i++) {
        kalman_predict(k, a->t[i] - at, q);
        at = a->t[i];
        if (a->inlier[i])
            (void)kalman_update(k, a->z[i], 1);
    }
}
