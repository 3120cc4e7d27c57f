/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_CLOCK_H
#define TIMEBALL_REFCLOCK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/err.h"

/*
 * The clock that is disciplined, as a seam: the system's, or a virtual one on a simulated
 * oscillator.
 *
 * A *reading* is what the clock shows (for the system clock: CLOCK_REALTIME). The *local scale* is
 * the reading less every step so far, ours and others': it never jumps, and numbering and filter
 * run on it. Both are int64_t ns.
 */
struct clock;

/* What the kernel is told each second (clock_adjtime(2)), so that other programs can believe it. */
struct clock_report {
    bool synced;      /* false sets STA_UNSYNC */
    int leap;         /* enum leap: STA_INS, STA_DEL on the last day */
    double est_error; /* s */
    double max_error; /* s */
    int tai;          /* TAI - UTC in s; 0: not known, the kernel's is left alone */
};

struct clock_ops {
    const char *name;
    int64_t (*now)(struct clock *); /* the reading */
    int64_t (*raw)(struct clock *); /* unslewed, never stepped (CLOCK_MONOTONIC_RAW) */
    int64_t (*stamp)(
        struct clock *,
        int64_t kernel_ns); /* the reading that belongs to a kernel CLOCK_REALTIME stamp */
    int (*set_freq)(struct clock *, double freq, double *set, int64_t *at, struct err *);
    int (*step)(struct clock *, int64_t ns, int64_t *at, struct err *);
    int (*tell)(struct clock *, const struct clock_report *, double *freq_seen, struct err *);
    void (*close)(struct clock *);
};

struct clock {
    const struct clock_ops *ops;
    bool steerable; /* false: set_freq and step are refused (`clock none`) */
    uint32_t
        generation;  /* one more at every step; stamps of two generations are never subtracted */
    int64_t stepped; /* ns, sum of all steps since the clock was opened, exact: local = reading -
                        stepped */
    double freq; /* frequency correction in force, as set (dimensionless, positive: runs faster) */
    int64_t seen_now, seen_raw; /* the last pair of clock_watch() */
    int64_t leap_at; /* reading at which the kernel, or whoever keeps the clock, is to make a leap
                        second's step; 0: none */
    int leap_step;   /* s */
};

/* The reading, ns. */
static inline int64_t clock_now(struct clock *c)
{
    return c->ops->now(c);
}
/* The unslewed, never stepped clock on the same oscillator, ns since any moment. */
static inline int64_t clock_raw(struct clock *c)
{
    return c->ops->raw(c);
}
/* The reading that belongs to a CLOCK_REALTIME stamp of the kernel (of a packet, of a pulse), ns.
 */
static inline int64_t clock_stamp(struct clock *c, int64_t kernel_ns)
{
    return c->ops->stamp(c, kernel_ns);
}

/* The local scale of a reading of the present generation. */
static inline int64_t clock_local(const struct clock *c, int64_t reading)
{
    return reading - c->stepped;
}

/*
 * Sets the frequency correction (dimensionless, |freq| <= 500e-6, clamped). *set: what was really
 * set; *at: the reading from which it is in force. Returns 0, or -1 with *err.
 */
int clock_set_freq(struct clock *c, double freq, double *set, int64_t *at, struct err *err);

/*
 * Steps the clock by `offset` seconds (positive: forward). The generation and `stepped` grow. *at:
 * the reading just after. Returns 0, or -1 with *err.
 */
int clock_step(struct clock *c, double offset, int64_t *at, struct err *err);

/*
 * Tells the kernel; *freq_seen: the correction it has, which another program may have set. 0, or -1
 * with *err.
 */
static inline int clock_tell(struct clock *c, const struct clock_report *r, double *freq_seen,
                             struct err *err)
{
    return c->ops->tell(c, r, freq_seen, err);
}

/*
 * A leap second is due: at the reading `at` a step of `seconds` (+1 or -1) may come that is
 * nobody's fault. clock_watch() takes it, exactly, into `stepped` and the generation. `at` 0: none
 * is due.
 */
void clock_expect_leap(struct clock *c, int64_t at, int seconds);

/*
 * Looks whether somebody else stepped the clock, by holding its reading against the raw clock;
 * called once a wake-up. Returns the size of the step in ns (0: none) after taking it into
 * `stepped` and the generation. Frequency changes by others up to 1000 ppm are no steps, and the
 * step of a leap second that is due (clock_expect_leap()) is taken in and not returned.
 */
int64_t clock_watch(struct clock *c);

/*
 * Opens CLOCK_REALTIME to be steered, taking it over from whatever steered it before. For the
 * daemon's main only. 0, or -1 with *err (no right).
 */
int clock_system_open(struct clock **out, struct err *err);

/*
 * Opens CLOCK_REALTIME to be read only: it cannot be steered, whoever asks. 0, or -1 with *err. The
 * operations are those of the steered clock too.
 */
int clock_reader_open(struct clock **out, struct err *err);
int64_t clock_reader_now(struct clock *c);
int64_t clock_reader_raw(struct clock *c);
int64_t clock_reader_stamp(struct clock *c, int64_t kernel_ns);
void clock_reader_close(struct clock *c);

/* log2 s of the smallest step that successive readings show (RFC 5905 section 7.3), -29 .. -6. */
int clock_precision(struct clock *c);

/* Frees the clock; the frequency stays as it is. NULL is allowed. */
void clock_close(struct clock *c);

#endif
