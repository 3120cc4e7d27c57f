/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_GNUPLOT_H
#define TIMEBALL_SERVER_SIM_GNUPLOT_H

#include <stdio.h>
#include <sys/types.h>

#include "refclock/err.h"

/* A gnuplot at work: what is written to `in` is its program, what it draws goes to a file. */
struct sim_gnuplot {
    FILE *in;
    pid_t pid;
    const char *path; /* borrowed */
};

/* Starts it, to draw into `path`. 0, or -1 with *err, which says what to install when it is not
 * there. */
int sim_gnuplot_start(struct sim_gnuplot *g, const char *path, struct err *err);

/* Ends the program and waits for the picture. 0, or -1 with *err. */
int sim_gnuplot_finish(struct sim_gnuplot *g, struct err *err);

#endif
