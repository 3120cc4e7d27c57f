/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/pulse/pulse_width.h"

#include <stdbool.h>

#define WIDTH_MAX INT64_C(10000000000)

static double between(int64_t from, int64_t to)
{
    return to - from <= WIDTH_MAX ? (double)(to - from) * 1e-9 : 0;
}

double pulse_width_next(struct pulse_width *w, struct pulse_edge wanted, struct pulse_edge opposite)
{
    bool fresh = wanted.sequence != w->last.sequence;
    bool follows = wanted.sequence == w->last.sequence + 1 && w->last.sequence;
    bool both = wanted.sequence && opposite.sequence;
    if (both && opposite.at > wanted.at)
        w->width = between(wanted.at, opposite.at);
    else if (both && follows && opposite.at > w->last.at)
        w->width = between(w->last.at, opposite.at);
    else if (fresh || !both)
        w->width = 0;
    w->last = wanted;
    return w->width;
}
