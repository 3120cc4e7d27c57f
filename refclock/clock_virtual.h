/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_CLOCK_VIRTUAL_H
#define TIMEBALL_REFCLOCK_CLOCK_VIRTUAL_H

#include "refclock/clock.h"

/*
 * A clock on a simulated oscillator; it touches no clock of the machine. The frequency correction
 * is rounded as the kernel's (2^-16 ppm); what it was told is kept for inspection. Told of a leap
 * second, it steps at the end of its day, a timer tick late, as Linux does. The owner frees the
 * struct; there is nothing to close.
 */
/* As ntp_adjtime(3) has them. */
enum clock_leap_state {
    CLOCK_LEAP_OK,
    CLOCK_LEAP_INS, /* told that a second is inserted at the end of this day ... */
    CLOCK_LEAP_DEL, /* ... or left out */
    CLOCK_LEAP_OOP, /* in the inserted second: 23:59:59 once more */
    CLOCK_LEAP_WAIT /* done, until it is told that there is none */
};

struct clock_virtual {
    struct clock clock;
    int64_t (*truth)(void *arg);
    double (*frequency)(void *arg, int64_t second);
    void *arg;
    int64_t at;                  /* truth up to which the clock has run, ns */
    int64_t second;              /* the true second that `osc` belongs to */
    double osc;                  /* the oscillator's error in it */
    int64_t shown, raw_ns;       /* reading and raw reading at `at` ... */
    double shown_frac, raw_frac; /* ... and their fractions, ns */
    struct clock_report told;
    enum clock_leap_state leap_state;
    int64_t leap_at;  /* reading at which the leap is due, ns */
    int64_t leap_lag; /* how long after it the step is made: until the next timer tick, ns */
    bool leap_deaf;   /* a kernel that makes no leap steps */
};

/*
 * truth(arg): true time now, ns POSIX, never going back. frequency(arg, second): the oscillator's
 * fractional frequency error (positive: runs fast) for the true second that begins; asked once a
 * second, in order. offset: reading minus truth at the start, s.
 */
void clock_virtual_init(struct clock_virtual *c, int64_t (*truth)(void *),
                        double (*frequency)(void *, int64_t), void *arg, double offset);

/* Somebody else steps this clock by `offset` s (fault injection). */
void clock_virtual_disturb(struct clock_virtual *c, double offset);

/* The machine was frozen, its clock with it, since the clock was looked at last (fault injection).
 */
void clock_virtual_freeze(struct clock_virtual *c);

/* Reading minus truth now, s, to a fraction of a nanosecond: for the simulation's judge, not for
 * the daemon. */
double clock_virtual_error(struct clock_virtual *c);

/* True time for a virtual clock in real time: the host's CLOCK_REALTIME at the start, carried on
 * CLOCK_MONOTONIC. */
struct clock_host {
    int64_t base; /* ns */
};
void clock_host_start(struct clock_host *h);
int64_t clock_host_truth(const struct clock_host *h);

#endif
