/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_SAWTOOTH_H
#define TIMEBALL_REFCLOCK_SAWTOOTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/sample.h"

/*
 * A receiver pulses at a tick of its own clock, up to half a tick from the second, and may say how
 * far (u-blox TIM-TP qErr): the sawtooth. What it says is taken off the pulse that it belongs to,
 * once the pulses have shown that this makes their spread smaller: second differences of what they
 * say of the time are held against those of what is said of them. Their regression is 1 where all
 * is right, 0 where one has nothing to do with the other, -1 where the sign is reversed; the spread
 * shrinks above 1/2. Pure.
 */
#define SAWTOOTH_KEEPS 16

struct sawtooth_use {
    struct sawtooth said[SAWTOOTH_KEEPS]; /* a ring */
    int count, next;
    int row;              /* pulses a second apart, the last of them with: */
    int64_t last;         /* local, ns */
    double z[2];          /* s, what they said of the time, newest first ... */
    double q[2];          /* s, ... and what was said of them */
    double zz, zq, qq, n; /* fading sums over second differences */
    double most;          /* s, largest |error| of late */
    bool on;              /* it is taken off */
    uint64_t taken, without, turns;
};

/* What the receiver says of its next pulse. */
void sawtooth_hear(struct sawtooth_use *u, const struct sawtooth *s);

/*
 * What was said of the pulse that was stamped at `local` and begins the second `second` (POSIX), s;
 * NAN: nothing, or it was of another pulse.
 */
double sawtooth_of(const struct sawtooth_use *u, int64_t local, int64_t second);

/* The second that the pulse at `local` was said to be, POSIX; INT64_MIN: nothing was said of it. */
int64_t sawtooth_named(const struct sawtooth_use *u, int64_t local);

/*
 * Judges by a pulse that was believed: without any correction it said `z` (s, against an estimate
 * that moves slowly), of it was said `q`. True when it is taken off, or no longer, from now on.
 */
bool sawtooth_judge(struct sawtooth_use *u, int64_t local, double z, double q);

/* s: how far the pulses may be off by what is known of them and not taken off. */
double sawtooth_left(const struct sawtooth_use *u);

/* One sentence for status and log, "" while nothing is said of pulses. Returns buf. */
const char *sawtooth_sentence(const struct sawtooth_use *u, char *buf, size_t size);

#endif
