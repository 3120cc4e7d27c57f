/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_UBX_BYTES_H
#define TIMEBALL_TESTS_UBX_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Bytes as a receiver sends them, made by hand: a stream that grows. */
struct bytes {
    size_t length;
    uint8_t at[65536];
};

static inline void bytes_text(struct bytes *b, const char *text)
{
    size_t length = strlen(text);
    memcpy(b->at + b->length, text, length);
    b->length += length;
}

/* `count` bytes, least significant first, at `at` of a payload. */
static inline void put(uint8_t *payload, size_t at, int count, int64_t value)
{
    for (int i = 0; i < count; i++)
        payload[at + (size_t)i] = (uint8_t)((uint64_t)value >> 8 * i);
}

/* The characters of a text, not terminated. */
static inline void put_text(uint8_t *payload, size_t at, const char *text)
{
    for (; *text; text++)
        payload[at++] = (uint8_t)*text;
}

/* Appends a UBX frame with the right checksum. */
static inline void bytes_ubx(struct bytes *b, uint8_t class, uint8_t id, const void *payload,
                             size_t length)
{
    uint8_t *at = b->at + b->length, x = 0, y = 0;
    const uint8_t head[] = {0xb5, 0x62, class, id, (uint8_t)length, (uint8_t)(length >> 8)};
    memcpy(at, head, sizeof head);
    if (length)
        memcpy(at + sizeof head, payload, length);
    for (size_t i = 2; i < length + sizeof head; i++) {
        x = (uint8_t)(x + at[i]);
        y = (uint8_t)(y + x);
    }
    at[length + sizeof head] = x;
    at[length + sizeof head + 1] = y;
    b->length += length + 8;
}

/* Appends an RTCM 3 frame with the right CRC-24Q, a bit a step. */
static inline void bytes_rtcm(struct bytes *b, const void *payload, size_t length)
{
    uint8_t *at = b->at + b->length;
    uint32_t crc = 0;
    at[0] = 0xd3;
    at[1] = (uint8_t)(length >> 8);
    at[2] = (uint8_t)length;
    memcpy(at + 3, payload, length);
    for (size_t i = 0; i < (length + 3) * 8; i++) {
        uint32_t bit = at[i / 8] >> (7 - i % 8) & 1;
        crc = crc << 1 ^ ((crc >> 23 ^ bit) & 1 ? 0x1864cfb : 0);
        crc &= 0xffffff;
    }
    at[length + 3] = (uint8_t)(crc >> 16);
    at[length + 4] = (uint8_t)(crc >> 8);
    at[length + 5] = (uint8_t)crc;
    b->length += length + 6;
}

/* What NAV-PVT and NAV-TIMEUTC say; the time as POSIX-like numbers by hand. */
struct said {
    int64_t itow;
    int year, month, day, hour, minute, second;
    int64_t nano, accuracy;
    int valid, fix, flags, confirm;
};

static inline void bytes_pvt(struct bytes *b, const struct said *s)
{
    uint8_t p[92] = {0};
    put(p, 0, 4, s->itow);
    put(p, 4, 2, s->year);
    const int rest[] = {s->month, s->day, s->hour, s->minute, s->second, s->valid};
    for (size_t i = 0; i < 6; i++)
        put(p, 6 + i, 1, rest[i]);
    put(p, 12, 4, s->accuracy);
    put(p, 16, 4, s->nano);
    put(p, 20, 1, s->fix);
    put(p, 21, 1, s->flags);
    put(p, 22, 1, s->confirm);
    put(p, 76, 2, 150);
    bytes_ubx(b, 1, 7, p, sizeof p);
}

static inline void bytes_timeutc(struct bytes *b, const struct said *s)
{
    uint8_t p[20] = {0};
    put(p, 0, 4, s->itow);
    put(p, 4, 4, s->accuracy);
    put(p, 8, 4, s->nano);
    put(p, 12, 2, s->year);
    const int rest[] = {s->month, s->day, s->hour, s->minute, s->second, s->valid};
    for (size_t i = 0; i < 6; i++)
        put(p, 14 + i, 1, rest[i]);
    bytes_ubx(b, 1, 0x21, p, sizeof p);
}

static inline void bytes_timegps(struct bytes *b, int64_t itow, int64_t fraction, int week,
                                 int leap, int valid)
{
    uint8_t p[16] = {0};
    put(p, 0, 4, itow);
    put(p, 4, 4, fraction);
    put(p, 8, 2, week);
    put(p, 10, 1, leap);
    put(p, 11, 1, valid);
    put(p, 12, 4, 30);
    bytes_ubx(b, 1, 0x20, p, sizeof p);
}

static inline void bytes_status(struct bytes *b, int64_t itow, int fix, int flags)
{
    uint8_t p[16] = {0};
    put(p, 0, 4, itow);
    put(p, 4, 1, fix);
    put(p, 5, 1, flags);
    bytes_ubx(b, 1, 3, p, sizeof p);
}

static inline void bytes_sol(struct bytes *b, int64_t itow, int64_t fraction, int week, int fix,
                             int flags)
{
    uint8_t p[52] = {0};
    put(p, 0, 4, itow);
    put(p, 4, 4, fraction);
    put(p, 8, 2, week);
    put(p, 10, 1, fix);
    put(p, 11, 1, flags);
    bytes_ubx(b, 1, 6, p, sizeof p);
}

static inline void bytes_timels(struct bytes *b, int64_t itow, int source, int leap, int change,
                                int64_t in, int valid)
{
    uint8_t p[24] = {0};
    put(p, 0, 4, itow);
    put(p, 8, 1, source);
    put(p, 9, 1, leap);
    put(p, 10, 1, 2);
    put(p, 11, 1, change);
    put(p, 12, 4, in);
    put(p, 23, 1, valid);
    bytes_ubx(b, 1, 0x26, p, sizeof p);
}

static inline void bytes_tp(struct bytes *b, int64_t tow, int64_t sawtooth, int flags)
{
    uint8_t p[16] = {0};
    put(p, 0, 4, tow);
    put(p, 8, 4, sawtooth);
    put(p, 12, 2, 2446);
    put(p, 14, 1, flags);
    bytes_ubx(b, 0x0d, 1, p, sizeof p);
}

static inline void bytes_eoe(struct bytes *b, int64_t itow)
{
    uint8_t p[4];
    put(p, 0, 4, itow);
    bytes_ubx(b, 1, 0x61, p, sizeof p);
}

#endif
