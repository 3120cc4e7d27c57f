/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PULSE_H
#define TIMEBALL_DRIVERS_PULSE_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/err.h"

/* A line that stamps pulses: a kernel PPS device (RFC 2783), or a simulated one. Never waits. */
struct pulse;

/* The newest edge of the wanted kind. */
struct pulse_stamp {
    uint64_t
        sequence; /* of that edge; 0: none yet. A jump of more than 1 is a lost or an extra pulse */
    int64_t reading; /* reading of the clock (clock.h) at the edge, ns */
    double width; /* s, from that kind of edge on to the next opposite one, of the last whole pulse;
                     0: only one kind is captured */
    double error; /* s, +-, how far off a stamp of this line may be beyond an interrupt's latency
                     (a pulse waited for over USB: 1e-3); else 0 */
};

struct pulse_ops {
    int (*fetch)(struct pulse *, struct pulse_stamp *,
                 struct err *); /* 0, or -1: the line is gone */
    void (*close)(struct pulse *);
};
struct pulse {
    const struct pulse_ops *ops;
};

/* The newest edge, without waiting. 0, or -1 with *err when the line is gone. */
static inline int pulse_fetch(struct pulse *p, struct pulse_stamp *s, struct err *e)
{
    return p->ops->fetch(p, s, e);
}
/* Closes and frees the line. */
static inline void pulse_close(struct pulse *p)
{
    p->ops->close(p);
}

/*
 * Opens a kernel PPS device by path (/dev/pps0, or a link to one) through the RFC 2783 API.
 * Captures assert or clear; time_pps_setparams refused with EPERM is no error where that edge is
 * captured already. The `ktimer` source, which is no pulse, is refused. Never the kernel's own
 * offsets, never kcbind. 0, or -1 with *err. pulse_close() frees it.
 */
int pulse_kernel_open(const char *path, bool clear, struct pulse **out, struct err *err);

#endif
