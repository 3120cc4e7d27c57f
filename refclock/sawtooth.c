/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/sawtooth.h"

#include <math.h>
#include <stdio.h>

#include "refclock/civil.h"

#define EARLY_NS   (NS_PER_S * 3 / 2) /* it is said at most so long before its pulse */
#define APART_S    1.5                /* pulses further apart are no row */
#define MEMORY     1000.0             /* second differences that count */
#define LEAST      30.0               /* of them, before anything is decided */
#define SURE       3.0                /* standard errors */
#define SHRINKS    0.5                /* above it the spread gets smaller */
#define CORRELATED 2.0                /* of second differences: so many say as much as one */
#define MOVES      0.2 /* a difference below this share of the largest error shows nothing */
#define FADES      0.999

void sawtooth_hear(struct sawtooth_use *u, const struct sawtooth *s)
{
    u->said[u->next] = *s;
    u->next = (u->next + 1) % SAWTOOTH_KEEPS;
    u->count += u->count < SAWTOOTH_KEEPS;
    u->most = fmax(fabs(s->error), u->most * FADES);
}

/* Where the receiver does not name the second, it is that of the next pulse. */
static bool belongs(const struct sawtooth *s, int64_t local, int64_t second)
{
    if (s->local >= local || local - s->local > EARLY_NS)
        return false;
    return s->second != INT64_MIN ? s->second == second : local - s->local <= NS_PER_S;
}

double sawtooth_of(const struct sawtooth_use *u, int64_t local, int64_t second)
{
    for (int i = 1; i <= u->count; i++) { /* the newest first */
        const struct sawtooth *s = &u->said[(u->next - i + SAWTOOTH_KEEPS) % SAWTOOTH_KEEPS];
        if (belongs(s, local, second))
            return s->error;
    }
    return NAN;
}

int64_t sawtooth_named(const struct sawtooth_use *u, int64_t local)
{
    for (int i = 1; i <= u->count; i++) {
        const struct sawtooth *s = &u->said[(u->next - i + SAWTOOTH_KEEPS) % SAWTOOTH_KEEPS];
        if (s->local < local)
            return local - s->local <= NS_PER_S ? s->second : INT64_MIN;
    }
    return INT64_MIN;
}

static double slope(const struct sawtooth_use *u)
{
    return u->qq > 0 ? u->zq / u->qq : 0;
}

/* Its standard error. */
static double slope_error(const struct sawtooth_use *u)
{
    double rest = fmax(0, u->zz - slope(u) * u->zq);
    return u->qq > 0 ? sqrt(CORRELATED * rest / (u->n * u->qq)) : INFINITY;
}

static void add(struct sawtooth_use *u, double z, double q)
{
    double keep = 1 - 1 / MEMORY;
    u->zz = keep * u->zz + z * z;
    u->zq = keep * u->zq + z * q;
    u->qq = keep * u->qq + q * q;
    u->n = keep * u->n + 1;
}

static bool decide(struct sawtooth_use *u)
{
    double least = slope(u) - SURE * slope_error(u), most = slope(u) + slope_error(u);
    bool on = u->on ? most > SHRINKS : least > SHRINKS;
    if (u->n < LEAST || on == u->on)
        return false;
    u->on = on;
    u->turns++;
    return true;
}

bool sawtooth_judge(struct sawtooth_use *u, int64_t local, double z, double q)
{
    bool follows = u->row && (double)(local - u->last) * 1e-9 < APART_S;
    u->row = isnan(q) ? 0 : follows ? u->row + 1 : 1;
    u->last = local;
    u->taken += u->row && u->on;
    u->without += !u->row;
    bool turned = false;
    if (u->row >= 3) {
        double dz = z - 2 * u->z[0] + u->z[1], dq = q - 2 * u->q[0] + u->q[1];
        if (fabs(dq) > MOVES * u->most) {
            add(u, dz, dq);
            turned = decide(u);
        }
    }
    u->z[1] = u->z[0];
    u->q[1] = u->q[0];
    u->z[0] = z;
    u->q[0] = q;
    return turned;
}

double sawtooth_left(const struct sawtooth_use *u)
{
    return u->on ? 0 : u->most;
}

const char *sawtooth_sentence(const struct sawtooth_use *u, char *buf, size_t size)
{
    if (!u->count)
        *buf = 0;
    else if (u->on)
        snprintf(buf, size, "taken off each pulse, up to %.1f ns: their spread is smaller for it",
                 u->most * 1e9);
    else if (u->n < LEAST)
        snprintf(buf, size, "of up to %.1f ns is said, and not yet taken off", u->most * 1e9);
    else
        snprintf(
            buf, size,
            "of up to %.1f ns is said, and not taken off: the spread of the pulses would not be "
            "surely smaller for it (%.2f +- %.2f of it is found in them)",
            u->most * 1e9, slope(u), slope_error(u));
    return buf;
}
