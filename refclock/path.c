/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/path.h"

#include <math.h>
#include <string.h>

#define HOUR_NS     INT64_C(3600000000000)
#define FEW         8    /* delays, before which their spread says nothing */
#define MEMORY      64.0 /* delays that a mean remembers */
#define REROUTE_ROW 32   /* delays in a row that are all ... */
#define SQUARE_MOST 25.0 /* times what was expected: one lie is no noise */
#define REROUTE     6.0  /* ... this many mean excesses above the least: the path is another one */

void path_init(struct path *p)
{
    memset(p, 0, sizeof *p);
    for (int i = 0; i < PATH_SLOTS; i++)
        p->slot[i].least = INFINITY;
    p->since = INT64_MIN;
}

double path_least(const struct path *p)
{
    double least = INFINITY;
    for (int i = 0; i < PATH_SLOTS; i++)
        least = fmin(least, p->slot[i].least);
    return least;
}

static double remembered(const struct path *p)
{
    uint64_t n = 0;
    for (int i = 0; i < PATH_SLOTS; i++)
        n += p->slot[i].count;
    return (double)n;
}

static void turn_hours(struct path *p, int64_t local)
{
    if (p->since == INT64_MIN || local < p->since)
        p->since = local;
    for (int i = 0; i < PATH_SLOTS && local - p->since >= HOUR_NS; i++) {
        memmove(p->slot + 1, p->slot, sizeof *p->slot * (PATH_SLOTS - 1));
        p->slot[0] = (struct path_slot){.least = INFINITY};
        p->since += HOUR_NS;
    }
    if (local - p->since >= HOUR_NS)
        p->since = local;
}

/* A path that has become longer for good: the delays of before are another path's. */
static void watch_route(struct path *p, double delay, double least)
{
    if (p->count < FEW || delay - least <= REROUTE * p->excess) {
        p->above_row = 0;
        return;
    }
    p->above = p->above_row++ ? fmin(p->above, delay) : delay;
    if (p->above_row < REROUTE_ROW)
        return;
    int64_t since = p->since;
    double above = p->above, excess = p->excess, floor = p->floor;
    path_init(p);
    p->since = since;
    p->slot[0] = (struct path_slot){.least = above, .count = REROUTE_ROW};
    p->count = REROUTE_ROW;
    p->excess = excess;
    p->floor = floor;
}

static double fade(double mean, double value, uint64_t count, double memory)
{
    return mean + (value - mean) / fmin((double)count, memory);
}

double path_error(struct path *p, double delay, int64_t local, double precision)
{
    turn_hours(p, local);
    watch_route(p, delay, path_least(p));
    p->slot[0].least = fmin(p->slot[0].least, delay);
    p->slot[0].count++;
    p->count++;
    double least = path_least(p), over = delay - least;
    double most = p->count < FEW ? INFINITY : REROUTE * p->excess;
    p->excess = fade(p->excess, fmin(over, most), p->count, MEMORY);
    if (p->count < FEW)
        return fmax(delay / sqrt(12), precision);
    double missed = p->excess / 2 * sqrt(M_PI / 2 / remembered(p));
    double square = over * over + 2 * over * missed + missed * missed * 4 / M_PI;
    return fmax(sqrt(square / 12 + p->floor), precision);
}

void path_judge(struct path *p, double delay, double innovation, double sigma, double error)
{
    double over = delay - path_least(p);
    if (p->count < FEW || over > p->excess / 2) /* what queues did hides the rest */
        return;
    double expected = sigma * sigma + error * error;
    double square = fmin(innovation * innovation, SQUARE_MOST * expected);
    double unexplained = square - (expected - p->floor);
    p->judged++;
    p->floor = fmax(0, fade(p->floor, unexplained, p->judged + FEW, MEMORY));
}
