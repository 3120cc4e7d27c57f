/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_GNSS_H
#define TIMEBALL_DRIVERS_RECEIVER_GNSS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/nmea/nmea.h"
#include "drivers/receiver/stream.h"
#include "drivers/ubx/ubx.h"

/*
 * The whole way of a receiver's bytes: stream -> NMEA and UBX -> one row of epochs, one sky, one
 * report. Pure: bytes with the local time of their arrival in; epochs, skies, reports and counts
 * out.
 *
 * An epoch that both protocols name is said once, by the one that came first, so its local time is
 * that of the epoch's first message. UBX knows more: while its last epoch was denied, no sentence
 * is believed; while it was vouched for, no sentence without a fix is passed on. Both hold for
 * GNSS_UBX_RULES_NS after that epoch. Satellites and positions come from UBX where it sends them.
 */
#define GNSS_UBX_RULES_NS INT64_C(5000000000)

struct gnss_counts {
    uint64_t epochs;  /* vouched for */
    uint64_t no_fix;  /* epochs that the receiver itself does not vouch for */
    uint64_t no_word; /* epochs whose messages say no word of a fix */
    uint64_t no_date;
    uint64_t no_utc;
    uint64_t contradictory; /* two times in one epoch */
    uint64_t era_moved;     /* epochs whose date was 1024-week eras away */
};

struct gnss_sink {
    void (*epoch)(void *arg, const struct nmea_epoch *); /* once an epoch */
    void (*sky)(void *arg, const struct sky *); /* once an epoch with satellites; may be NULL */
    void (*sawtooth)(void *arg, const struct sawtooth *); /* may be NULL */
    void (*leap)(void *arg, const struct leap_claim *);   /* may be NULL */
    void (*frame)(void *arg, const struct ubx_frame *); /* each, after it was taken; may be NULL */
    void (*report)(void *arg, const struct receiver_report *); /* at most once a second; may be
                                                                  NULL */
};

/* One of the two protocols: what it was the first to say, and when. */
struct gnss_voice {
    bool said;
    struct nmea_epoch last;
};

struct gnss {
    struct gnss_counts counts;
    struct stream stream;
    struct nmea nmea;
    struct ubx ubx;
    struct gnss_voice by_nmea, by_ubx;
    bool ubx_rules;             /* UBX has decided an epoch: */
    enum nmea_verdict ubx_last; /*   how ... */
    int64_t ubx_local;          /*   ... and when it came */
    bool ubx_sky;               /* UBX sends satellites; the last came at: */
    int64_t ubx_sky_local;
    int64_t leap_second; /* `second` of the last 23:59:60; INT64_MAX: none was seen */
    struct receiver_report report;
    uint64_t reported;      /* messages in the report that was handed on last ... */
    int64_t reported_local; /* ... and when that was */
    int64_t now;
    const struct gnss_sink *sink;
    void *arg;
};

/* pivot: POSIX s, see era.h. The sink is borrowed. Clears the counts. */
void gnss_init(struct gnss *g, int64_t pivot, const struct gnss_sink *sink, void *arg);

/* Another pivot, for what comes from now on. */
void gnss_pivot(struct gnss *g, int64_t pivot);

/* Forgets all but the counts: the bytes to come are another stream's. */
void gnss_reset(struct gnss *g);

/* Takes bytes that arrived at `now` (local scale, ns). Calls the sink. */
void gnss_feed(struct gnss *g, const void *bytes, size_t size, int64_t now);

/* To be called GNSS_WAIT_NS after the last gnss_feed(), and again while gnss_pending(). */
#define GNSS_WAIT_NS NMEA_EPOCH_WAIT_NS
void gnss_tick(struct gnss *g, int64_t now);
bool gnss_pending(const struct gnss *g);

/* The bytes have ended: decides what is pending. */
void gnss_flush(struct gnss *g);

#endif
