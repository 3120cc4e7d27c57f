/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/snapshot.h"

#include <string.h>

void snapshot_publish(struct snapshot_latch *l, const struct snapshot *s)
{
    latch_write(&l->sequence, l->copies, s, sizeof *s);
}

uint32_t snapshot_read(struct snapshot_latch *l, struct snapshot *s)
{
    return latch_read(&l->sequence, l->copies, s, sizeof *s);
}

void snapshot_latch_init(struct snapshot_latch *l)
{
    struct snapshot s = {.stratum = 16, .leap = LEAP_UNKNOWN, .total = 16, .stat = 16};
    s.precision = -20;
    memset(l, 0, sizeof *l);
    snapshot_publish(l, &s);
}
