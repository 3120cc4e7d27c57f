/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_STEERING_H
#define TIMEBALL_SERVER_SIM_STEERING_H

#include <stdint.h>

/* How a recorded clock was steered, so that the steering can be taken out of what it stamped. */
#define SIM_STEERINGS 8 /* a late event belongs to one of so many */

struct sim_steering {
    struct {
        int64_t since; /* local, ns */
        double freq;
        double sum;        /* ns that steering did before */
    } part[SIM_STEERINGS]; /* newest first */
};

/* Not steered, from the local time `local` on. */
void sim_steering_init(struct sim_steering *s, int64_t local);

/* Steered by `freq` from `local` on. */
void sim_steering_set(struct sim_steering *s, int64_t local, double freq);

/* What the clock would have shown at its local time `local`, had nobody steered it; ns. */
int64_t sim_steering_free(const struct sim_steering *s, int64_t local);

#endif
