/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PULSE_PULSE_H
#define TIMEBALL_DRIVERS_PULSE_PULSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/clock.h"
#include "refclock/err.h"

/*
 * A line that stamps pulses: a kernel PPS device (RFC 2783), a modem line of a serial port, or a
 * simulated one. Never waits.
 */
struct pulse;

/* The input of a serial port that the pulse is wired to; of no meaning for a PPS device. */
enum pulse_line { PULSE_DCD, PULSE_CTS };

/* What is asked of a line. */
struct pulse_want {
    bool clear;           /* the clear edge marks the second; else the assert edge */
    enum pulse_line line; /* of a serial port */
};

/* The newest edge of the wanted kind. */
struct pulse_stamp {
    uint64_t
        sequence; /* of that edge; 0: none yet. A jump of more than 1 is a lost or an extra pulse */
    int64_t reading; /* reading of the clock (clock.h) at the edge, ns */
    double width; /* s, from that kind of edge on to the next opposite one, of the last whole pulse;
                     0: not known, or only one kind is captured */
    double error; /* s, +-, how far off a stamp of this line may be beyond an interrupt's latency
                     (a pulse waited for over USB: 1e-3); else 0 */
};

struct pulse_ops {
    int (*fetch)(struct pulse *, struct pulse_stamp *,
                 struct err *); /* 0, or -1: the line is gone */
    void (*close)(struct pulse *);
    void (*describe)(const struct pulse *, char *buf, size_t size); /* may be NULL */
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
/* One sentence: which device, how its edges are stamped, which are captured; "" for nothing. */
static inline void pulse_describe(const struct pulse *p, char *buf, size_t size)
{
    *buf = 0;
    if (p->ops->describe)
        p->ops->describe(p, buf, size);
}

/*
 * Opens what the path names: a serial port (pulse_tty_open), or else a PPS device
 * (pulse_kernel_open). The clock is borrowed until pulse_close(). 0, or -1 with *err.
 */
int pulse_open(const char *path, const struct pulse_want *want, struct clock *clock,
               struct pulse **out, struct err *err);

/*
 * Opens a kernel PPS device by path (/dev/pps0, or a link to one) or by its source's name, through
 * the RFC 2783 API. Captures the wanted edge, and the other one where the device can, for the
 * pulse's width; time_pps_setparams refused is no error where the wanted edge is captured already,
 * and pulse_describe() says so. The `ktimer` source, which is no pulse, is refused. Never the
 * kernel's own offsets, never kcbind. A device that was unplugged is gone at the next fetches, also
 * if the kernel goes on to answer. 0, or -1 with *err. pulse_close() frees it.
 */
int pulse_kernel_open(const char *path, const struct pulse_want *want, struct pulse **out,
                      struct err *err);

/*
 * Opens a serial port for the pulse on its DCD or CTS, beside whatever else of this process reads
 * the same port; a port that another program holds is left alone. In this order:
 * - DCD: the PPS device whose path is this port, if somebody has attached one already;
 * - DCD: the kernel's line discipline N_PPS is attached, and its PPS device taken; the port gets
 *   N_TTY back at pulse_close(). Modules are loaded by the kernel if it likes, never from here;
 * - where there is no N_PPS, and for CTS: a thread waits for the line (TIOCMIWAIT, pulse_wait.h),
 *   and the stamp's `error` is 50 us on a UART, 1 ms over USB.
 * 0, or -1 with *err. The clock is borrowed: the thread reads it.
 */
int pulse_tty_open(const char *path, const struct pulse_want *want, struct clock *clock,
                   struct pulse **out, struct err *err);

#endif
