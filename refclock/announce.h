/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_ANNOUNCE_H
#define TIMEBALL_REFCLOCK_ANNOUNCE_H

#include <stdbool.h>

#include "refclock/refclock.h"

/* What a refclock lets others see: the snapshot for the responder, and the kernel's own figures. */

/* How far the clock's reading is behind true time, s. */
double announce_behind(const struct refclock *r, const struct estimate *e);

/* What the bound has beside the statistical part. */
struct bound_parts announce_parts(const struct refclock *r);

/* Publishes the estimate as it is now. `transition`: a step is about to be made. */
void announce_publish(struct refclock *r, bool transition);

/* Tells the kernel state and errors, and notices a frequency that somebody else set. */
void announce_to_kernel(struct refclock *r);

#endif
