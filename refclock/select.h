/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_SELECT_H
#define TIMEBALL_REFCLOCK_SELECT_H

#include <stdbool.h>

/*
 * Which of several sources does the clock follow? Each names an interval in which true time must
 * lie; those that share a point with a majority are truechimers (Marzullo 1984, RFC 5905 section
 * 11.2.1), and one of them leads. Where some are trusted by configuration, the majority among those
 * decides, and the others are truechimers or not by it. Pure: returns what it decides, and the
 * caller acts.
 */
#define SELECT_MOST 32

enum select_kind { /* the better, the lower */
                   SELECT_PULSES,
                   SELECT_SAMPLES, /* already numbered: shared memory, sockets */
                   SELECT_PEERS,   /* the same over a network */
                   SELECT_MESSAGES,
};

/* One source as selection sees it. */
struct candidate {
    const char *name; /* borrowed */
    enum select_kind kind;
    bool fit;        /* could be followed, were it alone */
    const char *why; /* borrowed: one sentence, why it is fit, or what would make it so */
    bool compared;   /* the next two mean something */
    double midpoint; /* s, true time minus the estimate, as it says */
    double bound;    /* s, > 0: true time is within this of that, as it promises */
    bool noselect;   /* only watched, by configuration */
    bool prefer;     /* before others of its kind, by configuration */
    bool trusted;    /* true time is what it says, by configuration */
    bool doubtful;   /* its integrity is in doubt: after all others */
    bool jumped;     /* contradicts what it said a few seconds ago */
};

enum verdict_of_source {
    VERDICT_UNFIT,     /* cannot be followed now */
    VERDICT_WATCHED,   /* noselect */
    VERDICT_NEW,       /* not compared with the others yet */
    VERDICT_FALSE,     /* contradicts the majority */
    VERDICT_UNDECIDED, /* contradicts another, and no majority decides */
    VERDICT_STANDBY,   /* right, and another leads */
    VERDICT_COMBINED, /* right, and feeds the estimate beside the one that leads: network servers */
    VERDICT_LEADS,
};

struct selected {
    int leader;    /* index, -1: nothing may be followed */
    bool disputed; /* sources contradict each other, and no majority decides */
    struct {
        enum verdict_of_source verdict;
        char why[224]; /* one sentence: used or not, why, and what would change it */
    } of[SELECT_MOST];
};

/*
 * `leader`: who leads now, -1: nobody. It stays unless it is no truechimer any more, another one is
 * of a better kind or preferred, or another one's bound is less than half of its own. `own`: s, the
 * bound of the estimate by itself, which a leader that jumped is held against; INFINITY: nothing
 * was ever served, and sources that contradict each other begin nothing.
 * count <= SELECT_MOST.
 */
void select_leader(const struct candidate *c, int count, int leader, double own,
                   struct selected *out);

/*
 * The clock goes on by itself although sources are fit: those that would lead or feed it stand by,
 * and their sentences say until when.
 */
void select_hold(struct selected *s, int count);

/* One word for the status. */
const char *select_verdict_name(enum verdict_of_source v);

#endif
