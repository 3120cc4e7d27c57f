/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/peer/clock_filter.h"

#include <math.h>
#include <string.h>

void clock_filter_init(struct clock_filter *f)
{
    f->count = 0;
}

void clock_filter_add(struct clock_filter *f, const struct clock_filter_stage *s)
{
    memmove(f->stage + 1, f->stage, sizeof *f->stage * (CLOCK_FILTER_STAGES - 1));
    f->stage[0] = *s;
    if (f->count < CLOCK_FILTER_STAGES)
        f->count++;
}

/* The stages by their delay, the least first. */
static void sort(const struct clock_filter *f, const struct clock_filter_stage **by)
{
    for (int i = 0; i < f->count; i++) {
        int k = i;
        for (; k > 0 && by[k - 1]->delay > f->stage[i].delay; k--)
            by[k] = by[k - 1];
        by[k] = &f->stage[i];
    }
}

bool clock_filter_figures(const struct clock_filter *f, int64_t now, double precision,
                          struct clock_filter_figures *out)
{
    const struct clock_filter_stage *by[CLOCK_FILTER_STAGES];
    double square = 0, dispersion = 0;
    if (!f->count)
        return false;
    sort(f, by);
    for (int i = CLOCK_FILTER_STAGES - 1; i >= 0; i--) {
        double one = CLOCK_FILTER_MAXDISP;
        if (i < f->count) {
            double age = (double)(now - by[i]->local) * 1e-9, off = by[i]->offset - by[0]->offset;
            one = fmin(one, by[i]->dispersion + CLOCK_FILTER_PHI * fmax(0, age));
            square += off * off;
        }
        dispersion = (dispersion + one) / 2;
    }
    *out = (struct clock_filter_figures){
        .offset = by[0]->offset,
        .delay = by[0]->delay,
        .dispersion = dispersion,
        .jitter = fmax(precision, f->count > 1 ? sqrt(square / (f->count - 1)) : 0),
    };
    return true;
}

double clock_filter_distance(const struct clock_filter_figures *f, double root_delay,
                             double root_dispersion)
{
    return fmax(CLOCK_FILTER_MINDISP, root_delay + f->delay) / 2 + root_dispersion + f->dispersion +
           f->jitter;
}
