/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/past.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/text.h"

void ctl_past_init(struct ctl_past *p)
{
    *p = (struct ctl_past){.asked = NAN, .uptime = NAN, .rate = NAN};
}

static double requests_of(const json_t *status)
{
    json_t *verdicts = json_object_get(json_object_get(status, "server"), "verdicts"), *value;
    const char *name;
    double sum = 0;
    json_object_foreach(verdicts, name, value) sum += json_number_value(value);
    return sum;
}

void ctl_past_add(struct ctl_past *p, const json_t *status)
{
    json_t *clock = json_object_get(status, "clock");
    double asked = requests_of(status);
    double uptime = ctl_number(json_object_get(status, "process"), "uptime");
    if (p->count == CTL_PAST_MAX)
        memmove(p->at, p->at + 1, (size_t)--p->count * sizeof *p->at);
    p->at[p->count].offset = ctl_number(clock, "offset");
    p->at[p->count++].bound = ctl_number(clock, "bound_total");
    /* another daemon counts from nothing */
    bool same = uptime > p->uptime && asked >= p->asked;
    p->rate = same ? (asked - p->asked) / (uptime - p->uptime) : (double)NAN;
    p->asked = asked;
    p->uptime = uptime;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double ctl_past_scale(const struct ctl_past *p, int columns)
{
    double size[CTL_PAST_MAX];
    size_t known = 0;
    for (int i = p->count > columns ? p->count - columns : 0; i < p->count; i++) {
        size[known] = fabs(p->at[i].offset) + p->at[i].bound;
        known += isfinite(size[known]);
    }
    if (!known)
        return NAN;
    qsort(size, known, sizeof *size, ascending);
    double scale = size[(known - 1) * 9 / 10] * 1.2;
    return scale > 1e-9 ? scale : 1e-9;
}

enum ctl_cell ctl_past_cell(const struct ctl_past *p, double scale, int row, int rows, int column,
                            int columns)
{
    int i = p->count - columns + column;
    double half = scale / rows; /* of a row's height */
    double middle = scale - (2 * row + 1) * half;
    bool zero = fabs(middle) < half * 1.0001 && middle <= 0;
    if (i < 0 || !isfinite(p->at[i].offset) || !isfinite(p->at[i].bound))
        return zero ? CTL_CELL_ZERO : CTL_CELL_EMPTY;
    /* what is higher than the chart stands at its edge */
    double shown = fmax(-scale + half, fmin(scale - half, p->at[i].offset));
    if (shown >= middle - half && shown < middle + half)
        return CTL_CELL_OFFSET;
    if (fabs(middle - p->at[i].offset) <= p->at[i].bound)
        return CTL_CELL_BAND;
    return zero ? CTL_CELL_ZERO : CTL_CELL_EMPTY;
}
