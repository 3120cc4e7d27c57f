/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_LOOP_VIRTUAL_H
#define TIMEBALL_REFCLOCK_LOOP_VIRTUAL_H

#include "refclock/loop.h"

/*
 * Virtual time: when nothing is left to do at this instant, `truth` jumps to the next timer. Timers
 * wait on true time. Descriptors are looked at (never waited for) after whoever wrote to one has
 * set `written`.
 */
struct loop_virtual {
    struct loop loop;
    int64_t truth; /* true time of this world, ns POSIX */
    bool written;
};

/* The loop borrows `clock`. */
void loop_virtual_init(struct loop_virtual *l, struct clock *clock, int64_t truth);

/* The loop's truth, in the form that clock_virtual_init() takes; `loop` is a struct loop_virtual.
 */
int64_t loop_virtual_truth(void *loop);

#endif
