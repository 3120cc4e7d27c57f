/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_FITNESS_H
#define TIMEBALL_REFCLOCK_FITNESS_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/numbering.h"

/*
 * Is there anything in a receiver that the clock could follow? One receiver by itself; who of
 * several leads is selection's business (select.h).
 */
struct fitness_input {
    bool pulse;                 /* a pulse source is there */
    double pulse_age;           /* s since the last pulse used; INFINITY: never */
    double message_age;         /* s since the last message with a valid fix; INFINITY: never */
    double message_uncertainty; /* s, half the span of the message's delay */
    enum numbering_state numbering;
    bool doubt;  /* somebody moved the clock: the number must be confirmed first */
    bool no_fix; /* the receiver says that its time is not to be used */
    double off;  /* s, by which pulses in a row differ from the clock; 0: they do not */
};

enum fitness_choice {
    FITNESS_NOTHING, /* nothing may be used now */
    FITNESS_PULSE,   /* numbered pulses */
    FITNESS_MESSAGE, /* messages alone, with the delay that the user stated */
};

struct fitness {
    enum fitness_choice choice;
    char why[200]; /* one sentence for a person: what is used and why, or what would change it */
};

/* `evidence` is the numbering's sentence (numbering.h). */
struct fitness fitness_judge(const struct fitness_input *in, const char *evidence);

#endif
