/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/site.h"

#include <math.h>

#include "refclock/civil.h"

#define COUNT_MAX   86400 /* of a day: later positions count no less than these */
#define LIMIT_MIN_M 30.0
#define SPREADS     6
#define ACCURACIES  3 /* of what the receiver itself claims, but no more than */
#define ACCURACY_M  50.0
#define GAP_NS      (600 * NS_PER_S) /* after a longer one it is learned anew, until it is known */

void site_init(struct site *s, bool stated)
{
    *s = (struct site){.stated = stated, .since = INT64_MIN};
}

double site_distance(const struct site *s, const double ecef[3])
{
    double sum = 0;
    if (s->since == INT64_MIN)
        return (double)NAN;
    for (int i = 0; i < 3; i++)
        sum += (ecef[i] - s->center[i]) * (ecef[i] - s->center[i]);
    return sqrt(sum);
}

double site_limit(const struct site *s, double accuracy)
{
    double own = isnan(accuracy) ? 0 : fmin(ACCURACY_M, ACCURACIES * accuracy);
    return fmax(LIMIT_MIN_M, SPREADS * s->spread + own);
}

static void begin(struct site *s, const double ecef[3], int64_t local)
{
    site_init(s, s->stated);
    s->since = s->last = local;
    s->count = 1;
    for (int i = 0; i < 3; i++)
        s->center[i] = ecef[i];
}

void site_learn(struct site *s, const double ecef[3], int64_t local)
{
    double away = site_distance(s, ecef);
    bool lost = !s->known && (away > SITE_RADIUS_M || local - s->last > GAP_NS);
    if (s->since == INT64_MIN || lost) {
        begin(s, ecef, local);
        return;
    }
    s->count += s->count < COUNT_MAX;
    double weight = 1 / (double)s->count, most = s->count < 10 ? SITE_RADIUS_M : 3 * s->spread + 1;
    double part = away > most ? most / away : 1;
    for (int i = 0; i < 3; i++)
        s->center[i] += weight * part * (ecef[i] - s->center[i]);
    s->spread += weight * (fmin(away, most) - s->spread);
    s->last = local;
    s->known |= local - s->since >= (s->stated ? SITE_STATED_S : SITE_LEARN_S) * NS_PER_S;
}
