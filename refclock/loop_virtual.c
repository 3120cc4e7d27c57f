/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/loop_virtual.h"

#include <string.h>

static int64_t steady(struct loop *l)
{
    return ((struct loop_virtual *)l)->truth;
}

/* Bytes that were written to a pipe in this instant are read before time goes on. */
static int wait_virtual(struct loop *l, int64_t until)
{
    struct loop_virtual *v = (struct loop_virtual *)l;
    int ready = v->written ? loop_poll_fds(l, 0) : 0;
    v->written = false;
    if (ready == 0 && until > v->truth && until != INT64_MAX)
        v->truth = until;
    return ready;
}

static const struct loop_ops virtual_ops = {.steady = steady, .wait = wait_virtual};

void loop_virtual_init(struct loop_virtual *v, struct clock *clock, int64_t truth)
{
    memset(v, 0, sizeof *v);
    v->loop.ops = &virtual_ops;
    v->loop.clock = clock;
    v->truth = truth;
}

int64_t loop_virtual_truth(void *loop)
{
    return ((struct loop_virtual *)loop)->truth;
}
