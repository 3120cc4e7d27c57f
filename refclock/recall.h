/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_RECALL_H
#define TIMEBALL_REFCLOCK_RECALL_H

#include <stdbool.h>
#include <stddef.h>

#include "refclock/memory.h"
#include "refclock/numbering.h"
#include "refclock/sample.h"

/*
 * The delay that a receiver's messages had before the restart. It tells the second where messages
 * come as long after a pulse as then, and where the clock, which went on meanwhile, says the same:
 * another receiver on the same line may differ by a whole second and look alike. What differs is
 * forgotten; what looks alike against the clock is not decided. Pure.
 */
enum recall_verdict {
    RECALL_NOTHING,  /* nothing is remembered */
    RECALL_LOOKING,  /* not enough messages yet */
    RECALL_AGREES,   /* as before the restart: the delay is stated */
    RECALL_UNUSED,   /* as before, but less than a second: numbered as without it */
    RECALL_DOUBTFUL, /* the clock says another second: nothing is numbered */
    RECALL_FORGOTTEN,
};

struct recall {
    enum recall_verdict verdict;
    struct memory_delay from;    /* of the file, and followed once it agreed */
    struct memory_delay learned; /* what this run may write down; name "": nothing */
    char model[64];              /* what the receiver says it is; "": not known */
    int alike, unlike;           /* messages in a row */
    int looked;                  /* at so many */
};

/* What is known at a message. */
struct recall_moment {
    double clock; /* s, how late it came by the clock */
    bool synced;  /* others keep the clock right */
};

/* Begins with what the file says. */
void recall_init(struct recall *c, const struct memory_delay *from);

/* The receiver says what it is: another one's delay is forgotten. True when it was just now. */
bool recall_model(struct recall *c, const char *model);

/*
 * States the delay of a message where it is known. False: the message is not to be used. The
 * verdict is c->verdict.
 */
bool recall_label(struct recall *c, const struct numbering *n, const struct recall_moment *m,
                  struct timelabel *l);

/* The messages kept by *n really come so much later than it counts (whole s): worth keeping. */
void recall_learn(struct recall *c, const char *name, const struct numbering *n, double later);

/* Whether the delay is known so. */
bool recall_tells(const struct recall *c);

/* One sentence on a verdict of AGREES, DOUBTFUL or FORGOTTEN; else "". Returns buf. */
const char *recall_sentence(const struct recall *c, char *buf, size_t size);

#endif
