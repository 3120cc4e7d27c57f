/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_SNAPSHOT_H
#define TIMEBALL_REFCLOCK_SNAPSHOT_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/latch.h"
#include "refclock/sample.h"

/* A reference identifier (RFC 5905 figure 12) from up to four letters:
 * SNAPSHOT_REFID('P','P','S',0). */
#define SNAPSHOT_REFID(a, b, c, d)                                                               \
    ((uint32_t)(uint8_t)(a) << 24 | (uint32_t)(uint8_t)(b) << 16 | (uint32_t)(uint8_t)(c) << 8 | \
     (uint8_t)(d))

/*
 * The clock as the responder sees it: a line from a reading of the clock (clock.h) to true time,
 * and how far to trust it. truth(reading) = reading + shift + offset + rate x (reading -
 * reference). Over a leap second the line goes on; truth then leaves it by `leap_step`, for the one
 * second that follows. Later, the clock itself may have been stepped, or not: until the next
 * snapshot nobody knows.
 */
struct snapshot {
    int64_t reference; /* reading at which offset and bounds hold, ns */
    int64_t shift; /* ns, the coarse part of true minus reading (an unset clock may be years off) */
    double offset; /* s, the fine part, at the reference */
    double rate;   /* dimensionless, change of offset per second of reading */
    double stat;   /* s, statistical part of the bound at the reference (noise, drift, age) */
    double total;  /* s, the promise: stat + latency + receiver + sawtooth + numbering; > 0 */
    double drift;  /* dimensionless: the bound grows by this per second of age */
    int64_t reftime;     /* true time of the last measurement used, ns POSIX; 0: none yet */
    int64_t leap_at;     /* ns on the line's scale: from then on `leap_step` is to be added; 0: no
                            leap second is due */
    double root_delay;   /* s */
    uint32_t refid;      /* SNAPSHOT_REFID; the address digest for network sources */
    uint32_t generation; /* of the clock */
    uint8_t stratum;     /* 1..15, 16: unsynchronised */
    uint8_t leap;        /* enum leap; LEAP_UNKNOWN: unsynchronised */
    int8_t precision;    /* log2 s, of reading the clock */
    int8_t leap_step;    /* s, +1 or -1 */
    bool transition;     /* a step is under way: readings are of no known generation */
    bool locked_once;    /* false: never locked since start (refid INIT on the wire) */
};

/* Past this age (s) a snapshot speaks for nothing: LI 3. */
#define SNAPSHOT_STALE_S 10.0

/* The line at a reading, ns: true time, but for a leap second. */
static inline int64_t snapshot_line(const struct snapshot *s, int64_t reading)
{
    double age = (double)(reading - s->reference) * 1e-9;
    double fine = (s->offset + s->rate * age) * 1e9;
    return reading + s->shift + (int64_t)(fine + (fine < 0 ? -0.5 : 0.5));
}

/* Where a time on the line lies with respect to the leap second that is due, if any. */
enum snapshot_leap { SNAPSHOT_LEAP_AHEAD, SNAPSHOT_LEAP_NOW, SNAPSHOT_LEAP_LOST };
static inline enum snapshot_leap snapshot_leap(const struct snapshot *s, int64_t line)
{
    if (!s->leap_at || line < s->leap_at)
        return SNAPSHOT_LEAP_AHEAD;
    return line < s->leap_at + 1000000000 ? SNAPSHOT_LEAP_NOW : SNAPSHOT_LEAP_LOST;
}

/* True time of a reading, ns POSIX; in an inserted second, that of the second before. */
static inline int64_t snapshot_truth(const struct snapshot *s, int64_t reading)
{
    int64_t line = snapshot_line(s, reading);
    bool now = snapshot_leap(s, line) == SNAPSHOT_LEAP_NOW;
    return now ? line + (int64_t)s->leap_step * 1000000000 : line;
}

/* The bound (s) that holds for a reading: total, grown by its age. */
static inline double snapshot_bound(const struct snapshot *s, int64_t reading)
{
    double age = (double)(reading - s->reference) * 1e-9;
    return s->total + s->drift * (age < 0 ? -age : age);
}

/* Where it is published: latch.h. */
struct snapshot_latch {
    _Atomic uint32_t sequence;
    _Atomic uint64_t copies[2 * LATCH_WORDS(struct snapshot)];
};

/* Fills the latch with "unsynchronised, never locked". */
void snapshot_latch_init(struct snapshot_latch *l);

/* For the one writer. */
void snapshot_publish(struct snapshot_latch *l, const struct snapshot *s);

/* For any thread. Returns the number of what it read. */
uint32_t snapshot_read(struct snapshot_latch *l, struct snapshot *s);

/* For any thread: whether that was the newest until now, which is after all that the caller did
 * before (such as reading the clock). */
static inline bool snapshot_is_newest(const struct snapshot_latch *l, uint32_t number)
{
    return latch_is_newest(&l->sequence, number);
}

#endif
