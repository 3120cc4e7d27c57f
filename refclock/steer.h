/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_STEER_H
#define TIMEBALL_REFCLOCK_STEER_H

#include "refclock/refclock.h"

/*
 * The hand on a refclock's clock: it carries out what discipline_steer() orders, and refuses what
 * no source may make it do.
 */

/*
 * Slews the clock, or steps it, towards the estimate as it is now. Nothing is done while there is
 * nothing to go by, or while a step of the kernel or of others is to be waited for; an offset that
 * is refused leaves r->state unsynchronised.
 */
void steer_clock(struct refclock *r);

/* Another program stepped the clock by `step` s, at local time `now`: it is undone once the second
 * is confirmed, or the clock is left to that program if it does so again soon. */
void steer_jumped(struct refclock *r, int64_t now, double step);

#endif
