/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_DECODE_H
#define TIMEBALL_DRIVERS_UBX_UBX_DECODE_H

#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/ubx/ubx_frame.h"

/*
 * What a UBX frame says of the time and the satellites (u-blox M8 and F9 protocol specifications;
 * NAV-SOL and NAV-SVINFO: u-blox 4 to 8). Pure. Nothing is read before the payload's length is held
 * against the layout; a layout with repeated blocks must have the length that its count names.
 * Fields are handed on as sent: their meaning is judged in ubx_epoch.h.
 */
enum ubx_kind {
    UBX_NAV_PVT,
    UBX_NAV_TIMEUTC,
    UBX_NAV_TIMEGPS,
    UBX_NAV_TIMELS,
    UBX_NAV_STATUS,
    UBX_NAV_SOL,
    UBX_NAV_DOP,
    UBX_NAV_SAT,
    UBX_NAV_SVINFO,
    UBX_NAV_EOE, /* end of epoch */
    UBX_TIM_TP,
    UBX_OTHER, /* known by name, and not used */
};

/* Fields that a kind does not have are 0. */
struct ubx_message {
    enum ubx_kind kind;
    int64_t itow; /* GPS time of week, ms: of the epoch; TIM-TP: of the next pulse */
    int64_t year, month, day, hour, minute, second;
    int64_t nano;     /* ns to be added: -500e6 .. +999e6, the second is rounded */
    int64_t accuracy; /* of the time, ns */
    int64_t valid;    /* flags: see ubx_epoch.c */
    int64_t fix, flags, confirm;
    int64_t week, fraction;                    /* GPS; ns to be added to itow */
    int64_t leap;                              /* GPS - UTC, s */
    int64_t leap_source, leap_change, leap_in; /* +1, -1 or 0; s until it */
    int64_t pdop, hdop;                        /* 0.01 */
    int64_t sawtooth;                          /* qErr, ps */
    int64_t change_source;                     /* of leap_change */
    int64_t raised, sub_ms, reference;         /* TIM-TP: flags; 2^-32 ms; refInfo */
    int count;                                 /* NAV-SAT, NAV-SVINFO */
    struct satellite satellite[SKY_MAX];
};

enum ubx_decoded {
    UBX_DECODED,
    UBX_KNOWN, /* kind UBX_OTHER */
    UBX_UNKNOWN,
    UBX_MALFORMED, /* too short, or a count that the length denies; *m is not to be used */
};

enum ubx_decoded ubx_decode(const struct ubx_frame *frame, struct ubx_message *m);

#endif
