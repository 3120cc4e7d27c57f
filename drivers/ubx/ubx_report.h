/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_REPORT_H
#define TIMEBALL_DRIVERS_UBX_UBX_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/receiver_report.h"
#include "drivers/ubx/ubx_decode.h"
#include "drivers/ubx/ubx_frame.h"

/*
 * What UBX messages tell of the receiver itself, its antenna and its site (u-blox 5 to M8 protocol
 * specifications; F9, M10 and X20 interface descriptions): MON-VER, MON-HW, MON-RF, MON-COMMS,
 * MON-TXBUF, SEC-SIG, NAV-PVT, NAV-POSECEF, NAV-STATUS, NAV-CLOCK, NAV-TIMEUTC, NAV-SVIN, TIM-SVIN,
 * INF texts, and the answers CFG-TP5 and CFG-VALGET. Pure.
 *
 * A detector that is off is "not monitored". Where SEC-SIG is sent, jamming and spoofing are its:
 * the fields of MON-RF and NAV-STATUS then stay 0 for ever.
 */
enum ubx_config {
    UBX_CONFIG_POLARITY, /* CFG-TP-POL_TP1 */
    UBX_CONFIG_LENGTH_IS_TIME,
    UBX_CONFIG_LENGTH, /* us */
    UBX_CONFIG_LENGTH_LOCKED,
    UBX_CONFIG_USE_LOCKED,
    UBX_CONFIG_CABLE_DELAY, /* ns */
    UBX_CONFIG_TIME_MODE,   /* CFG-TMODE-MODE: 0 off, 1 survey, 2 fixed */
    UBX_CONFIG_COUNT,
};

struct ubx_report {
    bool sec_sig;          /* SEC-SIG came */
    bool svin;             /* NAV-SVIN or TIM-SVIN came */
    bool time_only;        /* the last fix was of time alone: the position is fixed */
    bool place;            /* the last fix has a position with a height */
    bool antenna_fed_only; /* its supervisor looks for no faults: its OK says nothing */
    unsigned given;        /* bits of 1 << enum ubx_config: was answered */
    int64_t config[UBX_CONFIG_COUNT];
};

/* Nothing was said. */
void ubx_report_init(struct ubx_report *u);

/*
 * Takes a frame into *r. UBX_UNKNOWN: it tells nothing of this; UBX_MALFORMED: its length or a
 * count in it cannot be, *r is as before.
 */
enum ubx_decoded ubx_report_take(struct ubx_report *u, struct receiver_report *r,
                                 const struct ubx_frame *frame);

#endif
