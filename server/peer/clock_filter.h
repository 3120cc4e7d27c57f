/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_PEER_CLOCK_FILTER_H
#define TIMEBALL_SERVER_PEER_CLOCK_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The last eight exchanges with a server, and the figures that RFC 5905 section 10 makes of them.
 * They are for people and other programs, who compare servers by them; the estimate weighs each
 * exchange by itself (path.h, docs/discipline.md). Pure.
 */
#define CLOCK_FILTER_STAGES  8
#define CLOCK_FILTER_MAXDISP 16.0  /* s, RFC 5905: nothing is known */
#define CLOCK_FILTER_PHI     15e-6 /* s per s, RFC 5905: what a clock may drift */
#define CLOCK_FILTER_MINDISP 0.01  /* s, RFC 5905: least share of the delays in a distance */

struct clock_filter_stage {
    double offset;     /* s, the server's time less ours */
    double delay;      /* s */
    double dispersion; /* s, precisions and drift during the exchange */
    int64_t local;     /* local time of the exchange, ns */
};

struct clock_filter {
    struct clock_filter_stage stage[CLOCK_FILTER_STAGES]; /* newest first */
    int count;
};

struct clock_filter_figures {
    double offset, delay; /* s, of the exchange with the least delay */
    double dispersion;    /* s, of the stages, the quickest weighed most */
    double jitter;        /* s, RMS of the other offsets against that one */
};

/* Nothing exchanged yet. */
void clock_filter_init(struct clock_filter *f);

/* Takes the newest exchange; the oldest of eight is forgotten. */
void clock_filter_add(struct clock_filter *f, const struct clock_filter_stage *s);

/* The figures at local time `now`; `precision` (s) is the least jitter. False: nothing exchanged.
 */
bool clock_filter_figures(const struct clock_filter *f, int64_t now, double precision,
                          struct clock_filter_figures *out);

/* Root distance (s, RFC 5905 section 11.2.1): how far off the true time this server's may be, by
 * these figures and the root delay and dispersion (s) that it says. */
double clock_filter_distance(const struct clock_filter_figures *f, double root_delay,
                             double root_dispersion);

#endif
