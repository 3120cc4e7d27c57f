/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/loop.h"

#include <string.h>
#include <time.h>

static int64_t steady(struct loop *l)
{
    (void)l;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int wait_real(struct loop *l, int64_t until)
{
    int64_t wait = -1;
    if (until != INT64_MAX) {
        wait = until - steady(l);
        if (wait < 0)
            wait = 0;
    }
    return loop_poll_fds(l, wait);
}

static const struct loop_ops poll_ops = {.steady = steady, .wait = wait_real};

void loop_poll_init(struct loop *l, struct clock *clock)
{
    memset(l, 0, sizeof *l);
    l->ops = &poll_ops;
    l->clock = clock;
    l->now = clock_local(clock, clock_now(clock));
}
