/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/strength.h"

#include <math.h>

#define MEMORY 60 /* reports */

void strength_init(struct strength *s)
{
    *s = (struct strength){0};
}

/* The satellite's place; a new one takes a free place, or that of one not seen for long. -1: none.
 */
static int place(struct strength *s, int key)
{
    int oldest = 0;
    for (int i = 0; i < s->count; i++) {
        if (s->satellite[i].key == key)
            return i;
        if (s->report - s->satellite[i].seen > s->report - s->satellite[oldest].seen)
            oldest = i;
    }
    if (s->count < STRENGTH_SATELLITES)
        oldest = s->count++;
    else if (s->report - s->satellite[oldest].seen < MEMORY)
        return -1;
    s->satellite[oldest].key = key;
    s->satellite[oldest].reports = 0;
    s->satellite[oldest].mean = 0;
    return oldest;
}

/* dB: how far this one is from its mean; the mean follows. NAN: there is no mean of it yet. */
static double take_one(struct strength *s, const struct strength_satellite *now)
{
    int at = place(s, now->key);
    if (at < 0)
        return (double)NAN;
    if (s->satellite[at].reports && s->report - s->satellite[at].seen > MEMORY)
        s->satellite[at].reports = 0; /* it was away: another place in the sky */
    double mean = s->satellite[at].mean;
    bool warm = s->satellite[at].reports >= STRENGTH_WARM;
    if (s->satellite[at].reports < MEMORY)
        s->satellite[at].reports++;
    s->satellite[at].mean += (now->cn0 - mean) / s->satellite[at].reports;
    s->satellite[at].seen = s->report;
    return warm ? now->cn0 - mean : (double)NAN;
}

double strength_take(struct strength *s, const struct strength_satellite *now, int count)
{
    double sum = 0;
    int risen = 0, fallen = 0;
    s->report++;
    s->compared = 0;
    for (int i = 0; i < count; i++) {
        double step = now[i].key && now[i].cn0 > 0 ? take_one(s, &now[i]) : (double)NAN;
        if (isnan(step))
            continue;
        s->compared++;
        sum += step;
        risen += step >= STRENGTH_STEP_DB;
        fallen += step <= -STRENGTH_STEP_DB;
    }
    bool alike = s->compared >= STRENGTH_LEAST && (risen == s->compared || fallen == s->compared);
    return alike ? sum / s->compared : 0;
}
