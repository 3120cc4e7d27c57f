/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/wander.h"

#include <math.h>
#include <string.h>

#define WHITE_LEAST 1e-20 /* variances a second, each a decade from the next */
#define WALK_LEAST  1e-26
#define MEMORY_S    86400.0
#define SQUARE_MOST 25.0 /* one disturbance does not speak for hours */

void wander_init(struct wander *w, double freq, double freq_sigma)
{
    memset(w, 0, sizeof *w);
    for (int i = 0; i < WANDER_MEMBERS; i++) {
        const int white = i / WANDER_WALKS, walk = i % WANDER_WALKS;
        w->member[i] = (struct wander_member){
            .qx = WHITE_LEAST * pow(10, white),
            .qy = WALK_LEAST * pow(10, walk),
            .y = freq,
            .pyy = freq_sigma * freq_sigma,
        };
    }
    w->qx = 1e-18; /* a Raspberry Pi's crystal, until something is known */
    w->qy = 1e-18;
}

static void predict(struct wander_member *m, double dt)
{
    m->x += m->y * dt;
    m->pxx += dt * (2 * m->pxy + dt * m->pyy) + m->qx * dt + m->qy * dt * dt * dt / 3;
    m->pxy += dt * m->pyy + m->qy * dt * dt / 2;
    m->pyy += m->qy * dt;
}

static void take(struct wander_member *m, double z, double r, double fade)
{
    double s = m->pxx + r, most = sqrt(SQUARE_MOST * s);
    double innovation = fmax(-most, fmin(most, z - m->x));
    double kx = m->pxx / s, ky = m->pxy / s;
    m->likelihood = m->likelihood * fade - (log(s) + innovation * innovation / s) / 2;
    m->x += kx * innovation;
    m->y += ky * innovation;
    m->pyy -= ky * m->pxy;
    m->pxy *= 1 - kx;
    m->pxx = kx * r;
}

/* The mean over the members, weighted by their likelihood, of the noises' logarithms. */
static void weigh(struct wander *w)
{
    double best = -INFINITY, sum = 0, white = 0, walk = 0;
    for (int i = 0; i < WANDER_MEMBERS; i++)
        best = fmax(best, w->member[i].likelihood);
    for (int i = 0; i < WANDER_MEMBERS; i++) {
        double weight = exp(w->member[i].likelihood - best);
        sum += weight;
        white += weight * log(w->member[i].qx);
        walk += weight * log(w->member[i].qy);
    }
    w->qx = exp(white / sum);
    w->qy = exp(walk / sum);
}

void wander_update(struct wander *w, double z, double dt, double r)
{
    for (int i = 0; i < WANDER_MEMBERS; i++) {
        struct wander_member *m = &w->member[i];
        if (!w->count) {
            m->x = z;
            m->pxx = r;
            continue;
        }
        predict(m, dt);
        take(m, z, r, exp(-dt / MEMORY_S));
    }
    if (w->count++)
        weigh(w);
}
