/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DRIFT_DRIFT_H
#define TIMEBALL_SERVER_DRIFT_DRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/err.h"
#include "refclock/memory.h"

/*
 * The drift file: what the clock has learned of its oscillator, so that a restart begins with it.
 * Text, a word and a number a line; written whole beside the old file and renamed over it, so it is
 * never half there.
 */
struct drift {
    struct memory memory;
    int64_t written; /* true time, ns POSIX */
    struct memory_delay delay[MEMORY_DELAYS];
    int delays;  /* of those */
    int damaged; /* lines about delays that could not be used */
};

/*
 * Returns 1 with *d filled; 0 when there is no file; -1 with *err when it cannot be used: not ours,
 * torn, or with values that no oscillator has. *d is untouched then.
 */
int drift_read(const char *path, struct drift *d, struct err *err);

/* Where our own file is when the one that was named is somebody else's. */
#define DRIFT_PATH "/var/lib/timeball/drift"

/* What drift_find() found. */
enum drift_found {
    DRIFT_NONE,   /* nothing, or nothing that can be used: then *err says why, or err->why is "" */
    DRIFT_OURS,   /* *d is filled */
    DRIFT_NUMBER, /* the frequency that another daemon left: only memory.freq and freq_error */
};

/*
 * Reads the file `named` and decides which one is ours to write (*keep, one of the two names):
 *
 *   it is ours, or is not there and can be made   `named`
 *   it is another's                               `own`, if that is there already it is read; else
 *                                                 the number of ntpd's driftfile: ppm, positive
 *                                                 where the clock is slow (ntp.conf(5))
 *   nothing can be written in its folder          `own`
 *
 * A file of others is never written.
 */
enum drift_found drift_find(const char *named, const char *own, struct drift *d, const char **keep,
                            struct err *err);

/* Replaces the file. A file that is not ours is left alone. 0, or -1 with *err. */
int drift_write(const char *path, const struct drift *d, struct err *err);

/*
 * Whether it was written when it says: not after `until` (ns), past which no date is believed, if
 * `clock` (the machine's clock, ns) has not come that far itself. A release that is in use for
 * decades gets there, and only its drift file then knows the era.
 */
bool drift_believed(const struct drift *d, int64_t until, int64_t clock);

/* Lets the frequency's error grow with the file's age, `now` being the clock's reading (ns). */
void drift_age(struct drift *d, int64_t now);

#endif
