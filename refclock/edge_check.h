/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_EDGE_CHECK_H
#define TIMEBALL_REFCLOCK_EDGE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/sample.h"

/*
 * Is the edge that is stamped the one that marks the second? A pulse that arrives inverted, or is
 * taken at its other end, is late by its own length: 0.1 s with most receivers, while all else
 * looks right. What can tell, the surest first: another source of time; the line's other edge; what
 * the receiver is set to; the delay of its messages that is usual for its board. Pure.
 */
enum edge_verdict { EDGE_UNVERIFIED, EDGE_RIGHT, EDGE_WRONG };

/* What a receiver, or the profile of its board, says of its pulse. */
struct edge_hint {
    int marks;    /* 1: the rising edge marks the second, -1: the falling one; 0: not known */
    double width; /* s, of the pulse; NAN: not known */
    double usual; /* s, from the second to the first byte of its messages; NAN: not known */
};

struct edge_check {
    struct edge_hint hint;
    bool falling; /* the edge that is stamped */
    double width; /* s, from it on to the other edge; 0: not known */
    int same;     /* pulses in a row with this width */
    enum edge_verdict verdict;
    char why[128]; /* a part of a sentence, "" while nothing tells */
};

/* What else is there to judge by. */
struct edge_moment {
    double delay;    /* s, from the edge to the messages as measured; NAN: not known */
    bool accordance; /* another source of time says the same, to better than a pulse's length */
};

/* Nothing known. */
void edge_check_init(struct edge_check *c);

/* A pulse was stamped. */
void edge_check_edge(struct edge_check *c, const struct edge *e);

/* Judges. True when the verdict is another than before. */
bool edge_check_judge(struct edge_check *c, const struct edge_moment *m);

/* One word for the status: unverified, right or inverted. */
const char *edge_verdict_name(enum edge_verdict v);

#endif
