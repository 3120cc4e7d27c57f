/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_RESULT_H
#define TIMEBALL_SERVER_SIM_RESULT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/sim/judge.h"

/*
 * What a simulated run shows, in figures: one row a figure has its name, its unit and whether more
 * is worse. Not to be had: NAN; never: infinity.
 */
enum sim_figure {
    SIM_RMS,
    SIM_P999,
    SIM_MAX,
    SIM_FREQ,
    SIM_LOCK,
    SIM_TO_10US,
    SIM_TO_1US,
    SIM_HOLD_1H,
    SIM_HOLD_1D,
    SIM_HOLD_END,
    SIM_HOLD_WORST,
    SIM_BACK_1US,
    SIM_WARM,
    SIM_SECONDS,
    SIM_SERVED,
    SIM_SERVED_WORST,
    SIM_OUTSIDE,
    SIM_UNSAID,
    SIM_OUTSIDE_STAT,
    SIM_STAT,
    SIM_TOTAL,
    SIM_STEPS,
    SIM_JUMPS,
    SIM_STRATUM,
    SIM_STRATUM_MOST,
    SIM_BACKWARDS,
    SIM_MALFORMED,
    SIM_LEAP_WRONG,
    SIM_LEAP_MISSING,
    SIM_LEAP_LOST,
    SIM_LEAP_WORST,
    SIM_COMPUTED,
    SIM_FIGURES
};

struct sim_result {
    int64_t seed;
    double value[SIM_FIGURES];
};

struct sim_figure_row {
    const char *name;  /* in JSON */
    const char *label; /* for people */
    enum { SIM_UNIT_S, SIM_UNIT_WHOLE_S, SIM_UNIT_FREQ, SIM_UNIT_COUNT, SIM_UNIT_CPU } unit;
    bool less_is_worse;
    bool signed_value; /* its sign counts in JSON; people see the size */
    const char *help;  /* one sentence for the manual */
};
extern const struct sim_figure_row sim_figure_rows[SIM_FIGURES];

/* The figures of a judge that has seen its run; `computed`: CPU seconds that it took. */
void sim_result_take(struct sim_result *r, const struct sim_judge *j, double computed);

/* True when nothing was seen that must not be. */
bool sim_result_clean(const struct sim_result *r);

/* For people: the figures of one run; median and worst of several. */
void sim_result_print(FILE *out, const struct sim_result *r);
void sim_result_print_all(FILE *out, const struct sim_result *r, int count);

/* One JSON object on a line: the seed and every figure; not to be had and never are null. */
void sim_result_json(FILE *out, const struct sim_result *r);

#endif
