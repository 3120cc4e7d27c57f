/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/clock.h"

#include <math.h>
#include <stdlib.h>

#define FREQ_LIMIT 500e-6 /* clock_adjtime(2) */

/* What a foreign frequency, and the reading itself, may make of a pair of readings. */
#define FOREIGN_FREQ 1e-3
#define READING_NS   20000

/* How near to a leap second's own size and time a step must be. */
#define LEAP_NEAR_NS INT64_C(1000000)
#define LEAP_TIME_NS INT64_C(5000000000)

int clock_set_freq(struct clock *c, double freq, double *set, int64_t *at, struct err *err)
{
    if (!c->steerable)
        return err_set(err, c->ops->name, "", "is not to be steered");
    double limited = fmax(-FREQ_LIMIT, fmin(FREQ_LIMIT, freq));
    if (c->ops->set_freq(c, limited, set, at, err))
        return -1;
    c->freq = *set;
    return 0;
}

int clock_step(struct clock *c, double offset, int64_t *at, struct err *err)
{
    if (!c->steerable)
        return err_set(err, c->ops->name, "", "is not to be stepped");
    int64_t ns = llrint(offset * 1e9);
    if (c->ops->step(c, ns, at, err))
        return -1;
    c->stepped += ns;
    c->generation++;
    c->seen_raw = 0; /* the next clock_watch() begins anew */
    return 0;
}

/* A reading between two raw ones; *width tells how far apart those were. */
static void read_pair(struct clock *c, int64_t *now, int64_t *raw, int64_t *width)
{
    for (int tries = 0; tries < 3; tries++) {
        int64_t before = clock_raw(c), reading = clock_now(c), after = clock_raw(c);
        if (tries && after - before >= *width)
            continue;
        *now = reading;
        *raw = before;
        *width = after - before;
        if (*width < READING_NS)
            return;
    }
}

void clock_expect_leap(struct clock *c, int64_t at, int seconds)
{
    c->leap_at = at;
    c->leap_step = seconds;
}

/* Takes a step for the leap second's, if it is one. */
static bool is_leap(struct clock *c, int64_t step, int64_t now)
{
    int64_t leap = (int64_t)c->leap_step * 1000000000;
    if (!c->leap_at || llabs(step - leap) > LEAP_NEAR_NS || llabs(now - c->leap_at) > LEAP_TIME_NS)
        return false;
    c->stepped += leap;
    c->leap_at = 0;
    return true;
}

int64_t clock_watch(struct clock *c)
{
    int64_t now = 0, raw = 0, width = 0;
    read_pair(c, &now, &raw, &width);
    int64_t step = 0;
    if (c->seen_raw) {
        int64_t elapsed = raw - c->seen_raw;
        int64_t differs = now - c->seen_now - elapsed;
        double explained = (double)elapsed * FOREIGN_FREQ + (double)(READING_NS + width);
        if (fabs((double)differs) > explained) {
            step = differs - llrint((double)elapsed * c->freq);
            c->generation++;
            if (is_leap(c, step, now))
                step = 0;
            c->stepped += step;
        }
    }
    c->seen_now = now;
    c->seen_raw = raw;
    return step;
}

int clock_precision(struct clock *c)
{
    int64_t least = INT64_MAX, last = clock_now(c);
    for (int i = 0; i < 32; i++) {
        int64_t now = clock_now(c);
        if (now > last && now - last < least)
            least = now - last;
        last = now;
    }
    if (least == INT64_MAX)
        return -29; /* shows 1 ns and never moved: a virtual clock */
    int log2s = (int)ceil(log2((double)least * 1e-9));
    return log2s < -29 ? -29 : log2s > -6 ? -6 : log2s;
}

void clock_close(struct clock *c)
{
    if (c && c->ops->close)
        c->ops->close(c);
}
