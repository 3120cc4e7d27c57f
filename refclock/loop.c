/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>

void loop_cancel(struct loop *l, struct loop_timer *t)
{
    for (struct loop_timer **p = &l->timers; *p; p = &(*p)->next)
        if (*p == t) {
            *p = t->next;
            break;
        }
    t->next = NULL;
    t->due = INT64_MAX;
}

void loop_after(struct loop *l, struct loop_timer *t, int64_t delay)
{
    struct loop_timer **p = &l->timers;
    loop_cancel(l, t);
    t->due = l->ops->steady(l) + delay;
    while (*p && (*p)->due <= t->due)
        p = &(*p)->next;
    t->next = *p;
    *p = t;
}

void loop_watch(struct loop *l, struct loop_fd *f)
{
    f->next = l->fds;
    f->revents = 0;
    l->fds = f;
    l->fd_count++;
}

void loop_unwatch(struct loop *l, struct loop_fd *f)
{
    for (struct loop_fd **p = &l->fds; *p; p = &(*p)->next)
        if (*p == f) {
            *p = f->next;
            l->fd_count--;
            break;
        }
    f->next = NULL;
    f->revents = 0;
}

/* A poll that failed: 0 to go on. Want of memory in the kernel passes, if nobody is too eager. */
static int pause_after(struct loop *l, int errnum)
{
    static const struct timespec moment = {.tv_nsec = 10000000};
    for (struct loop_fd *f = l->fds; f; f = f->next)
        f->revents = 0;
    if (errnum == ENOMEM)
        (void)ppoll(NULL, 0, &moment, NULL);
    return errnum == EINTR || errnum == ENOMEM ? 0 : -1;
}

/* True when there is room to poll all; else, for want of memory, the newest are left out. */
static bool poll_room(struct loop *l)
{
    if (l->poll_size >= l->fd_count)
        return true;
    struct pollfd *more = realloc(l->poll, (l->fd_count + 8) * sizeof *more);
    if (!more)
        return l->poll_size > 0;
    l->poll = more;
    l->poll_size = l->fd_count + 8;
    return true;
}

/* The first of those that are polled: those who were there first are at the end. */
static struct loop_fd *first_polled(struct loop *l)
{
    struct loop_fd *f = l->fds;
    for (size_t left_out = l->fd_count; left_out > l->poll_size; left_out--) {
        f->revents = 0;
        f = f->next;
    }
    return f;
}

int loop_poll_fds(struct loop *l, int64_t wait_ns)
{
    if (!poll_room(l))
        return -1;
    struct loop_fd *first = first_polled(l);
    nfds_t n = 0;
    for (struct loop_fd *f = first; f; f = f->next)
        l->poll[n++] = (struct pollfd){.fd = f->fd, .events = f->events};
    struct timespec ts = {.tv_sec = wait_ns / 1000000000, .tv_nsec = wait_ns % 1000000000};
    int ready = ppoll(l->poll, n, wait_ns < 0 ? NULL : &ts, NULL);
    if (ready < 0)
        return pause_after(l, errno);
    n = 0;
    for (struct loop_fd *f = first; f; f = f->next)
        f->revents = l->poll[n++].revents;
    return ready;
}

static void run_timers(struct loop *l)
{
    int64_t steady = l->ops->steady(l);
    while (l->timers && l->timers->due <= steady && !l->stop) {
        struct loop_timer *t = l->timers;
        loop_cancel(l, t);
        t->fire(t->arg, l->now);
    }
}

/* A handler may unwatch any descriptor, so the search begins anew after each one. */
static void run_fds(struct loop *l)
{
    for (struct loop_fd *f = l->fds; f && !l->stop;) {
        if (!f->revents) {
            f = f->next;
            continue;
        }
        short revents = f->revents;
        f->revents = 0;
        f->ready(f->arg, l->now, revents);
        f = l->fds;
    }
}

int loop_turn(struct loop *l, int64_t until)
{
    if (l->timers && l->timers->due < until)
        until = l->timers->due;
    int ready = l->ops->wait(l, until);
    if (ready < 0)
        return -1;
    l->wakeups++;
    int64_t step = clock_watch(l->clock);
    l->now = clock_local(l->clock, l->clock->seen_now);
    if (step && l->jumped)
        l->jumped(l->jumped_arg, l->now, step);
    run_timers(l);
    if (ready)
        run_fds(l);
    return 0;
}

int loop_run(struct loop *l)
{
    l->stop = false;
    while (!l->stop)
        if (loop_turn(l, INT64_MAX))
            return -1;
    return 0;
}

void loop_close(struct loop *l)
{
    free(l->poll);
    l->poll = NULL;
    l->poll_size = 0;
}
