/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_REOPEN_H
#define TIMEBALL_DRIVERS_REOPEN_H

#include <stdint.h>

#include "drivers/driver.h"
#include "refclock/loop.h"

/*
 * Tries a device that is gone again: after 1 s, then at waits that double up to 10 s. Where a
 * try is nothing but a call that opens it, reopen_device() and reopen_begin() do all there is to
 * do; others begin with reopen_init().
 */
struct reopen {
    struct loop *loop;
    struct loop_timer timer;
    int64_t wait; /* ns, before the next try */
    struct driver *driver;
    int (*open)(struct driver *, struct err *); /* of reopen_device() */
    uint64_t times;                             /* that it came back by that */
};

/* `open` is called with `arg` at each try. */
void reopen_init(struct reopen *r, struct loop *loop, const char *name,
                 void (*open)(void *arg, int64_t now), void *arg);

/* `open` is called at each try; it returns 0, or -1 with *err, of which the driver's sink is told.
 */
void reopen_device(struct reopen *r, struct driver *driver, const char *name,
                   int (*open)(struct driver *, struct err *));

/*
 * The first try, after reopen_device(), for driver_ops.open: 0, or -1 with *err, which is the
 * caller's to tell. The device is tried again then, for a caller that goes on without it.
 */
int reopen_begin(struct reopen *r, struct err *err);

/* The device is gone, or a try has failed. */
void reopen_later(struct reopen *r);

/* The device is open: the next waits begin at 1 s again. */
void reopen_done(struct reopen *r);

/* No more tries. */
void reopen_cancel(struct reopen *r);

#endif
