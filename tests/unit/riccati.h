/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_RICCATI_H
#define TIMEBALL_TESTS_RICCATI_H

#include <math.h>
#include <string.h>

#include "refclock/kalman.h"
#include "refclock/rng.h"

/* The optimum for known noises, and an oscillator with such noises. */
struct optimum {
    double k[3]; /* gains */
    double p;    /* variance of the phase just before a pulse is used, in units of R */
};

/* P = F (P - K S K') F' + Q, by going on until nothing changes. */
static inline struct optimum riccati(const struct kalman_noise *q)
{
    double p[3][3] = {{1e6, 0, 0}, {0, 1, 0}, {0, 0, q->qd > 0 ? 1e-3 : 0}}, last = 0;
    static const double f[3][3] = {{1, 1, 0.5}, {0, 1, 1}, {0, 0, 1}};
    struct optimum o = {{0}, 0};
    for (int n = 0; n < 2000000; n++) {
        double s = p[0][0] + 1, a[3][3], b[3][3] = {{0}};
        for (int i = 0; i < 3; i++) {
            o.k[i] = p[i][0] / s;
            for (int j = 0; j < 3; j++)
                a[i][j] = p[i][j] - p[i][0] * p[j][0] / s;
        }
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++)
                for (int k = 0; k < 3; k++)
                    for (int l = 0; l < 3; l++)
                        b[i][j] += f[i][k] * a[k][l] * f[j][l];
        b[0][0] += q->qx;
        b[1][1] += q->qy;
        b[2][2] += q->qd;
        memcpy(p, b, sizeof p);
        if (n > 1000 && fabs(p[0][0] - last) < 1e-13 * p[0][0])
            break;
        last = p[0][0];
    }
    o.p = p[0][0];
    return o;
}

/* A free-running phase: one value a second, s. */
struct wanderer {
    double white_fm, walk_fm; /* standard deviation that a second adds, s */
    double x, y;
    struct rng rng;
};

/* The next second; returns the phase, s. */
static inline double wander_next(struct wanderer *w)
{
    w->x += w->y + w->white_fm * rng_gauss(&w->rng);
    w->y += w->walk_fm * rng_gauss(&w->rng);
    return w->x;
}

#endif
