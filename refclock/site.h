/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_SITE_H
#define TIMEBALL_REFCLOCK_SITE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Where an antenna stands, learned from its receiver's positions: a mean that single wild ones do
 * not move, with their spread, and no faster than a slow pull would need days for. Pure.
 *
 * It is known after SITE_LEARN_S inside SITE_RADIUS_M of the first position (one that leaves it
 * begins anew), or after SITE_STATED_S where the user states that the site is fixed.
 */
#define SITE_LEARN_S  3600
#define SITE_STATED_S 300
#define SITE_RADIUS_M 50.0

struct site {
    bool stated;      /* by the user: fixed */
    bool known;       /* it may be held against */
    int64_t since;    /* local time of the first position, ns; INT64_MIN: none yet */
    int64_t last;     /* of the last that was learned from, ns */
    uint64_t count;   /* positions learned from */
    double center[3]; /* m, ECEF */
    double spread;    /* m, mean distance from it */
};

/* Nothing learned. */
void site_init(struct site *s, bool stated);

/* Learns from a position (m, ECEF) that came at `local` (ns). */
void site_learn(struct site *s, const double ecef[3], int64_t local);

/* m, from the center; NAN before there is one. */
double site_distance(const struct site *s, const double ecef[3]);

/* m: a position with this stated accuracy (NAN: unknown) further away has moved. */
double site_limit(const struct site *s, double accuracy);

#endif
