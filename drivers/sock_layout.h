/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SOCK_LAYOUT_H
#define TIMEBALL_DRIVERS_SOCK_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/sample.h"

/*
 * The datagram of chrony's reference clock SOCK, in the byte order of the machine: struct timeval
 * of the system clock, double offset, then int pulse, leap, padding, magic. With a time_t of 64
 * bits it has 40 bytes, of 32 bits 32.
 */
#define SOCK_MAGIC    0x534f434b /* "SOCK" */
#define SOCK_SIZE     40
#define SOCK_SIZE_MAX 64 /* a buffer of this size shows that a datagram is too long */

struct sock_sample {
    int64_t kernel; /* the kernel's CLOCK_REALTIME, ns POSIX */
    double offset;  /* s, true minus system time */
    bool pulse;     /* only the place in the second is known */
    enum leap leap;
};

/* Pure: a datagram of `size` bytes, of either length. 0, or -1 when it is none, or cannot be. */
int sock_decode(const void *bytes, size_t size, struct sock_sample *out);

/* Pure: writes the form of 64-bit programs, SOCK_SIZE bytes; the stamp is cut to microseconds,
 * where the offset is the same. */
void sock_encode(const struct sock_sample *in, uint8_t bytes[SOCK_SIZE]);

#endif
