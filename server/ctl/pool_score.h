/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_POOL_SCORE_H
#define TIMEBALL_SERVER_CTL_POOL_SCORE_H

#include <stdbool.h>

#include "server/net/address.h"

/*
 * How the NTP Pool's monitors judge a server, as arithmetic (the pool's monitor 4.1.5 and its site,
 * May 2026; its operators can change the figures). Each monitor keeps a score: 0.95 times the old
 * one and a step for each check, and no more than the step's cap. From 10 on the server is in the
 * pool; 20 is the most.
 */
#define POOL_QUERIES        3    /* of one check */
#define POOL_QUERY_APART    2.0  /* s */
#define POOL_QUERY_PATIENCE 3.0  /* s for each answer */
#define POOL_IN             10.0 /* a score that is in the pool */
#define POOL_CHECK_MINUTES  9.0  /* between the checks of an active monitor */

/* What became of one query, or of a check. */
enum pool_result {
    POOL_ANSWERED,
    POOL_SILENT,    /* no answer in time */
    POOL_RATE,      /* kiss of death RATE */
    POOL_DENY,      /* DENY or RSTR */
    POOL_STRATUM_0, /* not synchronised, or another kiss code */
    POOL_STRATUM,   /* stratum over 10, which 16 belongs to */
    POOL_RESULTS
};

struct pool_query {
    enum pool_result result;
    int stratum;   /* of the answer */
    double offset; /* s, the server's time minus true time */
    double trip;   /* s, there and back, without the server's own time */
    bool unknown;  /* leap indicator 3: recorded, not scored */
};

/* The result of a check: a refusal at once, else the answer with the shortest trip, else silence.
 * count 1..POOL_QUERIES. */
const struct pool_query *pool_score_choose(const struct pool_query *queries, int count);

/* Whether the monitor ends its check with that query. */
bool pool_score_final(const struct pool_query *q);

/* What a check does to the score. */
struct pool_step {
    double step;
    double cap;       /* INFINITY: none */
    const char *why;  /* what was found, for a sentence */
    const char *todo; /* what to do; NULL: nothing */
};
struct pool_step pool_score_step(const struct pool_query *check);

/* The score after a check. */
double pool_score_next(double score, const struct pool_step *step);

/* Where the score goes when every check is like this one. */
double pool_score_steady(const struct pool_step *step);

/* Checks until a score is at least `goal`, every one like this; 0 when it is already, -1: never. */
int pool_score_checks(double score, const struct pool_step *step, double goal);

/* Why the pool takes no server at that address ("private", "loopback" ...); NULL: it does. */
const char *pool_address_refused(const union address *a);

#endif
