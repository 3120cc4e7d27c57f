/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_REPORT_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_REPORT_H

#include <stdbool.h>

#include "drivers/receiver_report.h"
#include "refclock/sample.h"

/*
 * What NMEA sentences tell of the receiver itself, its antenna and its site: positions (GGA, GNS,
 * with the errors of GST or PQTMEPE), TXT of u-blox and CASIC receivers, and the makers' own
 * (nmea_makers.c): PUBX,04 (u-blox), PMTK, PGTOP and PCD (MediaTek, GlobalTop, CDTop), PAIR and
 * PQTM (Airoha, Quectel; PQTMLS has leap seconds), PSTM (ST Teseo), PSTI,00 (SkyTraq), PGRMT
 * (Garmin). Pure.
 */
struct nmea_report {
    int jamming[2];        /* enum interference: of the bands L1 and L5 */
    double error;          /* m, of the position; NAN: not said */
    bool antenna_fed_only; /* its supervisor looks for no faults: its OK says nothing */
};

/* What a sentence told besides. */
struct nmea_told {
    bool sawtooth_given, leap_given;
    double sawtooth; /* s, of the next pulse, as sent */
    struct leap_claim leap;
};

/* Nothing was said. */
void nmea_report_init(struct nmea_report *n);

/*
 * Takes the text between `$` and `*` of a sentence with the right checksum into *r and *told. With
 * `position` false its position is left out: a better source gives one. True when it told anything.
 */
bool nmea_report_take(struct nmea_report *n, struct receiver_report *r, const char *text,
                      bool position, struct nmea_told *told);

#endif
