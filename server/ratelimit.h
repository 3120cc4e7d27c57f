/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RATELIMIT_H
#define TIMEBALL_SERVER_RATELIMIT_H

#include <stddef.h>
#include <stdint.h>

/* How much an address may ask (`discard`, `ratelimit`). */
struct ratelimit_config {
    double average;  /* s between requests in the long run, > 0 */
    int64_t burst;   /* requests that may come at once, 1..255 */
    double minimum;  /* s between two requests; 0: any */
    int64_t kod;     /* s between two kisses of death to one client, 1..255 */
    int64_t leak;    /* one in so many requests over the limit is answered all the same; 0: none */
    int64_t clients; /* that are remembered, by each thread */
};

#define RATELIMIT_AVERAGE 1.0
#define RATELIMIT_BURST   20
#define RATELIMIT_MINIMUM 0.0
#define RATELIMIT_KOD     8
#define RATELIMIT_LEAK    4
#define RATELIMIT_CLIENTS 65536

#endif
