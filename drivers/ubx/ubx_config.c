/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_config.h"

#include <math.h>
#include <string.h>

enum { CFG = 0x06, VALSET = 0x8a, VALGET = 0x8b, CFG_MSG = 0x01, CFG_GNSS = 0x3e, CFG_CFG = 0x09 };

/* ---- tables ---- */

/* Legacy messages (UBX-13003221, 32.10), what their poll carries, and the least length. */
static const struct {
    uint8_t id, poll;
    bool polled; /* the poll carries `poll` */
    size_t least;
} legacy[UBX_MESSAGE] = {
    [UBX_TMODE] = {.id = 0x3d, .least = 28},
    [UBX_TP] = {.id = 0x31, .poll = 0, .polled = true, .least = 32},
    [UBX_NAV] = {.id = 0x24, .least = 36},
    [UBX_SIGNAL] = {.id = CFG_GNSS, .least = 4},
    [UBX_UART] = {.id = 0x00, .poll = UBX_PORT_UART1, .polled = true, .least = 20},
    [UBX_ITFM] = {.id = 0x39, .least = 8},
};

#define ITEM(f, text, u, k, at, length, by)                                            \
    {                                                                                  \
        .feature = f, .name = text, .unit = u, .key = k, .offset = at, .size = length, \
        .factor = by                                                                   \
    }
#define FLAG(f, text, k, at, length, bit)                                               \
    {                                                                                   \
        .feature = f, .name = text, .unit = "", .key = k, .offset = at, .size = length, \
        .shift = bit, .bits = 1, .factor = 1                                            \
    }
#define GNSS(text, k, gnss)                                                                \
    {                                                                                      \
        .feature = UBX_SIGNAL, .name = text, .unit = "", .key = k, .offset = 4, .size = 4, \
        .bits = 1, .factor = 1, .block = gnss                                              \
    }
#define MESSAGE(n, text, k, c, i, length, rate)           \
    [UBX_MESSAGE_RATE + n] = {.feature = UBX_MESSAGE + n, \
                              .name = text,               \
                              .unit = "",                 \
                              .key = k,                   \
                              .factor = 1,                \
                              .class = c,                 \
                              .id = i,                    \
                              .bytes = length,            \
                              .wanted = rate}

const struct ubx_item_row ubx_items[UBX_ITEMS] = {
    [UBX_TMODE_MODE] = ITEM(UBX_TMODE, "time mode", "", 0x20030001, 0, 1, 1),
    [UBX_TMODE_LLH] = FLAG(UBX_TMODE, "position type", 0x20030002, 2, 2, 0),
    [UBX_TMODE_X] = ITEM(UBX_TMODE, "position X", "cm", 0x40030003, 4, -4, 1),
    [UBX_TMODE_Y] = ITEM(UBX_TMODE, "position Y", "cm", 0x40030004, 8, -4, 1),
    [UBX_TMODE_Z] = ITEM(UBX_TMODE, "position Z", "cm", 0x40030005, 12, -4, 1),
    [UBX_TMODE_ACCURACY] = ITEM(UBX_TMODE, "position accuracy", "0.1 mm", 0x4003000f, 16, 4, 10),
    [UBX_SURVEY_TIME] = ITEM(UBX_TMODE, "survey time", "s", 0x40030010, 20, 4, 1),
    [UBX_SURVEY_LIMIT] = ITEM(UBX_TMODE, "survey limit", "0.1 mm", 0x40030011, 24, 4, 10),
    [UBX_CABLE] = ITEM(UBX_TP, "cable delay", "ns", 0x30050001, 4, -2, 1),
    [UBX_RISING] = FLAG(UBX_TP, "rising edge", 0x1005000b, 28, 4, 6),
    [UBX_ELEVATION] = ITEM(UBX_NAV, "elevation mask", "degrees", 0x201100a4, 12, -1, 1),
    [UBX_GPS] = GNSS("gps", 0x1031001f, 0),
    [UBX_SBAS] = GNSS("sbas", 0x10310020, 1),
    [UBX_GALILEO] = GNSS("galileo", 0x10310021, 2),
    [UBX_BEIDOU] = GNSS("beidou", 0x10310022, 3),
    [UBX_QZSS] = GNSS("qzss", 0x10310024, 5),
    [UBX_GLONASS] = GNSS("glonass", 0x10310025, 6),
    [UBX_BAUD] = ITEM(UBX_UART, "baud rate", "baud", 0x40520001, 8, 4, 1),
    [UBX_JAMMING] = FLAG(UBX_ITFM, "jamming monitor", 0x1041000d, 0, 4, 31),
    /* standard messages are F0 and their number (UBX-13003221, 31.1) */
    MESSAGE(0, "GGA", 0x209100ba, 0xf0, 0x00, 80, 0),
    MESSAGE(1, "GLL", 0x209100c9, 0xf0, 0x01, 52, 0),
    MESSAGE(2, "GSA", 0x209100bf, 0xf0, 0x02, 4 * 66, 0),
    MESSAGE(3, "GSV", 0x209100c4, 0xf0, 0x03, 12 * 70, 0),
    MESSAGE(4, "RMC", 0x209100ab, 0xf0, 0x04, 76, 0),
    MESSAGE(5, "VTG", 0x209100b0, 0xf0, 0x05, 42, 0),
    MESSAGE(6, "ZDA", 0x209100d8, 0xf0, 0x08, 38, 0),
    MESSAGE(7, "NAV-PVT", 0x20910006, 0x01, 0x07, 100, 1),
    MESSAGE(8, "TIM-TP", 0x2091017d, 0x0d, 0x01, 24, 1),
    MESSAGE(9, "NAV-TIMELS", 0x20910060, 0x01, 0x26, 32, 10),
    MESSAGE(10, "MON-RF", 0x20910359, 0x0a, 0x38, 60, 10),
    MESSAGE(11, "SEC-SIG", 0x20910634, 0x27, 0x09, 20, 10),
    MESSAGE(12, "NAV-SAT", 0x20910015, 0x01, 0x35, 16 + 12 * 32, 10),
    MESSAGE(13, "NAV-STATUS", 0x2091001a, 0x01, 0x03, 24, 10),
    MESSAGE(14, "MON-HW", 0, 0x0a, 0x09, 68, 10), /* generation 9 has MON-RF */
};

/* ---- bytes ---- */

static int64_t get(const uint8_t *at, int size, bool is_signed)
{
    uint64_t v = 0;
    for (int i = 0; i < size; i++)
        v |= (uint64_t)at[i] << 8 * i;
    if (is_signed && size < 8 && v >> (8 * size - 1))
        v |= UINT64_MAX << 8 * size;
    return (int64_t)v;
}

static void put(uint8_t *at, int size, int64_t value)
{
    for (int i = 0; i < size; i++)
        at[i] = (uint8_t)((uint64_t)value >> 8 * i);
}

size_t ubx_build(uint8_t *buf, uint8_t class, uint8_t id, const void *payload, size_t length)
{
    const uint8_t head[] = {UBX_SYNC, 0x62, class, id, (uint8_t)length, (uint8_t)(length >> 8)};
    uint8_t a = 0, b = 0;
    memcpy(buf, head, sizeof head);
    if (length)
        memcpy(buf + sizeof head, payload, length);
    for (size_t i = 2; i < sizeof head + length; i++) {
        a = (uint8_t)(a + buf[i]);
        b = (uint8_t)(b + a);
    }
    buf[sizeof head + length] = a;
    buf[sizeof head + length + 1] = b;
    return length + UBX_OVERHEAD;
}

static int magnitude(int size)
{
    return size < 0 ? -size : size;
}

/* Bytes of a key's value: bits 30 to 28 (UBX-18010854, 6.2). */
static int key_size(uint32_t key)
{
    static const int sizes[8] = {0, 1, 1, 2, 4, 8, 0, 0};
    return sizes[key >> 28 & 7];
}

static uint32_t key_of(const struct ubx_item_row *row, const struct ubx_dialect *d)
{
    return row->bytes ? row->key + (uint32_t)d->port : row->key;
}

/* ---- keys ---- */

static size_t poll_keys(enum ubx_feature f, const struct ubx_dialect *d, uint8_t *buf)
{
    uint8_t payload[4 + 4 * UBX_ITEMS] = {0}; /* version 0, layer 0: RAM, position 0 */
    size_t length = 4;
    for (int i = 0; i < UBX_ITEMS; i++)
        if (ubx_items[i].key && ubx_items[i].feature == f) {
            put(payload + length, 4, key_of(&ubx_items[i], d));
            length += 4;
        }
    return length > 4 ? ubx_build(buf, CFG, VALGET, payload, length) : 0;
}

/* Keys of other features make it another's answer. */
static bool take_keys(enum ubx_feature f, const struct ubx_dialect *d, const struct ubx_frame *m,
                      struct ubx_values *v)
{
    struct ubx_values taken = *v;
    size_t at = 4, found = 0;
    if (m->class != CFG || m->id != VALGET || m->length < 4 || m->payload[0] != 1)
        return false;
    while (m->length - at >= 4) {
        uint32_t key = (uint32_t)get(m->payload + at, 4, false);
        int size = key_size(key), i = 0;
        if (!size || m->length - at - 4 < (size_t)size)
            return false;
        while (i < UBX_ITEMS && (!ubx_items[i].key || key_of(&ubx_items[i], d) != key))
            i++;
        if (i == UBX_ITEMS || ubx_items[i].feature != f)
            return false;
        taken.known[i] = true;
        taken.value[i] = get(m->payload + at + 4, size, ubx_items[i].size < 0);
        at += 4 + (size_t)size;
        found++;
    }
    if (at != m->length || !found)
        return false;
    *v = taken;
    return true;
}

static size_t set_keys(enum ubx_feature f, const struct ubx_dialect *d,
                       const struct ubx_values *wanted, uint8_t *buf)
{
    uint8_t payload[UBX_CONFIG_PAYLOAD] = {0, 1}; /* version 0, layers: RAM */
    size_t length = 4;
    for (int i = 0; i < UBX_ITEMS; i++) {
        if (!wanted->known[i] || !ubx_items[i].key || ubx_items[i].feature != f)
            continue;
        uint32_t key = key_of(&ubx_items[i], d);
        put(payload + length, 4, key);
        put(payload + length + 4, key_size(key), wanted->value[i]);
        length += 4 + (size_t)key_size(key);
    }
    return length > 4 ? ubx_build(buf, CFG, VALSET, payload, length) : 0;
}

/* ---- legacy messages ---- */

/* Where an item stands in a message; NULL: it is not there. */
static const uint8_t *place(const struct ubx_item_row *row, const uint8_t *bytes, size_t length)
{
    size_t at = (size_t)row->offset;
    if (row->feature != UBX_SIGNAL)
        return at + (size_t)magnitude(row->size) <= length ? bytes + at : NULL;
    /* blocks of eight bytes behind a head of four: gnssId, channels, flags */
    for (size_t b = 4, left = bytes[3]; left && b + 8 <= length; b += 8, left--)
        if (bytes[b] == row->block)
            return bytes + b + 4;
    return NULL;
}

static void take_item(int i, const uint8_t *at, struct ubx_values *v)
{
    const struct ubx_item_row *row = &ubx_items[i];
    int64_t field = get(at, magnitude(row->size), row->size < 0);
    if (row->bits)
        field = (int64_t)((uint64_t)field >> row->shift) & ((1 << row->bits) - 1);
    v->known[i] = true;
    v->value[i] = field * row->factor;
}

static void set_item(int i, uint8_t *at, int64_t value)
{
    const struct ubx_item_row *row = &ubx_items[i];
    int size = magnitude(row->size);
    int64_t field = value / row->factor;
    if (row->bits) {
        int64_t mask = (int64_t)((1 << row->bits) - 1) << row->shift;
        field = (get(at, size, false) & ~mask) | (field << row->shift & mask);
    }
    put(at, size, field);
}

/* CFG-MSG polled: class, id, the rates on the six ports. */
static bool take_rate(int i, const struct ubx_dialect *d, const struct ubx_frame *m,
                      struct ubx_values *v)
{
    const struct ubx_item_row *row = &ubx_items[i];
    if (m->class != CFG || m->id != CFG_MSG || m->length < 8 || m->payload[0] != row->class ||
        m->payload[1] != row->id)
        return false;
    v->known[i] = true;
    v->value[i] = m->payload[2 + d->port];
    return true;
}

static bool take_legacy(enum ubx_feature f, const struct ubx_frame *m, struct ubx_values *v,
                        struct ubx_payload *kept)
{
    if (m->class != CFG || m->id != legacy[f].id || m->length < legacy[f].least ||
        m->length > sizeof kept->bytes || (f == UBX_UART && m->payload[0] != UBX_PORT_UART1))
        return false;
    memcpy(kept->bytes, m->payload, m->length);
    kept->length = m->length;
    for (int i = 0; i < UBX_MESSAGE_RATE; i++) {
        const uint8_t *at =
            ubx_items[i].feature == f ? place(&ubx_items[i], kept->bytes, kept->length) : NULL;
        if (at)
            take_item(i, at, v);
    }
    return true;
}

/* NAV5 sets only what its mask names: bit 1 is the elevation mask (UBX-13003221, 32.10.19). */
static void mark_parameters(enum ubx_feature f, uint8_t *bytes)
{
    if (f == UBX_NAV)
        put(bytes, 2, 2);
    if (f == UBX_SIGNAL)
        bytes[2] = 0xff; /* numTrkChUse: all that there are */
}

static size_t set_legacy(enum ubx_feature f, const struct ubx_values *wanted,
                         const struct ubx_payload *kept, uint8_t *buf)
{
    struct ubx_payload p = *kept;
    bool any = false;
    for (int i = 0; i < UBX_MESSAGE_RATE; i++) {
        if (!wanted->known[i] || ubx_items[i].feature != f)
            continue;
        const uint8_t *at = place(&ubx_items[i], p.bytes, p.length);
        if (!at)
            return 0;
        set_item(i, p.bytes + (at - p.bytes), wanted->value[i]);
        any = true;
    }
    mark_parameters(f, p.bytes);
    return any ? ubx_build(buf, CFG, legacy[f].id, p.bytes, p.length) : 0;
}

/* ---- either ---- */

static int message_of(enum ubx_feature f)
{
    int i = UBX_MESSAGE_RATE + (int)f - UBX_MESSAGE;
    return (int)f >= UBX_MESSAGE && i < UBX_ITEMS && ubx_items[i].name ? i : -1;
}

size_t ubx_config_poll(enum ubx_feature f, const struct ubx_dialect *d, uint8_t *buf,
                       uint8_t *class, uint8_t *id)
{
    int i = message_of(f);
    *class = CFG;
    *id = VALGET;
    if (d->keys)
        return poll_keys(f, d, buf);
    *id = i >= 0 ? CFG_MSG : legacy[f < UBX_MESSAGE ? f : 0].id;
    if (i >= 0)
        return ubx_build(buf, CFG, CFG_MSG, (uint8_t[]){ubx_items[i].class, ubx_items[i].id}, 2);
    return f < UBX_MESSAGE ? ubx_build(buf, CFG, *id, &legacy[f].poll, legacy[f].polled) : 0;
}

bool ubx_config_take(enum ubx_feature f, const struct ubx_dialect *d, const struct ubx_frame *frame,
                     struct ubx_values *v, struct ubx_payload *kept)
{
    int i = message_of(f);
    if (d->keys)
        return take_keys(f, d, frame, v);
    if (i >= 0)
        return take_rate(i, d, frame, v);
    return f < UBX_MESSAGE && take_legacy(f, frame, v, kept);
}

size_t ubx_config_set(enum ubx_feature f, const struct ubx_dialect *d,
                      const struct ubx_values *wanted, const struct ubx_payload *kept, uint8_t *buf)
{
    int i = message_of(f);
    if (d->keys)
        return set_keys(f, d, wanted, buf);
    if (i < 0)
        return f < UBX_MESSAGE ? set_legacy(f, wanted, kept, buf) : 0;
    if (!wanted->known[i])
        return 0;
    /* the short form is for the port that it comes through (UBX-13003221, 32.10.18) */
    uint8_t payload[3] = {ubx_items[i].class, ubx_items[i].id, (uint8_t)wanted->value[i]};
    return ubx_build(buf, CFG, CFG_MSG, payload, sizeof payload);
}

/* clearMask, saveMask, loadMask, deviceMask: battery-backed memory, flash, EEPROM, SPI flash. */
static size_t build_cfg(uint8_t *buf, int64_t clear, int64_t save, int64_t load)
{
    uint8_t payload[13];
    put(payload, 4, clear);
    put(payload + 4, 4, save);
    put(payload + 8, 4, load);
    payload[12] = 0x17;
    return ubx_build(buf, CFG, CFG_CFG, payload, sizeof payload);
}

#define EVERYTHING 0x1f1f

size_t ubx_config_save(uint8_t *buf)
{
    return build_cfg(buf, 0, EVERYTHING, 0);
}

size_t ubx_config_reset(uint8_t *buf)
{
    return build_cfg(buf, EVERYTHING, 0, EVERYTHING);
}

void ubx_ecef(double latitude, double longitude, double height, double ecef[3])
{
    const double a = 6378137, f = 1 / 298.257223563, e2 = f * (2 - f);
    const double radian = 3.14159265358979323846 / 180;
    double phi = latitude * radian, lambda = longitude * radian;
    double n = a / sqrt(1 - e2 * sin(phi) * sin(phi));
    ecef[0] = (n + height) * cos(phi) * cos(lambda);
    ecef[1] = (n + height) * cos(phi) * sin(lambda);
    ecef[2] = (n * (1 - e2) + height) * sin(phi);
}
