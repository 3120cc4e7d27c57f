/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_SELECT_H
#define TIMEBALL_REFCLOCK_SELECT_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/numbering.h"

/* What selection looks at. */
struct select_input {
    bool pulse;                 /* a pulse source is there */
    double pulse_age;           /* s since the last pulse used; INFINITY: never */
    double message_age;         /* s since the last message with a valid fix; INFINITY: never */
    double message_uncertainty; /* s, half the span of the message's delay */
    enum numbering_state numbering;
    bool doubt;  /* somebody moved the clock: the number must be confirmed first */
    bool no_fix; /* the receiver says that its time is not to be used */
    double off;  /* s, by which pulses in a row differ from the clock; 0: they do not */
};

enum select_choice {
    SELECT_NOTHING, /* nothing may be used now */
    SELECT_PULSE,   /* numbered pulses lead */
    SELECT_MESSAGE, /* messages alone, with the delay that the user stated */
};

struct selection {
    enum select_choice choice;
    char why[200]; /* one sentence for a person: what is used and why, or what would change it */
};

/*
 * Which source the clock follows (first form: one receiver). `evidence` is the numbering's sentence
 * (numbering.h). Returns a value; the caller acts on it.
 */
struct selection select_source(const struct select_input *in, const char *evidence);

#endif
