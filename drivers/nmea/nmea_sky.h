/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_SKY_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_SKY_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "drivers/nmea/nmea_decode.h"

/*
 * The satellites of an epoch from GSA (used, dilution of precision) and GSV (in view), of any
 * number of systems and signals. GSV may come less often than GSA: a system's satellites stay until
 * its next GSV, or for 30 epochs. Pure.
 */
struct nmea_sky {
    struct sky sky;
    uint8_t age[SKY_MAX]; /* epochs since the satellite was in a GSV */
    bool changed;         /* a GSA or GSV came in this epoch */
    bool gsa;             /* a GSA came in this epoch */
    char systems[16];     /* letters of the systems that had a GSV in this epoch */
};

/* Empty. */
void nmea_sky_init(struct nmea_sky *s);

/* Takes a GSA or GSV; other sentences are passed over. */
void nmea_sky_add(struct nmea_sky *s, const struct nmea_message *m);

/* Ends the epoch. True when it had a GSA or GSV: *out is its sky. */
bool nmea_sky_take(struct nmea_sky *s, struct sky *out);

#endif
