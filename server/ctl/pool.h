/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CTL_POOL_H
#define TIMEBALL_SERVER_CTL_POOL_H

#include <stdbool.h>
#include <stdio.h>

#include "server/ctl/pool_monitor.h"
#include "server/ctl/pool_score.h"

/* What timeballctl pool-check found out, and how it is shown. */

/* What offsets are held against. */
struct ctl_pool_reference {
    bool estimate;     /* timeballd's estimate of true time; false: the system clock */
    double correction; /* s, true time minus the system clock, as that estimate has it */
    double bound;      /* s, how far it may be wrong; NAN: not known */
    const char *why;   /* the system clock was taken because; static */
};

struct ctl_pool_report {
    struct ctl_pool_reference reference;
    struct pool_target *target;
    size_t count;
    double rate; /* answers per second of this machine's daemon during the check; NAN: not known */
};

/* The check's result of a target, its offset corrected by the reference. */
struct pool_query ctl_pool_result(const struct ctl_pool_report *r, const struct pool_target *t);

/* Does every target get the full point? */
bool ctl_pool_good(const struct ctl_pool_report *r);

/* For a person; and as one line of JSON. */
void ctl_pool_print(FILE *out, const struct ctl_pool_report *r);
void ctl_pool_print_json(FILE *out, const struct ctl_pool_report *r);

#endif
