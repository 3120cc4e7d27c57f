/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/kalman.h"

#include <math.h>
#include <string.h>

/* A frequency that no oscillator has, in units of the pulse noise a second: "not known". */
#define UNKNOWN_PHASE 1e12
#define UNKNOWN_FREQ  1e10

void kalman_init(struct kalman *k)
{
    memset(k, 0, sizeof *k);
    k->p[0][0] = UNKNOWN_PHASE;
    k->p[1][1] = UNKNOWN_FREQ;
}

/*
 * What the noises of n one-second steps add. Sums over the steps, so that n steps of a second and
 * one of n seconds agree; a sum of (n - 1 - i) or its square is a polynomial in n.
 */
static void add_noise(struct kalman *k, double n, const struct kalman_noise *q)
{
    double ones = fmax(0, (n * n - n) / 2), squares = fmax(0, n * n * n / 3 - n * n / 2 + n / 6);
    double cubes = n > 1 ? n * n * n / 6 : 0;
    k->p[0][0] += q->qx * n + q->qy * squares + (n > 1 ? q->qd * pow(n, 5) / 20 : 0);
    k->p[0][1] += q->qy * ones + (n > 1 ? q->qd * pow(n, 4) / 8 : 0);
    k->p[0][2] += q->qd * cubes;
    k->p[1][1] += q->qy * n + q->qd * squares;
    k->p[1][2] += q->qd * ones;
    k->p[2][2] += q->qd * n;
}

void kalman_predict(struct kalman *k, double dt, const struct kalman_noise *q)
{
    /* what a drift of 1/s does to drift, frequency and phase in dt, while it decays */
    double tau = q->persist, left = tau > 0 ? exp(-dt / tau) : 1;
    double turned = tau > 0 ? tau * (1 - left) : dt;
    double moved = tau > 0 ? tau * (dt - turned) : dt * dt / 2;
    const double f[3][3] = {{1, dt, moved}, {0, 1, turned}, {0, 0, left}};
    double fp[3][3], fpf[3][3];
    k->x += k->y * dt + k->d * moved;
    k->y += k->d * turned;
    k->d *= left;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            fp[i][j] = f[i][0] * k->p[0][j] + f[i][1] * k->p[1][j] + f[i][2] * k->p[2][j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            fpf[i][j] = fp[i][0] * f[j][0] + fp[i][1] * f[j][1] + fp[i][2] * f[j][2];
    memcpy(k->p, fpf, sizeof k->p);
    add_noise(k, dt, q);
    k->p[1][0] = k->p[0][1];
    k->p[2][0] = k->p[0][2];
    k->p[2][1] = k->p[1][2];
}

void kalman_drop_drift(struct kalman *k)
{
    k->d = 0;
    for (int i = 0; i < 3; i++)
        k->p[2][i] = k->p[i][2] = 0;
}

void kalman_scale(struct kalman *k, double factor)
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            k->p[i][j] *= factor;
}

double kalman_update(struct kalman *k, double z, double r)
{
    double s = kalman_expect(k, r), innovation = z - k->x, gain[3], row[3];
    for (int i = 0; i < 3; i++) {
        gain[i] = k->p[i][0] / s;
        row[i] = k->p[0][i];
    }
    k->x += gain[0] * innovation;
    k->y += gain[1] * innovation;
    k->d += gain[2] * innovation;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            k->p[i][j] -= gain[i] * row[j];
    k->p[0][0] = gain[0] * r; /* the same, without the cancellation of two large numbers */
    return innovation;
}
