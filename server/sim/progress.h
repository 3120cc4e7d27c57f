/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_SIM_PROGRESS_H
#define TIMEBALL_SERVER_SIM_PROGRESS_H

#include <stdbool.h>

/* A bar on stderr, where that is a terminal; else nothing. */
struct sim_progress {
    bool on;
    int shown;
};

/* `quiet`: no bar, whatever stderr is. */
void sim_progress_start(struct sim_progress *p, bool quiet);

/* `share` of the work is done, 0..1; `what` is said beside ("seed 3 of 20"), or NULL. */
void sim_progress_show(struct sim_progress *p, double share, const char *what);

/* Takes the bar away. */
void sim_progress_end(struct sim_progress *p);

#endif
