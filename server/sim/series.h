/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_SERIES_H
#define TIMEBALL_SERVER_SIM_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "server/sim/judge.h"

/* A run second by second, for tables and plots. Errors are clock minus truth; NAN: none. */
struct sim_row {
    double free;               /* s, phase of the oscillator that nobody steers, since the start */
    float error;               /* s, of the clock */
    float served, stat, total; /* s, of the served time, and its bounds */
    float freq;                /* frequency error of the steered clock */
    float innovation;          /* s, of this second's pulse, if it was used */
    float pulse;               /* s, how late its stamp was */
    uint8_t state;             /* enum refclock_state */
    uint8_t stratum;           /* as served; 0: none */
};

struct sim_series {
    struct sim_row *row; /* row[i] is of second i + 1 */
    size_t count, room;
    bool failed;   /* no memory: incomplete */
    uint64_t used; /* pulses, up to the last row */
    int64_t raw;   /* ns, unsteered reading at the start */
};

/* Makes the judge fill *s, which begins empty, with a row a second. */
void sim_series_attach(struct sim_series *s, struct sim_judge *j);

/* Frees the rows. */
void sim_series_free(struct sim_series *s);

/* Writes all as comma-separated values below a line of names. 0, or -1 with *err. */
int sim_series_csv(const struct sim_series *s, const char *path, struct err *err);

#endif
