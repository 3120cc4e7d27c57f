/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_reader_now(struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_REALTIME);
}

int64_t clock_reader_raw(struct clock *c)
{
    (void)c;
    return read_clock(CLOCK_MONOTONIC_RAW);
}

int64_t clock_reader_stamp(struct clock *c, int64_t kernel_ns)
{
    (void)c;
    return kernel_ns;
}

static const struct clock_ops reader_ops = {
    .name = "system clock",
    .now = clock_reader_now,
    .raw = clock_reader_raw,
    .stamp = clock_reader_stamp,
    .close = clock_reader_close,
};

void clock_reader_close(struct clock *c)
{
    free(c);
}

int clock_reader_open(struct clock **out, struct err *err)
{
    struct clock *c = calloc(1, sizeof *c);
    if (!c)
        return err_errno(err, "system clock", "", "opening", ENOMEM);
    c->ops = &reader_ops;
    *out = c;
    return 0;
}
