/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_PLOT_H
#define TIMEBALL_SERVER_SIM_PLOT_H

#include "refclock/err.h"
#include "server/sim/series.h"

/*
 * Draws a run with gnuplot into an SVG file at `path`: error and bound, frequency, Allan deviation
 * and MTIE of the seconds after `settle`. `title` stands above. 0, or -1 with *err.
 */
int sim_plot_svg(const struct sim_series *s, double settle, const char *title, const char *path,
                 struct err *err);

/* Writes the gnuplot program that does it, data included. */
void sim_plot_script(FILE *out, const struct sim_series *s, double settle, const char *title);

#endif
