/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_TALK_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_TALK_H

#include <stdbool.h>

#include "drivers/nmea/nmea_fields.h"
#include "drivers/nmea/nmea_report.h"

/* Between nmea_report.c and nmea_makers.c: what a sentence's handler is given. */
struct nmea_talk {
    struct nmea_report *n;
    struct receiver_report *r;
    const struct nmea_fields *f;
    const char *text; /* the whole sentence */
    bool position;    /* take positions */
    struct nmea_told *told;
};

struct nmea_talk_row {
    const char *address;                    /* NULL ends the table */
    bool (*take)(const struct nmea_talk *); /* true: it told anything */
};

/* The makers' own sentences, by their whole address. */
extern const struct nmea_talk_row nmea_maker_rows[];

/* A text from that field to the end, commas among it: of the antenna, a version, or a notice. */
bool nmea_talk_text(const struct nmea_talk *t, int field);

/* A field of one digit; -1 when it is none. */
static inline int nmea_digit(const char *field)
{
    return *field && !field[1] ? nmea_number(field, 1) : -1;
}

#endif
