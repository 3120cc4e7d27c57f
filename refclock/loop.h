/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_LOOP_H
#define TIMEBALL_REFCLOCK_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/clock.h"

/*
 * The event loop, as a seam: poll(2) in real time, or virtual time. Time is read once a wake-up,
 * from the loop's clock, and handed to every handler. Timers are set by how long to wait, so a step
 * of the clock does not move them.
 *
 * `now` in every handler is the local scale of the loop's clock (see clock.h), ns.
 */
struct loop;

struct loop_timer {
    const char *name; /* a trace says which job ran */
    void (*fire)(void *arg, int64_t now);
    void *arg;
    int64_t due; /* loop's own steady scale; INT64_MAX: not set */
    struct loop_timer *next;
};

struct loop_fd {
    const char *name;
    int fd;       /* the owner closes it, after loop_unwatch() */
    short events; /* POLLIN, POLLOUT; may be changed at any time */
    void (*ready)(void *arg, int64_t now, short revents);
    void *arg;
    short revents; /* the loop's */
    struct loop_fd *next;
};

struct loop_ops {
    int64_t (*steady)(struct loop *); /* the timers' scale, ns */
    int (*wait)(struct loop *,
                int64_t until); /* until a descriptor is ready or `until`; fills revents */
};

struct loop {
    const struct loop_ops *ops;
    struct clock *clock;
    struct loop_timer *timers; /* sorted by due */
    struct loop_fd *fds;
    void (*jumped)(void *arg, int64_t now,
                   int64_t step); /* somebody stepped the clock by `step` ns; may be NULL */
    void *jumped_arg;
    int64_t now; /* of this wake-up */
    bool stop;
    size_t fd_count;
    struct pollfd *poll;
    size_t poll_size;
    uint64_t wakeups;
};

/*
 * For the loops' own wait(): polls every watched descriptor for at most wait_ns (negative: without
 * end) and fills revents. Where there is no memory for all of them, the newest wait until there is.
 * Number of ready ones; 0 also when a signal came; -1 on failure.
 */
int loop_poll_fds(struct loop *l, int64_t wait_ns);

/* The real loop over poll(2) and CLOCK_MONOTONIC. The loop borrows `clock`. */
void loop_poll_init(struct loop *l, struct clock *clock);

/* Frees what the loop owns; timers and descriptors belong to those who set them. */
void loop_close(struct loop *l);

/* Fires `t` once, `delay` ns from now (a negative one: at the next turn). Setting it again moves
 * it. */
void loop_after(struct loop *l, struct loop_timer *t, int64_t delay);

/* The timer will not fire; one that is not set is left alone. */
void loop_cancel(struct loop *l, struct loop_timer *t);

/* Adds a descriptor to the poll set; the struct is borrowed until loop_unwatch(). */
void loop_watch(struct loop *l, struct loop_fd *f);
/* Takes it out; allowed in any handler. */
void loop_unwatch(struct loop *l, struct loop_fd *f);

/* Local scale at this wake-up. */
static inline int64_t loop_now(const struct loop *l)
{
    return l->now;
}

/* Runs until loop_stop(). Returns 0, or -1 when waiting itself failed. */
int loop_run(struct loop *l);

/* One wake-up: waits at most until `until` (steady scale) and runs what is due. Returns 0 or -1. */
int loop_turn(struct loop *l, int64_t until);

/* Makes loop_run() return after this handler. */
static inline void loop_stop(struct loop *l)
{
    l->stop = true;
}

#endif
