/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SHM_LAYOUT_H
#define TIMEBALL_DRIVERS_SHM_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include "refclock/err.h"
#include "refclock/sample.h"

/*
 * The System V shared memory of ntpd's reference clock type 28, one sample wide. Two programs that
 * share it were built with the same size of time_t; with 64 bits it is 96 bytes long.
 */
#define SHM_KEY      0x4e545030 /* "NTP0", and the unit is added */
#define SHM_UNIT_MAX 255

struct shm_segment {
    int mode;  /* 0: `valid` alone says that a sample is there; 1: `count` shows a torn one, too */
    int count; /* mode 1: the writer adds one before and one after */
    time_t clock_sec; /* true time */
    int clock_usec;
    time_t receive_sec; /* what the system clock showed then */
    int receive_usec;
    int leap;            /* enum leap */
    int precision;       /* log2 s */
    int samples;         /* not used */
    int valid;           /* set last; the reader clears it */
    unsigned clock_nsec; /* counts when a thousandth of it is the field in microseconds */
    unsigned receive_nsec;
    int dummy[8];
};

/* A sample as it passes through a segment. */
struct shm_sample {
    int64_t clock, receive; /* true time and the kernel's CLOCK_REALTIME, ns POSIX */
    enum leap leap;
    int precision; /* log2 s */
};

enum shm_look {
    SHM_NOTHING, /* no sample that has not been taken */
    SHM_SAMPLE,
    SHM_TORN, /* the writer was at it; the sample is lost */
    SHM_BAD,  /* fields that cannot be; the sample is thrown away */
};

/* Takes the sample out of the segment (which may be mapped read-only: then `valid` stays, and
 * `writable` is false). */
enum shm_look shm_take(volatile struct shm_segment *s, bool writable, struct shm_sample *out);

/* Puts a sample in, by mode 1. For the only writer. */
void shm_put(volatile struct shm_segment *s, const struct shm_sample *in);

struct shm_mapping {
    volatile struct shm_segment *segment; /* NULL: not mapped */
    int id;
    bool writable;
};

/*
 * Maps the segment of `unit` (0 .. SHM_UNIT_MAX), which is made with mode 0600 when there is none.
 * Refused is one that is smaller, or that belongs to neither this user nor root; and one that
 * others may write, unless `anyone`. `to_write`: read-only will not do. 0, or -1 with *err.
 */
int shm_map(struct shm_mapping *m, int unit, bool anyone, bool to_write, struct err *err);

/* False when the segment was removed, or is another's or open to others by now; *err says what. */
bool shm_sound(const struct shm_mapping *m, bool anyone, struct err *err);

/* Unmaps it; the segment stays. Allowed when it is not mapped. */
void shm_unmap(struct shm_mapping *m);

#endif
