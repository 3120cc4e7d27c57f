/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DRIFT_H
#define TIMEBALL_SERVER_DRIFT_H

#include <stdint.h>

#include "refclock/err.h"

/*
 * The drift file: what the oscillator's frequency was, so that a restart begins with it. Text, a
 * line a value; written whole beside the old file and renamed over it, so it is never half there.
 */
struct drift {
    double freq;     /* fractional frequency, positive: the clock must run faster */
    double error;    /* standard error of it, > 0 */
    int64_t written; /* true time, ns POSIX */
};

/*
 * Returns 1 with *d filled; 0 when there is no file; -1 with *err when it cannot be used: not ours,
 * torn, or with values that no oscillator has. *d is untouched then.
 */
int drift_read(const char *path, struct drift *d, struct err *err);

/* Replaces the file. A file that is not ours is left alone. 0, or -1 with *err. */
int drift_write(const char *path, const struct drift *d, struct err *err);

#endif
