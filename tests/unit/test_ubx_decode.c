/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What UBX payloads say, and which of them are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ubx/ubx_decode.h"
#include "ubx_bytes.h"

static struct ubx_frame frame_of(uint8_t class, uint8_t id, const uint8_t *payload, size_t length)
{
    return (struct ubx_frame){.class = class, .id = id, .payload = payload, .length = length};
}

static enum ubx_decoded decode_last(const struct bytes *b, struct ubx_message *m)
{
    struct ubx_frame f;
    assert_int_equal(ubx_frame_look(b->at, b->length, &f), FRAME_GOOD);
    return ubx_decode(&f, m);
}

static void fields_are_read_at_their_places(void **state)
{
    (void)state;
    static struct bytes b;
    struct ubx_message m;
    const struct said s = {.itow = 604799999,
                           .year = 2026,
                           .month = 11,
                           .day = 24,
                           .hour = 23,
                           .minute = 58,
                           .second = 59,
                           .nano = -123456789,
                           .accuracy = 4000000000,
                           .valid = 0xf7,
                           .fix = 3,
                           .flags = 1,
                           .confirm = 0xea};
    bytes_pvt(&b, &s);
    assert_int_equal(decode_last(&b, &m), UBX_DECODED);
    assert_int_equal(m.kind, UBX_NAV_PVT);
    assert_true(m.itow == 604799999 && m.year == 2026 && m.month == 11 && m.day == 24);
    assert_true(m.hour == 23 && m.minute == 58 && m.second == 59 && m.nano == -123456789);
    assert_true(m.accuracy == 4000000000 && m.valid == 0xf7 && m.fix == 3 && m.flags == 1);
    assert_true(m.confirm == 0xea && m.pdop == 150);
    b.length = 0;
    bytes_timegps(&b, 1, -868, -3, -1, 7);
    assert_int_equal(decode_last(&b, &m), UBX_DECODED);
    assert_true(m.fraction == -868 && m.week == -3 && m.leap == -1 && m.valid == 7);
    b.length = 0;
    bytes_tp(&b, 237870000, -4331, 0x0b);
    assert_int_equal(decode_last(&b, &m), UBX_DECODED);
    assert_true(m.itow == 237870000 && m.sawtooth == -4331 && m.raised == 0x0b && m.week == 2446);
}

/* The kinds that are read, with their least length. */
static void c1_a_payload_shorter_than_its_layout(void **state)
{
    (void)state;
    static const struct {
        uint8_t class, id;
        size_t least;
    } rows[] = {{1, 0x07, 84}, {1, 0x21, 20}, {1, 0x20, 16}, {1, 0x26, 24},
                {1, 0x03, 16}, {1, 0x06, 52}, {1, 0x04, 18}, {1, 0x35, 8},
                {1, 0x30, 8},  {1, 0x61, 4},  {13, 1, 16}};
    uint8_t zeros[84] = {0};
    struct ubx_message m;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        for (size_t length = 0; length < rows[i].least; length++) {
            struct ubx_frame f = frame_of(rows[i].class, rows[i].id, zeros, length);
            assert_int_equal(ubx_decode(&f, &m), UBX_MALFORMED);
        }
        struct ubx_frame f = frame_of(rows[i].class, rows[i].id, zeros, rows[i].least);
        assert_int_equal(ubx_decode(&f, &m), UBX_DECODED);
    }
}

static void c1_a_count_that_the_length_denies(void **state)
{
    (void)state;
    static const uint8_t ids[] = {0x35, 0x30}, counts[] = {5, 4};
    struct ubx_message m;
    for (size_t i = 0; i < 2; i++)
        for (int count = 0; count < 256; count++) {
            uint8_t p[8 + 3 * 12] = {0};
            p[counts[i]] = (uint8_t)count;
            struct ubx_frame f = frame_of(1, ids[i], p, sizeof p);
            assert_int_equal(ubx_decode(&f, &m), count == 3 ? UBX_DECODED : UBX_MALFORMED);
        }
}

static void satellites(void **state)
{
    (void)state;
    struct ubx_message m;
    uint8_t p[8 + 4 * 12] = {0}, *at = p + 8;
    p[5] = 4;
    const struct {
        int gnss, id, cn0, elevation, azimuth, flags;
    } rows[] = {{0, 7, 42, 33, 359, 0x0f},
                {6, 255, 20, 10, 10, 0x08}, /* a GLONASS satellite without a number */
                {2, 11, 120, -91, 400, 0x07},
                {9, 1, 0, -5, 0, 0}};
    for (size_t i = 0; i < 4; i++, at += 12) {
        put(at, 0, 1, rows[i].gnss);
        put(at, 1, 1, rows[i].id);
        put(at, 2, 1, rows[i].cn0);
        put(at, 3, 1, rows[i].elevation);
        put(at, 4, 2, rows[i].azimuth);
        put(at, 8, 4, rows[i].flags);
    }
    struct ubx_frame f = frame_of(1, 0x35, p, sizeof p);
    assert_int_equal(ubx_decode(&f, &m), UBX_DECODED);
    assert_int_equal(m.count, 3);
    const struct satellite *s = m.satellite;
    assert_true(s[0].system == 'G' && s[0].id == 7 && s[0].cn0 == 42 && s[0].used);
    assert_true(s[0].elevation == 33 && s[0].azimuth == 359);
    assert_true(s[1].system == 'E' && s[1].cn0 == 0 && s[1].elevation == -1 && !s[1].used);
    assert_true(s[1].azimuth == -1 && s[2].system == '?' && s[2].elevation == -1);
    /* the same four in NAV-SVINFO: one row of numbers for all systems */
    static const int ids[] = {7, 70, 122, 215};
    memset(p, 0, sizeof p);
    p[4] = 4;
    for (size_t i = 0; i < 4; i++) {
        p[8 + 12 * i + 1] = (uint8_t)ids[i];
        p[8 + 12 * i + 2] = i == 2;
        p[8 + 12 * i + 4] = 30;
    }
    f.id = 0x30;
    assert_int_equal(ubx_decode(&f, &m), UBX_DECODED);
    assert_int_equal(m.count, 4);
    assert_true(s[0].system == 'G' && s[1].system == 'R' && s[2].system == 'S');
    assert_true(s[3].system == 'E' && s[2].used && !s[1].used && s[1].cn0 == 30);
}

static void more_satellites_than_there_is_room(void **state)
{
    (void)state;
    struct ubx_message m;
    static uint8_t p[8 + 255 * 12];
    p[5] = 255;
    for (size_t i = 0; i < 255; i++)
        p[8 + 12 * i + 1] = 9;
    struct ubx_frame f = frame_of(1, 0x35, p, sizeof p);
    assert_int_equal(ubx_decode(&f, &m), UBX_DECODED);
    assert_int_equal(m.count, SKY_MAX);
}

static void others_are_known_or_unknown(void **state)
{
    (void)state;
    static const struct {
        uint8_t class, id;
        enum ubx_decoded decoded;
    } rows[] = {{0x01, 0x43, UBX_KNOWN},   {0x02, 0x15, UBX_KNOWN},   {0x0a, 0x39, UBX_KNOWN},
                {0x05, 0x00, UBX_UNKNOWN}, {0x01, 0x00, UBX_UNKNOWN}, {0x77, 0x01, UBX_UNKNOWN}};
    struct ubx_message m;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ubx_frame f = frame_of(rows[i].class, rows[i].id, NULL, 0);
        assert_int_equal(ubx_decode(&f, &m), rows[i].decoded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_read_at_their_places),
        cmocka_unit_test(c1_a_payload_shorter_than_its_layout),
        cmocka_unit_test(c1_a_count_that_the_length_denies),
        cmocka_unit_test(satellites),
        cmocka_unit_test(more_satellites_than_there_is_room),
        cmocka_unit_test(others_are_known_or_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
