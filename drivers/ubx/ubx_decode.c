/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_decode.h"

#include <stddef.h>
#include <string.h>

#include "drivers/ubx/ubx_field.h"

/* A message: its fixed part, and a block that is repeated as often as the byte at `count` says. */
struct layout {
    uint8_t class, id;
    enum ubx_kind kind;
    uint8_t fixed, block, count;
};

/* A longer payload is a newer version of the same message, where nothing is repeated. */
static const struct layout layouts[] = {
    {0x01, 0x07, UBX_NAV_PVT, 84, 0, 0},     {0x01, 0x21, UBX_NAV_TIMEUTC, 20, 0, 0},
    {0x01, 0x20, UBX_NAV_TIMEGPS, 16, 0, 0}, {0x01, 0x26, UBX_NAV_TIMELS, 24, 0, 0},
    {0x01, 0x03, UBX_NAV_STATUS, 16, 0, 0},  {0x01, 0x06, UBX_NAV_SOL, 52, 0, 0},
    {0x01, 0x04, UBX_NAV_DOP, 18, 0, 0},     {0x01, 0x35, UBX_NAV_SAT, 8, 12, 5},
    {0x01, 0x30, UBX_NAV_SVINFO, 8, 12, 4},  {0x01, 0x61, UBX_NAV_EOE, 4, 0, 0},
    {0x0d, 0x01, UBX_TIM_TP, 16, 0, 0},
};

/* Classes and the ids in them that are known and not used; the rest of a row is 0. */
static const uint8_t others[][24] = {
    {0x01, 0x02, 0x05, 0x09, 0x11, 0x12, 0x13, 0x14, 0x23, 0x24, 0x25,
     0x27, 0x28, 0x31, 0x32, 0x34, 0x36, 0x39, 0x3c, 0x42, 0x43}, /* NAV */
    {0x02, 0x10, 0x11, 0x13, 0x14, 0x15, 0x20, 0x30, 0x31, 0x32, 0x34, 0x41, 0x59, 0x61, 0x72,
     0x73},             /* RXM */
    {0x04, 0x03, 0x04}, /* INF: test and debugging output */
    {0x05, 0x01},       /* ACK */
    {0x0a, 0x02, 0x06, 0x07, 0x0b, 0x21, 0x27, 0x28, 0x2e, 0x31, 0x32, 0x37, 0x39}, /* MON */
    {0x0d, 0x03, 0x06, 0x11, 0x12, 0x13, 0x15, 0x16, 0x17},                         /* TIM */
    {0x10, 0x02, 0x03, 0x10, 0x14, 0x15},                                           /* ESF */
    {0x27, 0x01, 0x03, 0x10},                                                       /* SEC */
};

struct field {
    enum ubx_kind kind;
    uint8_t at;
    enum ubx_type type;
    size_t into; /* an int64_t of struct ubx_message */
};

#define FIELD(kind, at, type, name)                                    \
    {                                                                  \
        UBX_##kind, at, UBX_##type, offsetof(struct ubx_message, name) \
    }

static const struct field fields[] = {
    FIELD(NAV_PVT, 0, U4, itow),
    FIELD(NAV_PVT, 4, U2, year),
    FIELD(NAV_PVT, 6, U1, month),
    FIELD(NAV_PVT, 7, U1, day),
    FIELD(NAV_PVT, 8, U1, hour),
    FIELD(NAV_PVT, 9, U1, minute),
    FIELD(NAV_PVT, 10, U1, second),
    FIELD(NAV_PVT, 11, U1, valid),
    FIELD(NAV_PVT, 12, U4, accuracy),
    FIELD(NAV_PVT, 16, I4, nano),
    FIELD(NAV_PVT, 20, U1, fix),
    FIELD(NAV_PVT, 21, U1, flags),
    FIELD(NAV_PVT, 22, U1, confirm),
    FIELD(NAV_PVT, 76, U2, pdop),
    FIELD(NAV_TIMEUTC, 0, U4, itow),
    FIELD(NAV_TIMEUTC, 4, U4, accuracy),
    FIELD(NAV_TIMEUTC, 8, I4, nano),
    FIELD(NAV_TIMEUTC, 12, U2, year),
    FIELD(NAV_TIMEUTC, 14, U1, month),
    FIELD(NAV_TIMEUTC, 15, U1, day),
    FIELD(NAV_TIMEUTC, 16, U1, hour),
    FIELD(NAV_TIMEUTC, 17, U1, minute),
    FIELD(NAV_TIMEUTC, 18, U1, second),
    FIELD(NAV_TIMEUTC, 19, U1, valid),
    FIELD(NAV_TIMEGPS, 0, U4, itow),
    FIELD(NAV_TIMEGPS, 4, I4, fraction),
    FIELD(NAV_TIMEGPS, 8, I2, week),
    FIELD(NAV_TIMEGPS, 10, I1, leap),
    FIELD(NAV_TIMEGPS, 11, U1, valid),
    FIELD(NAV_TIMEGPS, 12, U4, accuracy),
    FIELD(NAV_TIMELS, 0, U4, itow),
    FIELD(NAV_TIMELS, 8, U1, leap_source),
    FIELD(NAV_TIMELS, 10, U1, change_source),
    FIELD(NAV_TIMELS, 9, I1, leap),
    FIELD(NAV_TIMELS, 11, I1, leap_change),
    FIELD(NAV_TIMELS, 12, I4, leap_in),
    FIELD(NAV_TIMELS, 23, U1, valid),
    FIELD(NAV_STATUS, 0, U4, itow),
    FIELD(NAV_STATUS, 4, U1, fix),
    FIELD(NAV_STATUS, 5, U1, flags),
    FIELD(NAV_SOL, 0, U4, itow),
    FIELD(NAV_SOL, 4, I4, fraction),
    FIELD(NAV_SOL, 8, I2, week),
    FIELD(NAV_SOL, 10, U1, fix),
    FIELD(NAV_SOL, 11, U1, flags),
    FIELD(NAV_SOL, 44, U2, pdop),
    FIELD(NAV_DOP, 0, U4, itow),
    FIELD(NAV_DOP, 6, U2, pdop),
    FIELD(NAV_DOP, 12, U2, hdop),
    FIELD(NAV_SAT, 0, U4, itow),
    FIELD(NAV_SVINFO, 0, U4, itow),
    FIELD(NAV_EOE, 0, U4, itow),
    FIELD(TIM_TP, 0, U4, itow),
    FIELD(TIM_TP, 4, U4, sub_ms),
    FIELD(TIM_TP, 8, I4, sawtooth),
    FIELD(TIM_TP, 12, U2, week),
    FIELD(TIM_TP, 14, U1, raised),
    FIELD(TIM_TP, 15, U1, reference),
};

/* NAV-SVINFO numbers the satellites of all systems in one row. */
static char system_of_number(int number)
{
    static const struct {
        int first, last;
        char system;
    } ranges[] = {
        {1, 32, 'G'},    {33, 64, 'C'},   {65, 96, 'R'},   {120, 158, 'S'},
        {159, 163, 'C'}, {193, 202, 'J'}, {211, 246, 'E'},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (number >= ranges[i].first && number <= ranges[i].last)
            return ranges[i].system;
    return '?';
}

static int within(int64_t value, int min, int max, int other)
{
    return value >= min && value <= max ? (int)value : other;
}

static struct satellite sat_block(const uint8_t *at)
{
    static const char systems[] = "GSEC?JRI"; /* gnssId */
    return (struct satellite){
        .system = at[0] < 8 ? systems[at[0]] : '?',
        .id = at[1],
        .cn0 = within(at[2], 0, 99, 0),
        .elevation = within(ubx_number(at + 3, UBX_I1), 0, 90, -1),
        .azimuth = within(ubx_number(at + 4, UBX_I2), 0, 360, -1),
        .used = at[8] & 8,
    };
}

static struct satellite svinfo_block(const uint8_t *at)
{
    return (struct satellite){
        .system = system_of_number(at[1]),
        .id = at[1],
        .cn0 = within(at[4], 0, 99, 0),
        .elevation = within(ubx_number(at + 5, UBX_I1), 0, 90, -1),
        .azimuth = within(ubx_number(at + 6, UBX_I2), 0, 360, -1),
        .used = at[2] & 1,
    };
}

static void take_satellites(const struct layout *layout, const struct ubx_frame *f,
                            struct ubx_message *m)
{
    for (size_t at = layout->fixed; at < f->length && m->count < SKY_MAX; at += layout->block) {
        const uint8_t *block = f->payload + at;
        struct satellite s = m->kind == UBX_NAV_SAT ? sat_block(block) : svinfo_block(block);
        if (s.id != 0 && s.id != 255) /* 255: a GLONASS satellite of unknown number */
            m->satellite[m->count++] = s;
    }
}

static bool length_right(const struct layout *l, const struct ubx_frame *f)
{
    if (f->length < l->fixed)
        return false;
    return !l->block || f->length == l->fixed + (size_t)f->payload[l->count] * l->block;
}

static const struct layout *find(const struct ubx_frame *f)
{
    for (size_t i = 0; i < sizeof layouts / sizeof *layouts; i++)
        if (layouts[i].class == f->class && layouts[i].id == f->id)
            return &layouts[i];
    return NULL;
}

static bool known_other(const struct ubx_frame *f)
{
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (others[i][0] == f->class)
            return f->id && memchr(others[i] + 1, f->id, sizeof others[i] - 1);
    return false;
}

enum ubx_decoded ubx_decode(const struct ubx_frame *frame, struct ubx_message *m)
{
    const struct layout *layout = find(frame);
    memset(m, 0, sizeof *m);
    m->kind = layout ? layout->kind : UBX_OTHER;
    if (!layout)
        return known_other(frame) ? UBX_KNOWN : UBX_UNKNOWN;
    if (!length_right(layout, frame))
        return UBX_MALFORMED;
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        int64_t value;
        if (fields[i].kind != m->kind)
            continue;
        value = ubx_number(frame->payload + fields[i].at, fields[i].type);
        memcpy((char *)m + fields[i].into, &value, sizeof value);
    }
    if (layout->block)
        take_satellites(layout, frame, m);
    return UBX_DECODED;
}
