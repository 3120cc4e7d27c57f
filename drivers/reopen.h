/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_REOPEN_H
#define TIMEBALL_DRIVERS_REOPEN_H

#include <stdint.h>

#include "refclock/loop.h"

/* Tries a device that is gone again: after 1 s, then at waits that double up to 10 s. */
struct reopen {
    struct loop *loop;
    struct loop_timer timer;
    int64_t wait; /* ns, before the next try */
};

/* `open` is called with `arg` at each try. */
void reopen_init(struct reopen *r, struct loop *loop, const char *name,
                 void (*open)(void *arg, int64_t now), void *arg);

/* The device is gone, or a try has failed. */
void reopen_later(struct reopen *r);

/* The device is open: the next waits begin at 1 s again. */
void reopen_done(struct reopen *r);

/* No more tries. */
void reopen_cancel(struct reopen *r);

#endif
