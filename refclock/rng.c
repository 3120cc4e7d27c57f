/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/rng.h"

#include <math.h>
#include <string.h>
#include <sys/random.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

struct rng rng_seeded(uint64_t seed, uint64_t stream)
{
    uint64_t state = seed ^ splitmix(&stream);
    struct rng r;
    for (int i = 0; i < 4; i++)
        r.s[i] = splitmix(&state);
    return r;
}

struct rng rng_from_kernel(void)
{
    uint64_t seed[2] = {0, 0};
    /* never blocks once the machine is up; should it fail, addresses still differ from run to run
     */
    if (getrandom(seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed[0] = (uint64_t)(uintptr_t)&seed;
    return rng_seeded(seed[0], seed[1]);
}

uint64_t rng_u64(struct rng *r)
{
    uint64_t result = rotate(r->s[1] * 5, 7) * 9, t = r->s[1] << 17;
    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotate(r->s[3], 45);
    return result;
}

double rng_uniform(struct rng *r)
{
    return ((double)(rng_u64(r) >> 11) + 0.5) * 0x1p-53;
}

double rng_gauss(struct rng *r)
{
    double radius = sqrt(-2 * log(rng_uniform(r)));
    return radius * cos(2 * M_PI * rng_uniform(r));
}

double rng_exponential(struct rng *r, double mean)
{
    return mean > 0 ? -mean * log(rng_uniform(r)) : 0;
}
