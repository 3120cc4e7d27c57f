/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_NUMBERING_H
#define TIMEBALL_REFCLOCK_NUMBERING_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/sample.h"

/*
 * Which UTC second is this edge? A pulse says exactly when a second begins, a message says which
 * one, some time later. The pulses make a grid of seconds on the local scale; the delay of each
 * message is measured against that grid. From 20 to 800 ms the message can only belong to the pulse
 * before it; near a whole second it could belong to either neighbour, and then nothing is numbered.
 * Once numbered, seconds are counted, and the messages only testify: a delay that drifts is
 * followed past the second without a new number, and a message that disagrees is a conflict.
 */
enum numbering_state {
    NUMBERING_EMPTY,     /* pulses or messages are missing */
    NUMBERING_GATHERING, /* not enough messages yet */
    NUMBERING_AMBIGUOUS, /* the delay is too near a whole second, or too scattered */
    NUMBERING_CONFLICT,  /* messages name other seconds than the counted ones */
    NUMBERING_NUMBERED,
};

#define NUMBERING_DELAYS 16
#define NUMBERING_EDGES  32

struct numbering {
    enum numbering_state state;
    /* the grid */
    bool grid;
    int64_t anchor;       /* local time of the last edge on the grid, ns */
    int64_t anchor_index; /* which grid second that was */
    int off_grid;         /* edges in a row that were not on it ... */
    int64_t off_anchor;   /* ... and the last of them */
    /* the number: second = number + index */
    bool tentative; /* there is one ... */
    bool once;      /* ... and edges were numbered by it */
    int64_t number;
    double delay[NUMBERING_DELAYS]; /* of the last messages, s, relative to the numbered grid */
    int delays, next;
    int since_early;       /* messages since one came too early to be told from one a second late */
    int agreed;            /* messages that fitted the number */
    int disagree;          /* messages in a row that contradict the number ... */
    int64_t disagree_by;   /* ... and by how many seconds */
    double disagree_delay; /* ... with which delay under their own number */
    bool like_leap;        /* ... and that they began to at a midnight that may have had a leap
                              second */
    int64_t label_local;   /* of the last message */
    /* the last leap second that was carried through */
    int64_t leap_at;    /* POSIX s of the first second after it; 0: none */
    int leap_step;      /* s that were added then */
    int64_t late_until; /* local time until which messages may not know of it, ns */
    bool late;          /* they do not */
    bool leap_listed;   /* a list that holds says when there are leap seconds: set by the caller */
    int64_t leap60_local; /* of the last message that named a second 60; INT64_MIN: never */
    /* edges not yet numbered, oldest first */
    struct edge waiting[NUMBERING_EDGES];
    int waits;
    /* what it rests on */
    double low, median, high;      /* s, of the delays kept; NAN: none */
    double stated_min, stated_max; /* delay stated by the user; NAN: none */
    int64_t renumbered_by;         /* s, the last time, if that was a leap second; else 0 */
    uint64_t edges, off_grid_edges, labels, conflicts, renumbered;
};

/* Nothing seen yet. */
void numbering_init(struct numbering *n);

/*
 * Takes an edge. Returns 1 and fills *s when it is numbered now; 0 when it waits for its number
 * (see numbering_take()) or is off the grid.
 */
int numbering_edge(struct numbering *n, const struct edge *e, struct sample *s);

/* Takes a message's time and returns the state after it. */
enum numbering_state numbering_label(struct numbering *n, const struct timelabel *l);

/*
 * Once numbered: fills *s with the oldest edge that waited. Returns 1, or 0 when there is none.
 * Call until 0 after each label.
 */
int numbering_take(struct numbering *n, struct sample *s);

/*
 * The leap second before `at` (POSIX s) was carried through at local time `local`: seconds are
 * counted on the stepped scale from now on. It is no conflict: messages that do not know of it yet
 * (receivers were 17 to 24 minutes late in 2012) are taken for what they mean for 45 minutes.
 */
void numbering_leap(struct numbering *n, int64_t at, int step, int64_t local);

/* Forgets number and grid: the receiver was changed, or pulses were away for long. */
void numbering_reset(struct numbering *n);

/*
 * A sample from a message alone, for a receiver without pulses: uncertainty is half the span of the
 * stated delay, or 0.5 s when none is stated.
 */
void numbering_message_sample(const struct timelabel *l, struct sample *s);

/* One sentence: what the number rests on, or what is missing. Returns buf. */
const char *numbering_evidence(const struct numbering *n, char *buf, int size);

/* One word for status and log. */
const char *numbering_state_name(enum numbering_state s);

#endif
