/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/stamp.h"

void stamp_looked(struct stamp_check *c, const struct clock *clock)
{
    c->generation = clock->generation;
}

bool stamp_fresh(const struct stamp_check *c, struct clock *clock, int64_t kernel, int64_t now,
                 int64_t *local)
{
    *local = clock_local(clock, clock_stamp(clock, kernel));
    return c->generation == clock->generation && now - *local <= STAMP_AGE_NS &&
           *local - now <= STAMP_FUTURE_NS;
}
