/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/noise.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define LONG_MEMORY   14400 /* s */
#define SHORT_MEMORY  64
#define SLOWEST       0.0001 /* phase gain of the slowest filters, ... */
#define SPEED_FACTOR  1.5    /* ... and the factor to the next */
#define FIRST_COUNTED 12     /* innovations before say more about the start than the noise */
#define OVERRULE      12     /* log likelihood ratio that lets the short memory decide */
#define WARM_COUNT    600    /* innovations until gains of an earlier run are given up */
#define RIPE          6.0    /* times that a filter's memory must have passed, ... */
#define RIPE_ALWAYS   0.1    /* ... but for those as quick as this */
#define DRIFT_LEAST   0.05   /* likelihood of a drift below which there is none */
#define GAP_S         60
#define CLIP          9.0  /* times the expected square: no disturbance speaks for hours */
#define PRIOR_SIGMA   1e-6 /* s, pulse noise before anything was seen */
#define PRIOR_WEIGHT  2    /* innovations that it counts for */

/*
 * Shares of the greatest frequency gain that fits a phase gain, and of the greatest drift gain that
 * fits both: 1 means that only the noise one order higher is there.
 */
static const struct {
    double frequency, drift;
} shapes[NOISE_SHAPES] = {{0, 0},      {0.1, 0},    {0.35, 0}, {0.7, 0}, {1, 0},
                          {0.9, 0.05}, {0.95, 0.2}, {1, 0.5},  {1, 0.9}};

static void set_gains(struct noise_member *m, double k1, double frequency, double drift)
{
    m->k1 = k1;
    m->k3 = drift * k1 * k1 * k1 / 8;
    m->k2 = frequency * (k1 * k1 + m->k1 * m->k3 / 2) / (2 - k1);
}

/*
 * The noises under which these gains are the optimum, from the fixed point of the Riccati equation,
 * in units of R: S = R / (1 - k1); qx = S (k1^2 - 2 k2 + k1 k2 + k1 k3 / 2); qy = S (k2^2 - 2 k1
 * k3); qd = S k3^2.
 */
static struct kalman_noise noise_of_gains(double k1, double k2, double k3)
{
    double s = 1 / (1 - k1);
    return (struct kalman_noise){
        .qx = s * fmax(0, k1 * k1 - 2 * k2 + k1 * k2 + k1 * k3 / 2),
        .qy = s * fmax(0, k2 * k2 - 2 * k1 * k3),
        .qd = s * k3 * k3,
    };
}

double noise_prior(void)
{
    return PRIOR_SIGMA * PRIOR_SIGMA;
}

static void prime(struct noise *n, double r)
{
    n->r = r;
    for (int i = 0; i < NOISE_MEMBERS; i++)
        n->member[i].v_long = n->member[i].v_short = r;
}

void noise_init(struct noise *n)
{
    memset(n, 0, sizeof *n);
    for (int i = 0; i < NOISE_MEMBERS; i++) {
        int speed = i / NOISE_SHAPES;
        double k1 = SLOWEST * pow(SPEED_FACTOR, speed);
        set_gains(&n->member[i], k1, shapes[i % NOISE_SHAPES].frequency,
                  shapes[i % NOISE_SHAPES].drift);
    }
    prime(n, noise_prior());
    n->k1 = 0.05;
    n->k2 = n->k1 * n->k1 / 4;
    n->ratio = noise_of_gains(n->k1, n->k2, 0);
}

/* One filter, one value. Until its memory is full it is the line through all values (gains of a
 * growing fit). */
static double member_update(struct noise_member *m, double z, double dt, double count)
{
    double k1 = fmax(m->k1, (4 * count - 2) / (count * (count + 1)));
    double k2 = count < 2 ? 0 : fmax(m->k2, 6 / (count * (count + 1)));
    double k3 = count * m->k1 > 4 ? m->k3 : 0;
    m->x += m->y * dt + m->d * dt * dt / 2;
    m->y += m->d * dt;
    double innovation = z - m->x;
    m->x += k1 * innovation;
    m->y += k2 * innovation;
    m->d += k3 * innovation;
    return innovation;
}

struct mean {
    double k1, k2, k3, v, weight, drifting;
};

/*
 * A filter slower than what was seen so far has shown nothing: it still is the line through all
 * values, as every slower one, and to believe it would be to trust the oscillator blindly.
 */
static bool is_ripe(const struct noise *n, const struct noise_member *m)
{
    return m->k1 * (double)n->counted >= RIPE || m->k1 >= RIPE_ALWAYS;
}

/* The members' gains, each weighted by its likelihood over `count` innovations. */
static struct mean weigh(const struct noise *n, double count, bool recent)
{
    struct mean mean = {0};
    double least = INFINITY;
    for (int i = 0; i < NOISE_MEMBERS; i++)
        if (is_ripe(n, &n->member[i]))
            least = fmin(least, recent ? n->member[i].v_short : n->member[i].v_long);
    for (int i = 0; i < NOISE_MEMBERS; i++) {
        const struct noise_member *m = &n->member[i];
        double v = recent ? m->v_short : m->v_long;
        if (!is_ripe(n, m))
            continue;
        double log_ratio = count / 2 * log(v / least) + (m->k3 > 0 ? log(count + 1) : 0);
        if (log_ratio > 20)
            continue;
        double w = exp(-log_ratio);
        mean.weight += w;
        mean.drifting += m->k3 > 0 ? w : 0;
        mean.k1 += w * log(m->k1);
        mean.k2 += w * m->k2 / (m->k1 * m->k1);
        mean.k3 += w * m->k3 / (m->k1 * m->k1 * m->k1);
        mean.v += w * v;
    }
    /* speeds are spaced by a factor, and the shapes are relative to the speed */
    mean.k1 = exp(mean.k1 / mean.weight);
    mean.k2 *= mean.k1 * mean.k1 / mean.weight;
    mean.k3 *= mean.k1 * mean.k1 * mean.k1 / mean.weight;
    /* a drift that nothing speaks for would be carried far into a holdover */
    if (mean.drifting < DRIFT_LEAST * mean.weight)
        mean.k3 = 0;
    mean.v /= mean.weight;
    return mean;
}

/* How well the gains of the long memory did lately: the mean square innovation of the member
 * nearest to them. */
static double recent_of(const struct noise *n, const struct mean *chosen)
{
    double nearest = INFINITY, v = 0;
    for (int i = 0; i < NOISE_MEMBERS; i++) {
        const struct noise_member *m = &n->member[i];
        double d1 = log(m->k1 / chosen->k1), d2 = (m->k2 - chosen->k2) / (chosen->k1 * chosen->k1);
        double d3 = (m->k3 - chosen->k3) / (chosen->k1 * chosen->k1 * chosen->k1) * 4;
        double distance = d1 * d1 + d2 * d2 + d3 * d3;
        if (distance < nearest) {
            nearest = distance;
            v = m->v_short;
        }
    }
    return v;
}

static void choose(struct noise *n)
{
    double count = fmin((double)n->counted, LONG_MEMORY),
           lately = fmin((double)n->counted, SHORT_MEMORY);
    struct mean slow = weigh(n, count, false), fast = weigh(n, lately, true);
    if (n->warm && n->counted < WARM_COUNT)
        slow = (struct mean){.k1 = n->k1, .k2 = n->k2, .k3 = n->k3, .v = slow.v};
    double chosen = recent_of(n, &slow);
    if (lately / 2 * log(chosen / fast.v) > OVERRULE) {
        slow = fast;
        n->turns++;
    } else if (fabs(log(chosen / slow.v)) > 4 * sqrt(2 / lately))
        slow.v = chosen; /* the same gains, but the noise has another size now */
    n->k1 = slow.k1;
    n->k2 = slow.k2;
    n->k3 = slow.k3;
    n->ratio = noise_of_gains(slow.k1, slow.k2, slow.k3);
    n->r = slow.v * (1 - slow.k1);
}

void noise_update(struct noise *n, double z, int64_t seconds, double r)
{
    if (n->counted == 0)
        prime(n, r);
    if (seconds > GAP_S)
        n->seen = 0;
    n->seen++;
    bool count = n->seen > FIRST_COUNTED && seconds == 1;
    double forget_long = 0, forget_short = 0;
    if (count) {
        n->counted++;
        double weight = (double)n->counted + PRIOR_WEIGHT;
        forget_long = 1 / fmin(weight, LONG_MEMORY);
        forget_short = 1 / fmin(weight, SHORT_MEMORY);
    }
    double most = CLIP * n->r / (1 - n->k1);
    for (int i = 0; i < NOISE_MEMBERS; i++) {
        struct noise_member *m = &n->member[i];
        if (n->seen == 1)
            m->y = m->d = 0;
        double innovation = member_update(m, z, (double)seconds, (double)n->seen);
        double square = fmin(innovation * innovation, most);
        m->v_long += forget_long * (square - m->v_long);
        m->v_short += forget_short * (square - m->v_short);
    }
    if (count && (n->counted < 120 || n->counted % 16 == 0))
        choose(n);
}

void noise_warm(struct noise *n, double pulse, double k1, double k2, double k3)
{
    n->warm = true;
    n->k1 = k1;
    n->k2 = k2;
    n->k3 = k3;
    n->ratio = noise_of_gains(k1, k2, k3);
    prime(n, pulse * pulse);
}

void noise_refresh(struct noise *n)
{
    for (int i = 0; i < NOISE_MEMBERS; i++)
        n->member[i].v_long = n->member[i].v_short;
    if (n->counted > SHORT_MEMORY)
        n->counted = SHORT_MEMORY;
}

double noise_white_fm(const struct noise *n)
{
    return sqrt(n->ratio.qx * n->r);
}

double noise_walk_fm(const struct noise *n)
{
    return sqrt(n->ratio.qy * n->r);
}

double noise_pulse(const struct noise *n)
{
    return sqrt(n->r);
}
