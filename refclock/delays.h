/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_DELAYS_H
#define TIMEBALL_REFCLOCK_DELAYS_H

#include <stdbool.h>

#include "refclock/memory.h"
#include "refclock/refclock.h"

/*
 * The delays of a refclock's receivers over a restart (recall.h): which of them may be kept, for
 * only those count whose second something else vouched for: network servers that agree with the
 * estimate, the receiver's own names of its pulses, another receiver that has such evidence, or a
 * delay that was kept before. A delay by which alone the seconds were numbered is never written
 * down.
 */

/* What was written down; before the first message. Names that are not there are left out. */
void delays_remember(struct refclock *r, const struct memory_delay *from, int count);

/* What is worth writing down: returns how many. */
int delays_memory(const struct refclock *r, struct memory_delay to[MEMORY_DELAYS]);

/* The receiver says what it is. */
void delays_model(struct refclock *r, int who, const char *model);

/* Before numbering: states the message's delay where it is remembered. False: it is not to be used.
 */
bool delays_label(struct refclock *r, int who, struct timelabel *l);

/* After numbering: learns the delay where something else vouches for the second. */
void delays_learn(struct refclock *r, int who);

/* How far the receiver's number is from the estimate, s; the estimate has begun. */
double delays_number_off(const struct refclock *r, const struct numbering *n);

#endif
