/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_RECEIVER_H
#define TIMEBALL_REFCLOCK_RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/edge_check.h"
#include "refclock/fitness.h"
#include "refclock/numbering.h"
#include "refclock/recall.h"
#include "refclock/sample.h"
#include "refclock/sawtooth.h"
#include "refclock/select.h"
#include "refclock/source.h"
#include "refclock/testimony.h"
#include "refclock/witness.h"

/*
 * One source of time: a receiver, which is pulses, messages or both together, or something that
 * delivers samples with their second already known. All that is known of it, and nothing that it
 * shares with others.
 */
enum receiver_trust {
    TRUST_NOT_MONITORED, /* nobody watches its integrity */
    TRUST_TRUSTED,
    TRUST_DOUBTFUL, /* stands by where another one is there; its bound counts twice */
    TRUST_REJECTED, /* not used */
};

struct receiver_config {
    char name[96];
    bool pulses, messages; /* what it delivers ... */
    bool samples;          /* ... or samples, and neither of those */
    bool peer;             /* samples over a network: of a server with a stratum of its own */
    bool noselect;         /* only watched */
    bool prefer;           /* before others of its kind */
    bool trusted;          /* it decides on the others */
    uint32_t refid;        /* SNAPSHOT_REFID when it leads; 0: by its kind */
};

/* What a network server says of itself. */
struct receiver_remote {
    uint8_t stratum;   /* 1..15 */
    uint32_t refid;    /* that stands for it (RFC 5905 section 7.3) */
    double root_delay; /* s, through it */
    double interval;   /* s, between its measurements */
};

struct receiver {
    struct receiver_config config;
    struct receiver_remote remote; /* of a peer */
    struct numbering numbering;
    int64_t renumbered;             /* s, that its new number moved its time by: not yet followed */
    struct source pulses, messages; /* `pulses` of samples, too */
    struct witness witness;         /* what it says of the clock's offset */
    struct edge_check edge;
    struct sawtooth_use sawtooth;
    struct testimony testimony;
    struct recall recall;
    double message_uncertainty; /* s */
    double uncertainty;         /* s, constant, of its last measurement */
    double interval;            /* s, mean between samples ... */
    int intervals;              /* ... of so many */
    double refused; /* s, what it says and nobody may talk a running clock into; 0: nothing */
    double bias; /* s, what it said more than the one that led before, and is taken over slowly */
    bool heard_pulse, heard_message; /* in this second */
    bool no_fix;
    bool pulled;  /* the clock away from its own course (course.h), as others confirmed */
    bool removed; /* by configuration: there is none */
    struct leap_claim leap;
    int64_t leap_local; /* when it was said, local scale; 0: never */
    bool count_assumed; /* its count of leap seconds: its seconds are not UTC for sure */
    enum receiver_trust trust;
    char trust_why[160];
};

/* Nothing heard yet. */
void receiver_init(struct receiver *r, const struct receiver_config *config);

/* What receiver_fitness() must know beside. */
struct receiver_moment {
    int64_t now;   /* local scale, ns */
    bool doubt;    /* somebody moved the clock */
    bool arriving; /* a measurement of this source has just come */
    double aside;  /* s, the clock's own course (course.h) less the estimate; 0: the same */
};

/* Whether the clock could follow it, were it alone. */
struct fitness receiver_fitness(const struct receiver *r, const struct receiver_moment *m);

/* s since the last message, or sample; INFINITY: never. */
double receiver_age(int64_t last, int64_t now);

/* A sample came at local time `local` (ns). */
void receiver_heard(struct receiver *r, int64_t local);

/* It as selection sees it; *fitness must live as long. */
void receiver_candidate(const struct receiver *r, const struct receiver_moment *m,
                        const struct fitness *fitness, struct candidate *c);

/*
 * Judges the edge of the receiver `who` of `all`, by what it knows of itself and by the others;
 * true when the verdict is another than before.
 */
bool receiver_check_edge(struct receiver *all, int count, int who, int64_t now);

/* What its seconds rest on, or what is missing: numbering_evidence(), and the edge. Returns buf. */
const char *receiver_evidence(const struct receiver *r, char *buf, size_t size);

/* s: true time is within this of what it says. */
double receiver_bound(const struct receiver *r);

/* One word for status and log. */
const char *receiver_trust_name(enum receiver_trust t);

#endif
