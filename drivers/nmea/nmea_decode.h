/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_DECODE_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_DECODE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What an NMEA sentence says: RMC, GGA, GNS, GLL, ZDA, GSA and GSV of the satellite talkers (GP GN
 * GL GA GB BD GI GQ QZ), and Garmin's PGRMF. Pure. Fields are checked strictly: a sentence with one
 * field that cannot be is malformed as a whole.
 */
enum nmea_kind { NMEA_RMC, NMEA_GGA, NMEA_GLL, NMEA_ZDA, NMEA_GSA, NMEA_GSV, NMEA_GNS, NMEA_PGRMF };

/* What the sentence says about the receiver's fix. */
enum nmea_claim { NMEA_SAYS_NOTHING, NMEA_SAYS_VALID, NMEA_SAYS_INVALID };

/* Time of day, UTC. In 23:59:60 (leap60) ns goes on from 86400 s. */
struct nmea_tod {
    bool given, leap60;
    int64_t ns;   /* since midnight */
    int64_t unit; /* ns that the last digit counts: 1 s without a fraction */
};

struct nmea_date {
    bool given;
    int year; /* as sent: 0 .. 99 in RMC and PGRMF, 1980 .. 9999 in ZDA */
    int month, day;
};

struct nmea_gsa {
    int system;        /* GNSS system id of NMEA 4.11; 0: not sent */
    int fix;           /* 1 none, 2 2D, 3 3D; 0: not sent */
    double pdop, hdop; /* NAN: not sent */
    int count, id[12];
};

struct nmea_gsv {
    int count;
    struct {
        int id, elevation, azimuth, cn0; /* as in struct satellite (driver.h) */
    } satellite[4];
};

struct nmea_message {
    enum nmea_kind kind;
    char talker[3];
    enum nmea_claim claim;
    struct nmea_tod tod;
    struct nmea_date date;
    union {
        struct nmea_gsa gsa;
        struct nmea_gsv gsv;
    };
};

enum nmea_decoded {
    NMEA_DECODED,
    NMEA_IGNORED,   /* another talker or sentence */
    NMEA_MALFORMED, /* *m is not to be used */
};

/* Decodes the text between `$` and `*` (see nmea_frame.h). */
enum nmea_decoded nmea_decode(const char *text, struct nmea_message *m);

#endif
