/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "refclock/rng.h"
#include "server/ntp/wire.h"

/* Every field with another value, by hand from RFC 5905 figure 8. */
static const uint8_t header[WIRE_SIZE] = {
    0x64, 0x01, 0x06, 0xec, /* LI 1, VN 4, mode 4; stratum, poll, precision */
    0x00, 0x01, 0x80, 0x00, /* root delay 1.5 s */
    0x00, 0x00, 0x00, 0x42, /* root dispersion */
    'P',  'P',  'S',  0,    /* refid */
    0xe1, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, /* reftime */
    0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x18, /* origin */
    0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28, /* receive */
    0xf1, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, /* transmit */
};

static void test_fields_stand_where_the_rfc_says(void **state)
{
    (void)state;
    struct ntp_packet p;
    wire_decode(header, &p);
    assert_int_equal(p.leap, 1);
    assert_int_equal(p.version, 4);
    assert_int_equal(p.mode, WIRE_MODE_SERVER);
    assert_int_equal(p.stratum, 1);
    assert_int_equal(p.poll, 6);
    assert_int_equal(p.precision, -20);
    assert_int_equal(p.root_delay, 0x18000);
    assert_int_equal(p.root_dispersion, 0x42);
    assert_int_equal(p.refid, 0x50505300);
    assert_true(p.reftime == UINT64_C(0xe102030405060708));
    assert_true(p.origin == UINT64_C(0x1112131415161718));
    assert_true(p.receive == UINT64_C(0x2122232425262728));
    assert_true(p.transmit == UINT64_C(0xf132333435363738));
    uint8_t again[WIRE_SIZE];
    wire_encode(&p, again);
    assert_memory_equal(again, header, WIRE_SIZE);
}

static void test_any_bytes_survive_at_any_address(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(1, 1);
    uint8_t in[WIRE_SIZE + 8], out[WIRE_SIZE + 8];
    for (int n = 0; n < 2000; n++) {
        size_t skew = (size_t)n % 8;
        for (size_t i = 0; i < sizeof in; i++)
            in[i] = (uint8_t)rng_u64(&rng);
        struct ntp_packet p;
        wire_decode(in + skew, &p);
        wire_encode(&p, out + skew);
        assert_memory_equal(in + skew, out + skew, WIRE_SIZE);
    }
}

static void test_wide_values_are_cut(void **state)
{
    (void)state;
    struct ntp_packet p = {.leap = 0xff, .version = 0xff, .mode = 0xff};
    uint8_t bytes[WIRE_SIZE];
    wire_encode(&p, bytes);
    assert_int_equal(bytes[0], 0xff);
    p = (struct ntp_packet){.leap = 4, .version = 8, .mode = 8};
    wire_encode(&p, bytes);
    assert_int_equal(bytes[0], 0);
}

/* A packet's tail as a list of field lengths as written, then `rest` octets of zeros. */
struct tail_case {
    const char *what;
    int version;
    uint16_t lengths[4];
    size_t rest;
    int fields; /* expected */
    enum wire_tail tail;
};

static const struct tail_case tails[] = {
    {"nothing", 4, {0}, 0, 0, WIRE_TAIL_NONE},
    {"a key identifier alone", 4, {0}, 4, 0, WIRE_TAIL_MAC},
    {"MD5 or CMAC", 4, {0}, 20, 0, WIRE_TAIL_MAC},
    {"SHA-1", 4, {0}, 24, 0, WIRE_TAIL_MAC},
    {"DES of version 3", 3, {0}, 12, 0, WIRE_TAIL_MAC},
    {"twelve octets in version 4", 4, {0}, 12, 0, WIRE_TAIL_MALFORMED},
    {"one octet", 4, {0}, 1, 0, WIRE_TAIL_MALFORMED},
    {"sixteen zeros", 4, {0}, 16, 0, WIRE_TAIL_MALFORMED},
    {"length 0", 4, {0}, 28, 0, WIRE_TAIL_MALFORMED},
    {"the shortest last field", 4, {28}, 0, 1, WIRE_TAIL_NONE},
    {"a field and a MAC", 4, {16}, 20, 1, WIRE_TAIL_MAC},
    {"four fields", 4, {16, 16, 16, 28}, 0, 4, WIRE_TAIL_NONE},
    {"four fields and a MAC", 4, {16, 20, 24, 400}, 24, 4, WIRE_TAIL_MAC},
    {"a field and length 0", 4, {16}, 40, 1, WIRE_TAIL_MALFORMED},
    {"length 3", 4, {3}, 60, 0, WIRE_TAIL_MALFORMED},
    {"length 12", 4, {12}, 60, 0, WIRE_TAIL_MALFORMED},
    {"length not a multiple of 4", 4, {18}, 60, 0, WIRE_TAIL_MALFORMED},
    {"no fields in version 3, but a long MAC", 3, {28}, 0, 0, WIRE_TAIL_MAC},
    {"SHA-512 in version 3", 3, {0}, 68, 0, WIRE_TAIL_MAC},
    {"more than SHA-512 in version 3", 3, {0}, 72, 0, WIRE_TAIL_MALFORMED},
    {"not a multiple of 4 in version 3", 3, {0}, 30, 0, WIRE_TAIL_MALFORMED},
    {"eight octets", 3, {0}, 8, 0, WIRE_TAIL_MALFORMED},
};

static size_t build(const struct tail_case *t, uint8_t *packet)
{
    size_t size = WIRE_SIZE;
    memset(packet, 0, 2048);
    packet[0] = (uint8_t)(t->version << 3 | WIRE_MODE_CLIENT);
    for (int i = 0; i < 4 && t->lengths[i]; i++) {
        packet[size + 1] = (uint8_t)(i + 1);
        packet[size + 2] = (uint8_t)(t->lengths[i] >> 8);
        packet[size + 3] = (uint8_t)t->lengths[i];
        size += t->lengths[i];
    }
    return size + t->rest;
}

static void test_a7_tails(void **state)
{
    (void)state;
    uint8_t packet[2048];
    for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
        const struct tail_case *t = &tails[i];
        size_t size = build(t, packet);
        struct wire_walk walk = wire_walk(packet, size);
        struct wire_field field;
        int fields = 0;
        while (wire_next(&walk, &field)) {
            assert_int_equal(field.type, fields + 1);
            assert_int_equal(field.size, t->lengths[fields] - 4);
            fields++;
        }
        struct wire_mac mac = {0};
        if (fields != t->fields || walk.tail != t->tail || wire_tail(packet, size, &mac) != t->tail)
            fail_msg("%s: %d fields, tail %d", t->what, fields, walk.tail);
        if (t->tail == WIRE_TAIL_MAC) {
            assert_true(mac.digest == packet + mac.covers + 4);
            assert_int_equal(mac.covers + 4 + mac.size, size);
            assert_int_equal(mac.size, size - walk.left == mac.covers ? walk.left - 4 : 0);
        }
    }
}

static void test_a7_a_field_past_the_end(void **state)
{
    (void)state;
    uint8_t packet[WIRE_SIZE + 28] = {4 << 3 | WIRE_MODE_CLIENT};
    for (unsigned length = 29; length < 65536; length++) {
        packet[WIRE_SIZE + 2] = (uint8_t)(length >> 8);
        packet[WIRE_SIZE + 3] = (uint8_t)length;
        struct wire_mac mac;
        assert_int_equal(wire_tail(packet, sizeof packet, &mac), WIRE_TAIL_MALFORMED);
    }
}

static void test_a7_random_tails_end_inside_the_packet(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(2, 1);
    uint8_t packet[512];
    for (int n = 0; n < 20000; n++) {
        size_t size = WIRE_SIZE + rng_u64(&rng) % (sizeof packet - WIRE_SIZE), steps = 0;
        for (size_t i = 0; i < size; i++)
            packet[i] = (uint8_t)rng_u64(&rng);
        for (size_t i = WIRE_SIZE + 2; i + 1 < size; i += 4) /* plausible lengths, often */
            packet[i] = 0;
        struct wire_walk walk = wire_walk(packet, size);
        struct wire_field field;
        while (wire_next(&walk, &field)) {
            steps++;
            assert_true(field.size >= 12);
            assert_true(field.body + field.size <= packet + size);
        }
        assert_true(steps <= (size - WIRE_SIZE) / 16);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_stand_where_the_rfc_says),
        cmocka_unit_test(test_any_bytes_survive_at_any_address),
        cmocka_unit_test(test_wide_values_are_cut),
        cmocka_unit_test(test_a7_tails),
        cmocka_unit_test(test_a7_a_field_past_the_end),
        cmocka_unit_test(test_a7_random_tails_end_inside_the_packet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
