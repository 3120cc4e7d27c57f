/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/progress.h"

#include <stdio.h>
#include <unistd.h>

#define WIDTH 40

void sim_progress_start(struct sim_progress *p, bool quiet)
{
    *p = (struct sim_progress){.on = !quiet && isatty(STDERR_FILENO), .shown = -1};
}

void sim_progress_show(struct sim_progress *p, double share, const char *what)
{
    int percent = (int)(share * 100);
    char bar[WIDTH + 1];
    if (!p->on || percent == p->shown)
        return;
    p->shown = percent;
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i * 100 < percent * WIDTH ? '#' : '.';
    bar[WIDTH] = 0;
    fprintf(stderr, "\r[%s] %3d %%  %s\033[K", bar, percent, what ? what : "");
    fflush(stderr);
}

void sim_progress_end(struct sim_progress *p)
{
    if (p->on)
        fputs("\r\033[K", stderr);
    p->on = false;
}
