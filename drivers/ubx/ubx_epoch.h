/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_EPOCH_H
#define TIMEBALL_DRIVERS_UBX_UBX_EPOCH_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/nmea/nmea_epoch.h"
#include "drivers/ubx/ubx_decode.h"
#include "refclock/sample.h"

/*
 * From the UBX messages of one navigation epoch (one iTOW) to a time that can be vouched for. Pure.
 *
 * The receiver's flags decide, and none of its messages may deny:
 * - a fix is said by NAV-PVT, NAV-STATUS or NAV-SOL: its flag gnssFixOK, and 2D, 3D, GNSS with dead
 *   reckoning, or time alone. Dead reckoning alone is none;
 * - UTC is said by NAV-PVT (date and time valid, fully resolved, and confirmed where the receiver
 *   says that it confirms) or NAV-TIMEUTC (week, time of week and UTC valid); NAV-TIMEUTC stands
 *   without a message about the fix too. Where neither is sent, it is the GPS time of NAV-TIMEGPS
 *   or NAV-SOL less the leap count of NAV-TIMEGPS or NAV-TIMELS, from the same epoch or an earlier
 *   one if no leap second can have come between; not in the seconds around a possible leap second,
 *   which GPS time has no name for;
 * - a time that claims to be less accurate than 1 ms is not from satellites.
 *
 * An epoch that neither vouches nor denies (NAV-TIMEGPS or NAV-STATUS alone) is not emitted, nor
 * one that was already.
 * The verdict falls with the first denial, when all of the kinds that spoke in the epoch before
 * have spoken again, with NAV-EOE, with the next epoch, or by ubx_epochs_tick().
 */

/* How long after its last message an epoch waits for a usual one. */
#define UBX_EPOCH_WAIT_NS NMEA_EPOCH_WAIT_NS

/* A time: POSIX second, fraction, name, as in struct nmea_epoch. */
struct ubx_time {
    bool given, leap60, era_moved;
    int64_t second;
    int32_t nsec;
};

/* The epoch at hand. */
struct ubx_open_epoch {
    int64_t itow;
    int64_t local, last; /* first byte of the burst; last message */
    unsigned seen;       /* kinds of messages, bits of 1 << enum ubx_kind */
    bool fix, no_fix;    /* said by one; denied by one */
    bool utc, no_utc;
    bool two_times, decided;
    struct ubx_time time;
    int64_t gps_week, gps_ns; /* ns of week; gps_week -1: not said */
    bool leap_given, no_leap; /* the leap count is known; the receiver says that it is not */
};

struct ubx_epochs {
    int64_t pivot;
    void (*emit)(void *arg, const struct nmea_epoch *);
    void *arg;
    bool open;
    struct ubx_open_epoch epoch;
    unsigned usual;       /* kinds of the epoch before */
    struct ubx_time past; /* the last that was vouched for, and its time of week, ms */
    int64_t past_itow;
    bool leap_known;
    int64_t leap;    /* GPS - UTC, s */
    int64_t leap_at; /* POSIX, when it was last used with NAV-TIMEGPS or NAV-TIMELS beside it */
    enum leap announced;
};

/* pivot: POSIX s. emit is called from the functions below. */
void ubx_epochs_init(struct ubx_epochs *g, int64_t pivot,
                     void (*emit)(void *arg, const struct nmea_epoch *), void *arg);

/*
 * Takes a message whose first byte came at `local`, in a burst that began at `burst`; kinds without
 * a time are passed over. False when it names a time that cannot be; it is left out then.
 */
bool ubx_epochs_add(struct ubx_epochs *g, const struct ubx_message *m, int64_t local,
                    int64_t burst);

/* What the receiver announces for the 24 hours to come; LEAP_UNKNOWN: it does not say. */
enum leap ubx_epochs_leap(const struct ubx_epochs *g);

/* Decides now, if what has come so far vouches or denies, and is not later than `second` (POSIX).
 */
void ubx_epochs_settle(struct ubx_epochs *g, int64_t second);

/* Time goes on without a message. */
void ubx_epochs_tick(struct ubx_epochs *g, int64_t now);

/* True while an epoch waits for its verdict. */
bool ubx_epochs_pending(const struct ubx_epochs *g);

/* Decides what is pending: the bytes have ended. */
void ubx_epochs_flush(struct ubx_epochs *g);

#endif
