/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/pool_score.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#define KEPT         0.95 /* of the old score */
#define STRATUM_MOST 10   /* a monitor takes no other for an answer */
#define CHECKS_MAX   1000 /* the score has long settled by then */

static const struct pool_step refusals[POOL_RESULTS] = {
    [POOL_SILENT] = {-5, INFINITY, "no answer",
                     "is timeballd running, and is UDP port 123 open to everybody, in the firewall "
                     "of this machine, in the router and at the provider?"},
    [POOL_RATE] = {-3.5, INFINITY, "the kiss of death RATE",
                   "the rate limit is too tight: three requests in four seconds must pass"},
    [POOL_DENY] = {-10, -50, "the kiss of death DENY or RSTR",
                   "a `restrict` line refuses the monitors: take `noserve`, `ignore` and the like "
                   "out of the default"},
    [POOL_STRATUM_0] = {-2, 5, "the server says that it does not know the time",
                        "`timeballctl status` on it says what is missing"},
    [POOL_STRATUM] = {-4, INFINITY, "a stratum over 10",
                      "it has lost its sources: `timeballctl status` on it says which"},
};

/* Bands of the offset: base + slope x offset, from the largest down. */
static const struct band {
    double over; /* s */
    double base, slope, cap;
    const char *why, *todo;
} bands[] = {
    {3, -4, 0, -20, "an offset over 3 s", "the server's clock is wrong: take it out of the pool"},
    {0.75, -2, 0, INFINITY, "an offset over 750 ms", "the server's clock is wrong"},
    {0.1, 0.731, -2.308, INFINITY, "an offset over 100 ms",
     "is the way to it lopsided (a full line delays one direction), or its source off? "
     "`refclock ... latency` is where a known delay is put right"},
    {0.025, 1.167, -6.667, INFINITY, "an offset over 25 ms",
     "is the way to it lopsided (a full line delays one direction), or its source off?"},
    {-1, 1, 0, INFINITY, "a good answer", NULL},
};
static const struct pool_step far_stratum = {-4, INFINITY, "a stratum of 8 or more",
                                             "give it a receiver, or servers near one"};

bool pool_score_final(const struct pool_query *q)
{
    return q->result != POOL_ANSWERED && q->result != POOL_SILENT;
}

const struct pool_query *pool_score_choose(const struct pool_query *queries, int count)
{
    const struct pool_query *best = &queries[0];
    for (int i = 0; i < count; i++) {
        const struct pool_query *q = &queries[i];
        if (pool_score_final(q))
            return q;
        if (q->result == POOL_ANSWERED && (best->result != POOL_ANSWERED || q->trip < best->trip))
            best = q;
    }
    return best;
}

struct pool_step pool_score_step(const struct pool_query *check)
{
    const struct band *b = bands;
    double off = fabs(check->offset);
    if (check->result != POOL_ANSWERED)
        return refusals[check->result];
    while (!(off > b->over))
        b++;
    if (b != bands && check->stratum >= 8)
        return far_stratum;
    return (struct pool_step){b->base + b->slope * off, b->cap, b->why, b->todo};
}

double pool_score_next(double score, const struct pool_step *step)
{
    return fmin(KEPT * score + step->step, step->cap);
}

double pool_score_steady(const struct pool_step *step)
{
    return fmin(step->step / (1 - KEPT), step->cap);
}

int pool_score_checks(double score, const struct pool_step *step, double goal)
{
    for (int n = 0; n < CHECKS_MAX; n++) {
        if (score >= goal)
            return n;
        score = pool_score_next(score, step);
    }
    return -1;
}

/* Blocks that no pool server can have (RFC 6890 and its registries), IPv4 as 32 bits. */
static const struct {
    uint32_t network, mask;
    const char *why;
} refused_v4[] = {
    {0x7f000000, 0xff000000, "loopback"},      {0x0a000000, 0xff000000, "private"},
    {0xac100000, 0xfff00000, "private"},       {0xc0a80000, 0xffff0000, "private"},
    {0x64400000, 0xffc00000, "private"},       {0xa9fe0000, 0xffff0000, "link-local"},
    {0xe0000000, 0xf0000000, "multicast"},     {0xf0000000, 0xf0000000, "reserved"},
    {0x00000000, 0xff000000, "reserved"},      {0xc0000200, 0xffffff00, "documentation"},
    {0xc6336400, 0xffffff00, "documentation"}, {0xcb007100, 0xffffff00, "documentation"},
    {0xc6120000, 0xfffe0000, "reserved"},
};

static const char *refused_v6_why(const struct in6_addr *a)
{
    const uint8_t *o = a->s6_addr;
    if (IN6_IS_ADDR_LOOPBACK(a))
        return "loopback";
    if (IN6_IS_ADDR_MULTICAST(a))
        return "multicast";
    if (IN6_IS_ADDR_LINKLOCAL(a))
        return "link-local";
    if ((o[0] & 0xfe) == 0xfc)
        return "private";
    if (o[0] == 0x20 && o[1] == 0x01 && o[2] == 0x0d && o[3] == 0xb8)
        return "documentation";
    return (o[0] & 0xe0) == 0x20 ? NULL : "reserved";
}

const char *pool_address_refused(const union address *a)
{
    if (a->any.sa_family == AF_INET6)
        return refused_v6_why(&a->v6.sin6_addr);
    uint32_t host = ntohl(a->v4.sin_addr.s_addr);
    for (size_t i = 0; i < sizeof refused_v4 / sizeof *refused_v4; i++)
        if ((host & refused_v4[i].mask) == refused_v4[i].network)
            return refused_v4[i].why;
    return NULL;
}
