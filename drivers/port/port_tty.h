/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PORT_PORT_TTY_H
#define TIMEBALL_DRIVERS_PORT_PORT_TTY_H

#include "drivers/port/port.h"
#include "refclock/err.h"

/* What both kinds of port do with a terminal's descriptor. For port_serial.c and port_plain.c. */

/* Fills *err for a port that could not be opened, with what to do about `errnum`. Returns -1. */
int port_open_error(struct err *err, const char *path, int errnum);

/*
 * Is the terminal another program's: marked exclusive (TIOCEXCL; root's open() does not notice) or
 * locked (flock)? 0: free, or no terminal of this kernel; else -1 with *err. `path` is for the
 * message.
 */
int port_check_free(int fd, const char *path, struct err *err);

/* Marks and locks the terminal as ours. 0, or -1 with *err when somebody else was faster. */
int port_claim(int fd, const char *path, struct err *err);

/* Takes the mark off, for the next program; the lock ends with the descriptor. */
void port_release(int fd);

/*
 * Raw 8N1 at `baud` (0: leave speed and framing as they are), read() gives at least one byte, HUPCL
 * cleared, low latency; bytes of before are thrown away. What the device cannot do is left undone.
 */
void port_tune(int fd, int baud);

/* port_write() and port_set_baud() of a terminal; the errors name no thing. */
ssize_t port_tty_write(int fd, const void *buf, size_t size, struct err *err);
int port_tty_set_baud(int fd, int baud, struct err *err);

#endif
