/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/burst.h"
#include "drivers/nmea/nmea_epoch.h"
#include "drivers/nmea/nmea_frame.h"
#include "drivers/nmea/nmea_report.h"
#include "drivers/nmea/nmea_sky.h"

/*
 * The whole way of NMEA bytes: framer -> decoder -> epochs, satellites and state. Pure: bytes with
 * the local time of their arrival in; epochs, skies and counts out. No byte string can do worse
 * than be counted.
 */
struct nmea_counts {
    uint64_t bytes;
    uint64_t sentences; /* with the right checksum */
    uint64_t bad_checksum;
    uint64_t no_checksum;
    uint64_t broken;    /* cut off */
    uint64_t malformed; /* right checksum, and a field that cannot be */
    uint64_t epochs;    /* vouched for */
    uint64_t no_fix;    /* epochs that the receiver itself does not vouch for */
    uint64_t no_word;   /* epochs whose sentences say no word of a fix */
    uint64_t no_date;
    uint64_t contradictory; /* two dates in one epoch */
    uint64_t era_moved;     /* epochs whose date was 1024-week eras away */
};

struct nmea_sink {
    void (*epoch)(void *arg, const struct nmea_epoch *); /* once an epoch */
    void (*sky)(void *arg, const struct sky *); /* once an epoch with GSA or GSV; may be NULL */
    void (*sawtooth)(void *arg, const struct sawtooth *); /* of the next pulse; may be NULL */
    void (*leap)(void *arg, const struct leap_claim *);   /* may be NULL */
};

struct nmea {
    struct nmea_counts counts;
    struct nmea_framer framer;
    struct nmea_epochs epochs;
    struct nmea_sky sky;
    struct burst burst;
    struct nmea_report told;
    struct receiver_report *report; /* where to, borrowed; NULL: nowhere. Set after nmea_init() */
    bool no_position;               /* another protocol gives better ones */
    uint64_t reported;              /* sentences that went there */
    const struct nmea_sink *sink;
    void *arg;
};

/* pivot: POSIX s, see nmea_epoch.h. The sink is borrowed. Clears the counts. */
void nmea_init(struct nmea *n, int64_t pivot, const struct nmea_sink *sink, void *arg);

/* Forgets all but the counts: the bytes to come are another stream's. */
void nmea_reset(struct nmea *n);

/* Takes bytes that arrived at `now` (local scale, ns). Calls the sink. */
void nmea_feed(struct nmea *n, const void *bytes, size_t size, int64_t now);

/* Takes one byte that came at `local`, in a burst that began at `burst`; does not count it. */
void nmea_byte(struct nmea *n, uint8_t byte, int64_t local, int64_t burst);

/* To be called NMEA_EPOCH_WAIT_NS after the last nmea_feed() while nmea_pending(). */
void nmea_tick(struct nmea *n, int64_t now);
bool nmea_pending(const struct nmea *n);

/* The bytes have ended: decides what is pending. */
void nmea_flush(struct nmea *n);

#endif
