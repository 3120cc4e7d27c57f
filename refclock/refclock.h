/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_REFCLOCK_H
#define TIMEBALL_REFCLOCK_REFCLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/bound.h"
#include "refclock/clock.h"
#include "refclock/discipline.h"
#include "refclock/leap_carry.h"
#include "refclock/log.h"
#include "refclock/loop.h"
#include "refclock/receiver.h"
#include "refclock/select.h"
#include "refclock/snapshot.h"

/*
 * The engine: several sources, of which one leads, and one clock. This is the one place that acts
 * on what numbering, selection and discipline decide: it feeds them, steers the clock, publishes
 * the snapshot and tells the kernel.
 */
enum refclock_state {
    REFCLOCK_STARTING,       /* never locked */
    REFCLOCK_LOCKED,         /* follows a source */
    REFCLOCK_HOLDOVER,       /* the source is gone, the bound is inside the limit */
    REFCLOCK_ISLAND,         /* ... and beyond it: served at `local_stratum`, with its bound */
    REFCLOCK_UNSYNCHRONISED, /* nothing that could be believed: LI 3 */
};

#define REFCLOCK_SOURCES    SELECT_MOST
#define REFCLOCK_SYNC_BOUND 0.5      /* s: beyond, the second itself is not known */
#define REFCLOCK_LATE_NS    20000000 /* a second is over when its pulse is so late */
#define REFCLOCK_PANIC      1000.0   /* s, RFC 5905 PANICT: more is refused */

struct refclock_config {
    uint32_t refid;         /* of numbered pulses */
    uint32_t refid_message; /* of messages alone */
    double steplimit;       /* s: after the start, only more than this is stepped */
    double holdover_limit;  /* s: bound up to which stratum 1 is kept without a source */
    int local_stratum;      /* 2..15: stratum of a clock that has lost every source; 0: none */
};

/* A step that was made, or that others made. */
struct refclock_step {
    int64_t truth; /* when, ns POSIX as far as known */
    double amount; /* s */
    bool foreign;
};

struct refclock {
    struct refclock_config config;
    struct loop *loop;
    struct clock *clock;
    const struct log *log;
    struct snapshot_latch *latch;
    struct receiver receiver[REFCLOCK_SOURCES];
    int count;                /* of those */
    int leader;               /* index; -1: nothing is followed */
    int led;                  /* the last leader; 0 before there was one */
    bool led_once;            /* there was one */
    struct selected selected; /* a verdict on each */
    struct fitness selection; /* what the clock follows, and why */
    struct discipline discipline;
    struct leap_carry leap;
    enum refclock_state state;
    struct loop_timer second;
    double total;     /* s, the bound now */
    double rest;      /* the frequency correction in force, without what slews the phase */
    double freq_seen; /* what the kernel had when it was last told */
    bool synced_once;
    bool steered_once;  /* the start is over: from now on `steplimit` counts */
    double to_undo;     /* s, what others stepped and we have not undone */
    int doubt;          /* messages still needed to confirm the number after a foreign step */
    int64_t undone;     /* local time at which a foreign step was undone last; 0: never */
    bool foreign_clock; /* somebody keeps moving the clock: it is left alone, the estimate is served
                         */
    uint64_t steps, foreign_steps, foreign_freqs, refused, changes /* of the leader */;
    struct refclock_step last_step, foreign_step; /* the latter: the last that others made */
    struct log_limit limit_foreign, limit_tell, limit_refused;
    int precision;
};

/*
 * `loop` (whose clock it disciplines), `log` and `latch` are borrowed.
 */
void refclock_init(struct refclock *r, const struct refclock_config *config, struct loop *loop,
                   const struct log *log, struct snapshot_latch *latch);

/* Starts the work of each second. */
void refclock_start(struct refclock *r);
void refclock_stop(struct refclock *r);

/*
 * Adds a source. Returns its index, which all below take as `who`; or -1 when there are
 * REFCLOCK_SOURCES already.
 */
int refclock_add(struct refclock *r, const struct receiver_config *config);

/* What drivers deliver: a pulse, a message's time, a sample whose second is known. */
void refclock_edge(struct refclock *r, int who, const struct edge *e);
void refclock_label(struct refclock *r, int who, const struct timelabel *l);
void refclock_sample(struct refclock *r, int who, const struct sample *s);

/* What a network server says of itself, with each of its samples; before the sample. */
void refclock_remote(struct refclock *r, int who, const struct receiver_remote *remote);

/* Source `who` is another server from now on: what was known of it is forgotten. */
void refclock_forget(struct refclock *r, int who);

/* There is no source `who` any more; its index may be another one's later. The clock goes on as
 * when it had fallen silent. */
void refclock_remove(struct refclock *r, int who);

/* What the receiver says of its next pulse, and of leap seconds. */
void refclock_sawtooth(struct refclock *r, int who, const struct sawtooth *s);
void refclock_leap(struct refclock *r, int who, const struct leap_claim *l);

/* What a receiver or its board's profile says of its pulse. */
void refclock_pulse(struct refclock *r, int who, const struct edge_hint *hint);

/* Whether the receiver says that it has a fix. Without one its pulses are not used. */
void refclock_fix(struct refclock *r, int who, bool fix);

/* How far its integrity can be trusted, and why (one sentence, copied). */
void refclock_trust(struct refclock *r, int who, enum receiver_trust trust, const char *why);

/* The source that leads, or led last, or the first; NULL: there are none. */
const struct receiver *refclock_leader(const struct refclock *r);

/* The temperature sensor reads so many degrees Celsius now. */
void refclock_temperature(struct refclock *r, double celsius);

/* Whether what leads contradicts the clock's own course (course.h): whoever else knows the time is
 * asked now. */
bool refclock_contradicted(const struct refclock *r);

/* The estimate now; false before the first sample. */
bool refclock_estimate(const struct refclock *r, struct estimate *e);

/*
 * In how many seconds the error bound passes `limit` (s) if no source comes back: 0 now, INFINITY
 * not within a month; NAN before the first sample.
 */
double refclock_passes(const struct refclock *r, double limit);

/* The error bound (s) up to which the time is carried on without a source. */
double refclock_holdover_limit(const struct refclock *r);

/* Begins with what an earlier run learned; before refclock_start(). */
void refclock_warm(struct refclock *r, const struct memory *m);

/* What is worth keeping over a restart; `known` is false while that is nothing. */
struct memory refclock_memory(const struct refclock *r);

/* One word for status and log. */
const char *refclock_state_name(enum refclock_state s);

#endif
