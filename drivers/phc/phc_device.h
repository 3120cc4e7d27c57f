/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PHC_PHC_DEVICE_H
#define TIMEBALL_DRIVERS_PHC_PHC_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/phc/phc_offset.h"
#include "refclock/err.h"

/* A PTP hardware clock, /dev/ptpN, or a made-up one. Never waits, and is never set from here. */
struct phc;

/* What is asked of its external time stamps. */
struct phc_input {
    int pin;     /* to be given that function; -1: it has it, or has pins of one function */
    int channel; /* of the time stamps */
    bool clear;  /* the falling edge; else the rising */
};

struct phc_ops {
    int (*compare)(struct phc *, struct phc_offset *, struct err *);
    int (*listen)(struct phc *, const struct phc_input *, struct err *);
    int (*stamp)(struct phc *, int64_t *at, struct err *);
    int (*fd)(const struct phc *);
    void (*close)(struct phc *);
};
struct phc {
    const struct phc_ops *ops;
};

/* Holds it against the system clock, by the best way that its driver knows. 0, or -1 with *err. */
static inline int phc_compare(struct phc *p, struct phc_offset *out, struct err *err)
{
    return p->ops->compare(p, out, err);
}
/* Has the edges at an input stamped, until it is closed. 0, or -1 with *err. */
static inline int phc_listen(struct phc *p, const struct phc_input *input, struct err *err)
{
    return p->ops->listen(p, input, err);
}
/* 1: *at is the next stamp, ns on the PHC's scale; 0: none now; -1: the device is gone, *err. */
static inline int phc_stamp(struct phc *p, int64_t *at, struct err *err)
{
    return p->ops->stamp(p, at, err);
}
/* For the poll set: readable when there are stamps. */
static inline int phc_fd(const struct phc *p)
{
    return p->ops->fd(p);
}
/* Closes and frees it. */
static inline void phc_close(struct phc *p)
{
    p->ops->close(p);
}

/* Opens /dev/ptpN, or a link to it. 0, or -1 with *err. phc_close() frees it. */
int phc_device_open(const char *path, struct phc **out, struct err *err);

#endif
