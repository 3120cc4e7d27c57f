/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_STAMP_H
#define TIMEBALL_DRIVERS_STAMP_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/clock.h"

/* Stamps of the system clock that come from another program, some time after they were taken. */
#define STAMP_AGE_NS    INT64_C(5000000000)
#define STAMP_FUTURE_NS INT64_C(10000000)

struct stamp_check {
    uint32_t generation; /* of the clock, when stamps were looked at last */
};

/* Stamps that are older than this moment have been dealt with; also when there was none. */
void stamp_looked(struct stamp_check *c, const struct clock *clock);

/*
 * *local: the local scale of a CLOCK_REALTIME stamp (ns) of the kernel. False when it may be of
 * before a step (the clock was stepped since stamps were looked at last), is older than 5 s at
 * `now` (local, ns), or more than 10 ms in the future.
 */
bool stamp_fresh(const struct stamp_check *c, struct clock *clock, int64_t kernel, int64_t now,
                 int64_t *local);

#endif
