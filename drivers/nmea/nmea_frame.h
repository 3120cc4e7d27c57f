/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_FRAME_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_FRAME_H

#include <stddef.h>
#include <stdint.h>

/*
 * Where an NMEA 0183 sentence begins and ends: `$`, printable text, `*`, two hex digits of the
 * exclusive or of the text (NMEA 0183 4.11, section 5.3). Everything else, noise and other
 * protocols between the sentences, is passed over; a `$` always begins anew. Pure: bytes and local
 * times in, sentences out.
 */
#define NMEA_TEXT_SIZE 160 /* the standard's limit is 82; high-precision positions need 100 */

enum nmea_frame {
    NMEA_FRAME_NONE,         /* no end yet */
    NMEA_FRAME_SENTENCE,     /* `text` is a sentence whose checksum is right */
    NMEA_FRAME_BAD_CHECKSUM, /* a sentence, damaged */
    NMEA_FRAME_NO_CHECKSUM,  /* a line that ended without one: not to be believed */
    NMEA_FRAME_BROKEN,       /* cut off: another `$`, a byte no sentence has, no end in sight */
};

struct nmea_framer {
    int64_t local; /* local time of its `$`, ns */
    size_t length;
    uint8_t state, sum, given;
    char text[NMEA_TEXT_SIZE]; /* between `$` and `*`, terminated */
};

/* Begins anew, outside a sentence. */
void nmea_framer_reset(struct nmea_framer *f);

/*
 * Takes the next byte, which came at `local`. After NMEA_FRAME_SENTENCE, `text` and `local` hold
 * until the next call.
 */
enum nmea_frame nmea_frame_byte(struct nmea_framer *f, uint8_t byte, int64_t local);

#endif
