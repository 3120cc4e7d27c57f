/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_PAST_H
#define TIMEBALL_SERVER_CTL_PAST_H

#include <jansson.h>

/* What `timeballctl watch` has seen: a status each second, and a chart of it. */

#define CTL_PAST_MAX 512
struct ctl_past {
    int count;
    struct {
        double offset, bound; /* s, NAN unknown */
    } at[CTL_PAST_MAX];       /* oldest first */
    double asked, uptime;     /* requests until then; NAN: no status yet */
    double rate;              /* requests a second between the last two; NAN unknown */
};

/* Nothing seen yet. */
void ctl_past_init(struct ctl_past *p);

/* The status of another second; the oldest is forgotten when there are too many. */
void ctl_past_add(struct ctl_past *p, const json_t *status);

/*
 * Half the height, s, of a chart that shows the last `columns` seconds: most bounds are inside it
 * (one wild second does not flatten the rest). NAN: nothing is known.
 */
double ctl_past_scale(const struct ctl_past *p, int columns);

/* What stands at a place of that chart; row 0 is at the top, the last column is now. */
enum ctl_cell { CTL_CELL_EMPTY, CTL_CELL_ZERO, CTL_CELL_BAND, CTL_CELL_OFFSET };
enum ctl_cell ctl_past_cell(const struct ctl_past *p, double scale, int row, int rows, int column,
                            int columns);

#endif
