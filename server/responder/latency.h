/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_LATENCY_H
#define TIMEBALL_SERVER_RESPONDER_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

/*
 * How long after the reading of the clock an answer leaves, as measured on some: at once where it
 * leaves alone; the answers of a batch leave one after the other, so there it is a line over the
 * place in the batch. Medians of the newest measurements, for some answers are held up by something
 * else.
 */
#define LATENCY_KEPT   31
#define LATENCY_FAR    3       /* from this place on there is enough between it and the first */
#define LATENCY_MAX_NS 1000000 /* what takes longer was held up, and tells nothing */

struct latency_median {
    int32_t value[LATENCY_KEPT]; /* ns, the newest ones */
    unsigned count;              /* so many came; turns round when all are kept */
    int32_t median;              /* ns; 0 until there is one */
    int32_t low;                 /* ns, the lower quartile; 0 until there is one */
};

struct latency {
    struct latency_median alone; /* of an answer that leaves alone */
    struct latency_median first; /* of the first answer of a batch of several */
    struct latency_median each;  /* more for each answer before it */
};

/* Takes in one more measurement, ns. */
void latency_add(struct latency_median *m, int64_t ns);

/* The answer at `place` (0: the first) of so many left `ns` after the clock was read. */
void latency_learn(struct latency *l, unsigned place, unsigned answers, int64_t ns);

/*
 * When the answer at `place` of so many is expected to leave, ns after the clock was read; 0: not
 * known yet. The first of several and one alone stand in for each other.
 * The lower quartile: an answer that said that it leaves later than it arrives would be a server's
 * mistake to its client, and what was measured under load must not outlive that.
 */
static inline int64_t latency_expect(const struct latency *l, unsigned place, unsigned answers)
{
    bool alone = l->alone.count && (answers == 1 || !l->first.count);
    return (alone ? l->alone.low : l->first.low) + (int64_t)place * l->each.median;
}

#endif
