/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PORT_PORT_H
#define TIMEBALL_DRIVERS_PORT_PORT_H

#include <stddef.h>
#include <sys/types.h>

#include "refclock/err.h"

/* Where a receiver's bytes come from. Only a port knows a device. */
struct port;

struct port_ops {
    int (*fd)(const struct port *); /* for the loop's poll set */
    ssize_t (*read)(struct port *, void *buf, size_t size,
                    struct err *); /* > 0 bytes; 0 none now; -1 gone, *err */
    ssize_t (*write)(struct port *, const void *buf, size_t size,
                     struct err *); /* bytes taken, maybe fewer; 0 none now; -1 gone, *err */
    int (*set_baud)(struct port *, int baud, struct err *); /* 0, or -1 with *err */
    void (*close)(struct port *);
};
struct port {
    const struct port_ops *ops;
};

/* The descriptor for the poll set; the port keeps it. */
static inline int port_fd(const struct port *p)
{
    return p->ops->fd(p);
}
/* > 0: bytes read; 0: none now; -1: the device is gone, with *err. */
static inline ssize_t port_read(struct port *p, void *buf, size_t size, struct err *e)
{
    return p->ops->read(p, buf, size, e);
}
/*
 * Writes without waiting: the bytes taken, maybe fewer than `size`; 0: none now; -1 with *err: the
 * device is gone, or is no way to a receiver (a fifo, a port that may only be read).
 * Nothing is ever written to a port on which no valid message of a receiver was seen.
 */
static inline ssize_t port_write(struct port *p, const void *buf, size_t size, struct err *e)
{
    return p->ops->write(p, buf, size, e);
}
/*
 * Changes the rate at once, 4800 to 921600 as terminals name them. Bytes on their way are lost, and
 * what was written and not yet sent goes out at the new rate: give it time before. 0, or -1 with
 * *err: no such rate, the device does not take it, or is no terminal.
 */
static inline int port_set_baud(struct port *p, int baud, struct err *e)
{
    return p->ops->set_baud(p, baud, e);
}
/* Closes and frees the port. */
static inline void port_close(struct port *p)
{
    p->ops->close(p);
}

/*
 * Opens a serial port by libserialport (links resolved first), or by port_plain_open() what
 * libserialport does not know: a pty, a simulator's port, a fifo. Exclusive, non-blocking, 8N1 raw
 * at `baud`, HUPCL cleared, low latency where the driver can; failure of the last three is
 * harmless. For reading and writing where the right to that is there, else for reading alone;
 * nothing is written by opening. 0, or -1 with *err. port_close() frees it.
 */
int port_open(const char *path, int baud, struct port **out, struct err *err);

/* The plain port: open(2), termios when it is a terminal. Same contract. */
int port_plain_open(const char *path, int baud, struct port **out, struct err *err);

#endif
