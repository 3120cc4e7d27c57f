/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/course.h"

#include <math.h>

#include "refclock/bound.h"

static double age(const struct course *c, int64_t local)
{
    return fmax(0, (double)(local - c->at) * 1e-9);
}

struct kalman course_filter(const struct course *c, int64_t local, double r)
{
    struct kalman k = c->kalman;
    kalman_predict(&k, age(c, local), &c->noise);
    kalman_scale(&k, c->r / r);
    return k;
}

struct course_word course_at(const struct course *c, int64_t local)
{
    struct kalman k = course_filter(c, local, c->r);
    double sigma = sqrt(fmax(0, k.p[0][0]) * c->r);
    return (struct course_word){
        .phase = k.x,
        .freq = k.y,
        .bound = bound_stat(sigma, c->count, c->gain, 0) + bound_unseen(c->seen, age(c, local)),
    };
}

void course_judge(struct course *c, int64_t local, double phase, double error)
{
    if (!c->on)
        return;
    struct course_word own = course_at(c, local);
    c->on = fabs(phase - own.phase) > own.bound + error;
}
