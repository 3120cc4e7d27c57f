/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_WANDER_H
#define TIMEBALL_REFCLOCK_WANDER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How noisy is the oscillator, seen through measurements that come at any time and are each known
 * to an error of their own (network servers, shared memory)? A bank of Kalman filters, each with
 * one assumption on white and random-walk frequency noise, takes the same measurements; the
 * likelihood of their innovations says which assumptions fit (multiple-model estimation: Bar-Shalom
 * and Li, "Estimation with Applications to Tracking and Navigation", section 11.6). For pulses, a
 * second apart and alike, noise.h knows more.
 */
#define WANDER_WHITES  7
#define WANDER_WALKS   11
#define WANDER_MEMBERS (WANDER_WHITES * WANDER_WALKS)

struct wander_member {
    double qx, qy;        /* variance that a second adds to phase (s^2) and frequency */
    double x, y;          /* phase (s) and frequency */
    double pxx, pxy, pyy; /* their covariance */
    double likelihood;    /* log, fading */
};

struct wander {
    struct wander_member member[WANDER_MEMBERS];
    uint64_t count; /* measurements taken */
    double qx, qy;  /* as they seem now */
};

/* Nothing seen yet; the frequency is known to `freq_sigma` around `freq`. */
void wander_init(struct wander *w, double freq, double freq_sigma);

/*
 * Takes the free-running phase z (s), `dt` seconds (>= 0) after the one before, with variance r
 * (s^2, > 0). The first one sets the phase.
 */
void wander_update(struct wander *w, double z, double dt, double r);

#endif
