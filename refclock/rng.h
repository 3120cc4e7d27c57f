/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_RNG_H
#define TIMEBALL_REFCLOCK_RNG_H

#include <stdint.h>

/*
 * Random numbers as a seam: seeded in simulations (xoshiro256**, Blackman and Vigna 2018, seeded by
 * splitmix64), from the kernel in service. Not for keys.
 */
struct rng {
    uint64_t s[4];
};

/* One generator a subject: the same seed and stream give the same numbers on every machine. */
struct rng rng_seeded(uint64_t seed, uint64_t stream);

/* Seeded by getrandom(). */
struct rng rng_from_kernel(void);

/* 64 random bits. */
uint64_t rng_u64(struct rng *r);

/* Uniform in the open interval (0, 1). */
double rng_uniform(struct rng *r);

/* Normal, mean 0, variance 1 (Box and Muller 1958). */
double rng_gauss(struct rng *r);

/* Exponential with the given mean; 0 for a mean that is not positive. */
double rng_exponential(struct rng *r, double mean);

#endif
