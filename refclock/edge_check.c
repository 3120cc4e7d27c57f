/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/edge_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SAME_S    5e-3 /* widths that are one */
#define SAME_ROW  3
#define NEAR_S    20e-3 /* a measured width is the stated one */
#define HALF_S    0.05  /* nearer to half a second a width alone does not tell */
#define USUAL_S   40e-3 /* messages come as usual */
#define UNUSUAL_S 60e-3 /* they come a pulse's length too early, +- */

void edge_check_init(struct edge_check *c)
{
    memset(c, 0, sizeof *c);
    c->hint.width = c->hint.usual = (double)NAN;
}

void edge_check_edge(struct edge_check *c, const struct edge *e)
{
    bool same = c->width > 0 && e->width > 0 && fabs(e->width - c->width) < SAME_S &&
                e->falling == c->falling;
    c->falling = e->falling;
    c->same = same ? c->same + (c->same < SAME_ROW) : 0;
    c->width = e->width < 1 ? e->width : 0;
}

static enum edge_verdict by_others(struct edge_check *c, const struct edge_moment *m)
{
    if (!m->accordance)
        return EDGE_UNVERIFIED;
    snprintf(c->why, sizeof c->why, "another source agrees with it");
    return EDGE_RIGHT;
}

/* Pulses are shorter than half a second unless the receiver says otherwise. */
static enum edge_verdict by_width(struct edge_check *c)
{
    double stated = c->hint.width;
    bool known = stated > 0 && stated < 1 && fabs(stated - 0.5) > NEAR_S;
    if (c->same < SAME_ROW)
        return EDGE_UNVERIFIED;
    double right = known ? stated : c->width < 0.5 - HALF_S ? c->width : -1;
    double wrong = known ? 1 - stated : c->width > 0.5 + HALF_S ? c->width : -1;
    if (fabs(c->width - right) < NEAR_S) {
        snprintf(c->why, sizeof c->why, "the other edge comes %.0f ms later", c->width * 1e3);
        return EDGE_RIGHT;
    }
    if (fabs(c->width - wrong) >= NEAR_S)
        return EDGE_UNVERIFIED;
    snprintf(c->why, sizeof c->why, "the pulse began at the other edge, %.0f ms before this one",
             (1 - c->width) * 1e3);
    return EDGE_WRONG;
}

static enum edge_verdict by_setting(struct edge_check *c)
{
    if (!c->hint.marks)
        return EDGE_UNVERIFIED;
    bool right = (c->hint.marks < 0) == c->falling;
    snprintf(c->why, sizeof c->why, "the receiver is set to mark the second by the %s edge",
             c->hint.marks > 0 ? "rising" : "falling");
    return right ? EDGE_RIGHT : EDGE_WRONG;
}

/* An edge that is late by the pulse's length makes messages look early by it. */
static bool is_early_by(double early, double width)
{
    return fabs(remainder(early - width, 1)) < UNUSUAL_S;
}

static enum edge_verdict by_delay(struct edge_check *c, const struct edge_moment *m)
{
    static const double usual[] = {0.1, 0.5, 0.2}; /* s: lengths of pulses that receivers have */
    double early = remainder(c->hint.usual - m->delay, 1);
    if (isnan(early))
        return EDGE_UNVERIFIED;
    snprintf(c->why, sizeof c->why, "messages come %.0f ms after it, usual for this board are %.0f",
             m->delay * 1e3, c->hint.usual * 1e3);
    if (fabs(early) < USUAL_S)
        return EDGE_RIGHT;
    bool wrong = !isnan(c->hint.width) && is_early_by(early, c->hint.width);
    for (size_t i = 0; isnan(c->hint.width) && i < sizeof usual / sizeof *usual; i++)
        wrong = wrong || is_early_by(early, usual[i]);
    return wrong ? EDGE_WRONG : EDGE_UNVERIFIED;
}

static enum edge_verdict judge(struct edge_check *c, const struct edge_moment *m)
{
    enum edge_verdict v = by_others(c, m);
    if (v == EDGE_UNVERIFIED)
        v = by_width(c);
    if (v == EDGE_UNVERIFIED)
        v = by_setting(c);
    if (v == EDGE_UNVERIFIED)
        v = by_delay(c, m);
    if (v == EDGE_UNVERIFIED)
        c->why[0] = 0;
    return v;
}

bool edge_check_judge(struct edge_check *c, const struct edge_moment *m)
{
    enum edge_verdict before = c->verdict;
    c->verdict = judge(c, m);
    return c->verdict != before;
}

const char *edge_verdict_name(enum edge_verdict v)
{
    static const char *const names[] = {
        [EDGE_UNVERIFIED] = "unverified", [EDGE_RIGHT] = "right", [EDGE_WRONG] = "inverted"};
    return names[v];
}
