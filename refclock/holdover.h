/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_HOLDOVER_H
#define TIMEBALL_REFCLOCK_HOLDOVER_H

#include <stdint.h>

#include "refclock/bound.h"
#include "refclock/discipline.h"

/*
 * The promise without a source: in how many seconds from local time `local` on will the error bound
 * pass `limit` (s), should no further measurement come? 0: it is beyond already; INFINITY: not
 * within a month. Not before the first sample.
 */
double holdover_passes(const struct discipline *d, const struct bound_parts *parts, int64_t local,
                       double limit);

#endif
