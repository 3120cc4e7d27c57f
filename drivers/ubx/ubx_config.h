/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_CONFIG_H
#define TIMEBALL_DRIVERS_UBX_UBX_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ubx/ubx_frame.h"

/*
 * What can be set in a u-blox receiver: a table of items, each with its place in both worlds, the
 * keys of generation 9 (u-blox F9 TIM interface description UBX-19005590 and F9 HPS
 * UBX-18010854, section "Configuration interface") and the CFG messages of generation 8 and older
 * (u-blox 8 / M8 protocol specification UBX-13003221, 32.10). Pure: bytes in, bytes out.
 *
 * A feature is what is read and written at once: one legacy message, one VALGET or VALSET.
 */
enum ubx_feature {
    UBX_TMODE,   /* CFG-TMODE2: timing receivers alone */
    UBX_TP,      /* CFG-TP5, time pulse 1 */
    UBX_NAV,     /* CFG-NAV5 */
    UBX_SIGNAL,  /* CFG-GNSS */
    UBX_UART,    /* CFG-PRT, UART 1 */
    UBX_ITFM,    /* CFG-ITFM */
    UBX_MESSAGE, /* CFG-MSG: this and those after it, one a message */
    UBX_FEATURES = UBX_MESSAGE + 16
};

enum ubx_item {
    UBX_TMODE_MODE, /* 0 off, 1 survey, 2 fixed */
    UBX_TMODE_LLH,  /* 1: the position is given as latitude, longitude, height */
    UBX_TMODE_X,    /* cm, ECEF (or latitude ..., where UBX_TMODE_LLH) */
    UBX_TMODE_Y,
    UBX_TMODE_Z,
    UBX_TMODE_ACCURACY, /* 0.1 mm, of the fixed position */
    UBX_SURVEY_TIME,    /* s */
    UBX_SURVEY_LIMIT,   /* 0.1 mm */
    UBX_CABLE,          /* ns */
    UBX_RISING,         /* 1: the rising edge marks the second */
    UBX_ELEVATION,      /* degrees */
    UBX_GPS,            /* 1: on; so are the five that follow */
    UBX_SBAS,
    UBX_GALILEO,
    UBX_BEIDOU,
    UBX_QZSS,
    UBX_GLONASS,
    UBX_BAUD,
    UBX_JAMMING,      /* 1: watched */
    UBX_MESSAGE_RATE, /* once in so many epochs on our port, 0 never; this and those after it */
    UBX_ITEMS = UBX_MESSAGE_RATE + 16
};

struct ubx_item_row {
    enum ubx_feature feature;
    const char *name, *unit;
    uint32_t key;      /* generation 9; messages: on I2C, the ports follow */
    int offset, size;  /* in the legacy message; size negative: signed */
    int shift, bits;   /* of the field; bits 0: all of it */
    int64_t factor;    /* a legacy unit in those above */
    int block;         /* CFG-GNSS: gnssId */
    uint8_t class, id; /* messages */
    int bytes;         /* messages: usual length with its frame or sentence */
    int wanted;        /* messages: what `messages trim` makes of it, at least */
};
extern const struct ubx_item_row ubx_items[UBX_ITEMS];

/* The port that we speak through, as the receiver counts (UBX-13003221, 32.10.25 CFG-PRT: portID).
 */
enum ubx_port { UBX_PORT_UART1 = 1, UBX_PORT_USB = 3 };

/* Whose dialect: what MON-VER says. */
struct ubx_dialect {
    bool keys; /* VALSET and VALGET: protocol 27 and later */
    enum ubx_port port;
};

/* Values of items, and which are known. */
struct ubx_values {
    bool known[UBX_ITEMS];
    int64_t value[UBX_ITEMS];
};

#define UBX_CONFIG_PAYLOAD 200 /* bytes of a legacy message that are kept */
struct ubx_payload {
    size_t length;
    uint8_t bytes[UBX_CONFIG_PAYLOAD];
};
#define UBX_CONFIG_FRAME (UBX_CONFIG_PAYLOAD + UBX_OVERHEAD)

/* Writes a frame of `length` bytes of payload to buf, which has room. Returns its size. */
size_t ubx_build(uint8_t *buf, uint8_t class, uint8_t id, const void *payload, size_t length);

/* The frame that asks for a feature; class and id of the answer in *class, *id. Its size; 0: the
 * feature does not exist (the table of messages is shorter). */
size_t ubx_config_poll(enum ubx_feature f, const struct ubx_dialect *d, uint8_t *buf,
                       uint8_t *class, uint8_t *id);

/*
 * Reads the answer to such a poll into *v, and keeps a legacy message in *kept for a later
 * ubx_config_set(). False, with *v untouched, when it is not that answer or cannot be one.
 */
bool ubx_config_take(enum ubx_feature f, const struct ubx_dialect *d, const struct ubx_frame *frame,
                     struct ubx_values *v, struct ubx_payload *kept);

/*
 * The frame that sets those of the feature's items that are known in *wanted, in RAM; the others
 * stay as in *kept. Its size; 0: none of them can be set there.
 */
size_t ubx_config_set(enum ubx_feature f, const struct ubx_dialect *d,
                      const struct ubx_values *wanted, const struct ubx_payload *kept,
                      uint8_t *buf);

/* CFG-CFG: keeps what is set in battery-backed memory and flash; or forgets all that was kept, and
 * goes back to the defaults. UBX-13003221, 32.10.3; F9: UBX-18010854, 3.10.2. Its size. */
size_t ubx_config_save(uint8_t *buf);
size_t ubx_config_reset(uint8_t *buf);

/* WGS 84: degrees and metres above the ellipsoid to m. */
void ubx_ecef(double latitude, double longitude, double height, double ecef[3]);

#endif
