/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_FIELDS_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_FIELDS_H

#include <stdbool.h>

#include "drivers/nmea/nmea_frame.h"

#define NMEA_FIELDS_MAX 24 /* GSV with signal id has 21; what comes after is not looked at */

/* The fields of a sentence; field 0 is the address. A field that was not sent reads as empty. */
struct nmea_fields {
    int count;
    const char *at[NMEA_FIELDS_MAX];
    char copy[NMEA_TEXT_SIZE];
};

/* Takes the text between `$` and `*` apart. *f holds a copy of it. */
void nmea_split(struct nmea_fields *f, const char *text);

/* The number in the first `digits` characters, all decimal digits; -1 when it is not one. */
int nmea_number(const char *text, int digits);

/* A whole field that is a decimal number, with sign and fraction; NAN when it is not. */
double nmea_real(const char *field);

#endif
