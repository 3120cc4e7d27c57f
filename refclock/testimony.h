/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_TESTIMONY_H
#define TIMEBALL_REFCLOCK_TESTIMONY_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/numbering.h"
#include "refclock/sample.h"

/*
 * A receiver that names the second of its next pulse before that comes (u-blox TIM-TP) shows how
 * late its other messages are, also where that is more than a second: by sentences alone 1.1 s
 * looks like 0.1 s. The delay that is found goes to the numbering as if a person had stated it. A
 * name that comes too late names too small a second, never too large a one, so what would make
 * messages come before their second is not believed. Pure.
 */
struct testimony {
    int64_t heard;        /* local time of the last name, ns; INT64_MIN: none */
    int64_t local, named; /* the last pulse with a name, ns, and its second */
    int row;              /* such pulses, whose names follow each other */
    double delay[NUMBERING_DELAYS];
    int delays, next;
    int held; /* messages that were held back */
};

/* Nothing said. */
void testimony_init(struct testimony *t);

/* A pulse at `local` (ns), of which `second` was said before (POSIX; INT64_MIN: nothing). */
void testimony_edge(struct testimony *t, int64_t local, int64_t second);

/*
 * States the delay of a message where it is known. False: what the receiver says of its pulses
 * should be heard first, the message is not to be used.
 */
bool testimony_label(struct testimony *t, struct timelabel *l);

/* Whether the delay is known so. */
bool testimony_tells(const struct testimony *t);

#endif
