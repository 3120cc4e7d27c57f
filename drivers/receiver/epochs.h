/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_EPOCHS_H
#define TIMEBALL_DRIVERS_RECEIVER_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An epoch of a recorded receiver stream. */
struct epoch {
    int64_t second; /* POSIX */
    bool leap60;    /* 23:59:60; `second` is the one that follows 23:59:59 */
    int32_t nsec;
    bool vouched; /* the parser vouches for it; false: the receiver says not to use it */
};

/*
 * Finds the epochs in the bytes of a receiver's log (`#` lines at its head are passed over), as the
 * daemon would with `pivot` (POSIX s) as its era pivot. Epochs without a known date are left out.
 */
void epochs_scan(const void *bytes, size_t size, int64_t pivot,
                 void (*epoch)(void *arg, const struct epoch *), void *arg);

/* "2018-10-25T20:55:46.000Z A", V where it is not vouched for. buf of at least 40 bytes. Returns
 * buf. */
const char *epochs_line(const struct epoch *e, char *buf, size_t size);

#endif
