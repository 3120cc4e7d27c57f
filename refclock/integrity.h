/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_INTEGRITY_H
#define TIMEBALL_REFCLOCK_INTEGRITY_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/receiver.h"
#include "refclock/site.h"
#include "refclock/strength.h"

/*
 * Can a receiver be trusted? A false signal that shows the right time at first gives itself away by
 * what it must change besides: the place, the strength of all satellites, the receiver's clock.
 * Held together here with what the receiver's own detectors, and other sources, say. Pure.
 *
 * A sign of trouble counts at once when it is grave or an event, else after INTEGRITY_RISE_S, and
 * for INTEGRITY_HOLD_S after it was seen last. Trusted means: something is watched and shows
 * nothing; a site, a detector of spoofing, or the clock of a receiver with a fixed position.
 *
 * The site (site.h): with SITE_AUTO a place that was left is doubtful, and forgotten after
 * INTEGRITY_FORGET_S; rejected, and remembered for a day, only when it was left faster than
 * anything drives. With SITE_FIXED, stated by the user, being elsewhere is rejected for as long as
 * it lasts. With SITE_MOBILE no position is held against the receiver.
 */
#define INTEGRITY_RISE_S   3
#define INTEGRITY_HOLD_S   120
#define INTEGRITY_FORGET_S 600

enum integrity_site { SITE_AUTO, SITE_FIXED, SITE_MOBILE };

/* What a detector says. */
enum integrity_flag {
    FLAG_UNWATCHED, /* nothing, or that it is off */
    FLAG_GOOD,
    FLAG_WARNING,
    FLAG_BAD,
};

/* Once an epoch. */
struct integrity_input {
    int64_t local;      /* ns */
    bool positioned;    /* the next two hold a position that was vouched for */
    bool fixed;         /* it was given to the receiver: it does not measure it */
    double ecef[3];     /* m */
    double accuracy;    /* m, NAN unknown */
    double bias, drift; /* s and s/s, of the receiver's own clock; NAN unknown */
    enum integrity_flag jamming, spoofing, antenna;
    int others;          /* other sources of time that speak ... */
    int contradict;      /* ... and those of them that cannot be right where this one is ... */
    double disagreement; /* ... by so much, s, the least of them */
    const struct strength_satellite *satellite; /* borrowed for the call; NULL: no news */
    int satellites;
};

/* Signs of trouble, in the order in which they are named. */
enum integrity_sign {
    SIGN_SPOOFING,
    SIGN_MOVED,
    SIGN_STRENGTH,
    SIGN_CLOCK,
    SIGN_JAMMING,
    SIGN_OTHERS,
    SIGN_ANTENNA,
    SIGN_COUNT,
};

struct integrity {
    enum integrity_site mode;
    struct site site;
    struct strength strength;
    double step; /* dB, of the last common change of C/N0 */
    struct {
        enum receiver_trust level; /* while it counts: doubtful or rejected; else trusted */
        int64_t began, last;       /* local ns of a row of epochs with it; INT64_MIN: never */
        char why[120];
    } sign[SIGN_COUNT];
    int64_t at_home; /* local ns of the last position inside the limit; INT64_MIN: none */
    int64_t away;    /* of the first one outside; INT64_MIN: it is inside */
    bool leapt;      /* it left faster than anything drives */
    bool clocked;    /* the last bias and drift are known: */
    double bias, drift;
    int64_t clock_local;
    int clocks; /* in a row */
    enum receiver_trust trust;
    char why[160]; /* one sentence */
};

/* Nothing is watched yet. */
void integrity_init(struct integrity *g, enum integrity_site mode);

/* Takes an epoch; `trust` and `why` hold the verdict. */
void integrity_take(struct integrity *g, const struct integrity_input *in);

/* Nothing comes from the receiver: it is trusted for nothing that it said before. */
void integrity_silent(struct integrity *g);

#endif
