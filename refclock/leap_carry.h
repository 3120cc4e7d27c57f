/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_LEAP_CARRY_H
#define TIMEBALL_REFCLOCK_LEAP_CARRY_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/clock.h"
#include "refclock/leap.h"
#include "refclock/loop.h"
#include "refclock/snapshot.h"

/*
 * A leap second from its announcement to the second after it. Numbering and filter run on a scale
 * without a step; when the change is past, both are moved by the same whole second, at once, so the
 * filter sees nothing of it. Until then the snapshot says when truth leaves the line. The clock is
 * stepped by the kernel, which is told on the last day; where it is not (`clock none`, a kernel
 * that does not), the reading stays a second off, and a clock that may be steered is stepped after
 * a second of grace.
 */
struct refclock;

struct leap_carry {
    struct leap_table table;
    struct leap_verdict verdict; /* as of this second */
    struct loop_timer timer;
    bool due;            /* the change of the verdict is on this day, and is carried through */
    enum leap change;    /* which ... */
    int64_t at;          /* ... and the first second after it, POSIX s */
    int64_t carried;     /* `at` of the last one that was; 0: none */
    int64_t grace_until; /* local time until which the kernel may still step; 0: no grace */
    int64_t tai_from;    /* local time before which the kernel's TAI - UTC is left alone */
    uint64_t count;      /* carried through since the start */
};

/* Knows nothing yet. */
void leap_carry_init(struct refclock *r);

/* Judges the table and prepares what is due; at least once a second. */
void leap_carry_look(struct refclock *r);

/* A source says something of leap seconds. */
void leap_carry_heard(struct refclock *r, const char *name, const struct leap_claim *claim);

/* True time, POSIX s, as far as anybody says it: the estimate, or what the messages of a source
 * name; 0: nobody does. */
int64_t leap_carry_time(const struct refclock *r);

/* Nothing fires any more. */
void leap_carry_stop(struct refclock *r);

/* The clock is not to be steered in this moment: the kernel's step is awaited. */
bool leap_carry_holds(const struct refclock *r);

/* Fills the leap part of a snapshot that claims time. */
void leap_carry_snapshot(const struct refclock *r, struct snapshot *s);

/* Fills the leap part of what the kernel is told, while synchronised. */
void leap_carry_report(const struct refclock *r, struct clock_report *report);

#endif
