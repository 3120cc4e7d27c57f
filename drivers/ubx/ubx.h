/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_H
#define TIMEBALL_DRIVERS_UBX_UBX_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/ubx/ubx_decode.h"
#include "drivers/ubx/ubx_epoch.h"
#include "drivers/ubx/ubx_frame.h"
#include "drivers/ubx/ubx_report.h"

/*
 * The whole way of UBX frames: decoder -> epochs, satellites, pulses, leap seconds, state. Pure.
 */
struct ubx_counts {
    uint64_t known; /* messages that are not used */
    uint64_t unknown;
    uint64_t malformed; /* right checksum, and a length or time that cannot be */
    uint64_t pulses;    /* TIM-TP with a sawtooth correction that is valid */
    uint64_t no_pulses; /* without */
};

/*
 * NAV-TIM-TP: what the receiver says of its NEXT pulse, the first after this message. It belongs
 * to that pulse alone: a correction whose pulse did not come is not the following one's.
 */
struct ubx_pulse {
    bool given;
    bool valid;        /* `sawtooth` is */
    double sawtooth;   /* qErr, s, with the sign that the receiver sends */
    int64_t week, tow; /* of the pulse: weeks, ms of week, ... */
    bool utc;          /* ... on the scale of UTC; else of a GNSS */
    int64_t local;     /* when the message came, ns */
};

/* All but `epoch` may be NULL. */
struct ubx_sink {
    void (*epoch)(void *arg, const struct nmea_epoch *);
    void (*sky)(void *arg, const struct sky *); /* with each NAV-SAT or NAV-SVINFO */
    /* of the next pulse, from a TIM-TP with a valid correction; with NAV-TIMELS or NAV-TIMEGPS */
    void (*sawtooth)(void *arg, const struct sawtooth *);
    void (*leap)(void *arg, const struct leap_claim *);
};

struct ubx {
    struct ubx_counts counts;
    struct ubx_epochs epochs;
    struct ubx_pulse pulse;         /* the last that was announced */
    struct ubx_report told;         /* what the report needs to know of messages before */
    struct receiver_report *report; /* where to, borrowed; NULL: nowhere. Set after ubx_init() */
    uint64_t reported;              /* messages that went there */
    int fix;                        /* of the last that said one, as in struct sky */
    double pdop, hdop;              /* NAN: unknown */
    bool sat;                       /* NAV-SAT came: NAV-SVINFO is passed over */
    const struct ubx_sink *sink;
    void *arg;
};

/* pivot: POSIX s. The sink is borrowed. Clears the counts. */
void ubx_init(struct ubx *u, int64_t pivot, const struct ubx_sink *sink, void *arg);

/* Forgets all but the counts. */
void ubx_reset(struct ubx *u);

/* Takes a frame whose first byte came at `local`, in a burst that began at `burst`. */
void ubx_take(struct ubx *u, const struct ubx_frame *frame, int64_t local, int64_t burst);

/* As in nmea.h. */
void ubx_tick(struct ubx *u, int64_t now);
bool ubx_pending(const struct ubx *u);
void ubx_flush(struct ubx *u);

#endif
