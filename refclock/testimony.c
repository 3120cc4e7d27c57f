/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/testimony.h"

#include <math.h>
#include <string.h>

#include "refclock/civil.h"

#define ROW_LEAST    3
#define DELAYS_LEAST 4
#define HELD_MOST    12
#define LIFE_NS      (3 * NS_PER_S)
#define MARGIN_S     0.05
#define LATEST_S     2.0 /* of delays, and of what may be stated */
#define SPAN_MOST    0.8 /* s: more tells no second */

void testimony_init(struct testimony *t)
{
    memset(t, 0, sizeof *t);
    t->heard = INT64_MIN;
}

static void forget(struct testimony *t)
{
    t->row = t->delays = t->next = 0;
}

void testimony_edge(struct testimony *t, int64_t local, int64_t second)
{
    if (second == INT64_MIN)
        return;
    int64_t passed = (local - t->local + NS_PER_S / 2) / NS_PER_S;
    bool follows = t->row && local > t->local && second - t->named == passed;
    if (!follows)
        forget(t);
    t->row += t->row < ROW_LEAST;
    t->local = t->heard = local;
    t->named = second;
}

static void range(const struct testimony *t, double *low, double *high)
{
    *low = INFINITY;
    *high = -INFINITY;
    for (int i = 0; i < t->delays; i++) {
        *low = fmin(*low, t->delay[i]);
        *high = fmax(*high, t->delay[i]);
    }
}

bool testimony_tells(const struct testimony *t)
{
    double low, high;
    range(t, &low, &high);
    return t->row >= ROW_LEAST && t->delays >= DELAYS_LEAST && high - low < SPAN_MOST;
}

static void take(struct testimony *t, const struct timelabel *l)
{
    double delay = (double)(l->local - t->local) * 1e-9 - (double)(l->second - t->named);
    if (!(delay > -MARGIN_S && delay < LATEST_S - MARGIN_S)) {
        t->delays = t->next = 0;
        return;
    }
    t->delay[t->next] = delay;
    t->next = (t->next + 1) % NUMBERING_DELAYS;
    t->delays += t->delays < NUMBERING_DELAYS;
}

bool testimony_label(struct testimony *t, struct timelabel *l)
{
    double low, high;
    bool said = t->heard != INT64_MIN && l->local - t->heard < LIFE_NS;
    if (!said || !isnan(l->delay_min) || l->nsec)
        return true;
    if (t->row >= ROW_LEAST)
        take(t, l);
    if (!testimony_tells(t))
        return t->held >= HELD_MOST || t->held++ >= HELD_MOST;
    range(t, &low, &high);
    l->delay_min = fmax(0, low - MARGIN_S);
    l->delay_max = high + MARGIN_S;
    return true;
}
