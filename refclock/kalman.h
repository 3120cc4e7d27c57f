/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_KALMAN_H
#define TIMEBALL_REFCLOCK_KALMAN_H

/*
 * Kalman filter of a free-running clock with three states: phase x (s), frequency y, drift d (1/s);
 * one scalar measurement of phase at a time. Brown and Hwang, "Introduction to Random Signals and
 * Applied Kalman Filtering"; clock model: Zucca and Tavella, IEEE UFFC 52 (2005).
 *
 * The covariance is kept as a multiple of the measurement's variance R, which is estimated apart
 * (noise.h): the gains depend on the ratios only.
 */
struct kalman_noise {
    double qx, qy, qd; /* variance that a second adds to each state, in units of R */
    double persist;    /* s, time constant of the drift's decay; 0: it stays */
};

struct kalman {
    double x, y, d;
    double p[3][3]; /* covariance / R, symmetric */
};

/* Knows nothing: phase and frequency without limits, no drift. */
void kalman_init(struct kalman *k);

/* Moves state and covariance on by dt seconds (>= 0). */
void kalman_predict(struct kalman *k, double dt, const struct kalman_noise *q);

/* From now on there is no drift. */
void kalman_drop_drift(struct kalman *k);

/* Variance of the innovation of a measurement with variance r (in units of R). */
static inline double kalman_expect(const struct kalman *k, double r)
{
    return k->p[0][0] + r;
}

/* The covariance is `factor` times as large in units of R, for R is so much smaller now. */
void kalman_scale(struct kalman *k, double factor);

/* Takes the measurement z of the phase (s) with variance r (in units of R). Returns the innovation
 * (s). */
double kalman_update(struct kalman *k, double z, double r);

#endif
