/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "reply_exchange.h"

static void test_the_answer(void **state)
{
    (void)state;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    x.request[2] = 6;
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    assert_int_equal(x.size, WIRE_SIZE);
    assert_int_equal(x.answer.leap, 0);
    assert_int_equal(x.answer.version, 4);
    assert_int_equal(x.answer.mode, WIRE_MODE_SERVER);
    assert_int_equal(x.answer.stratum, 1);
    assert_int_equal(x.answer.poll, 6);
    assert_int_equal(x.answer.precision, -24);
    assert_int_equal(x.answer.root_delay, 0);
    assert_int_equal(x.answer.refid, PPS);
    assert_memory_equal(x.out + 24, x.request + 40, 8);
    /* the stamps are carried to true time: 2 ms, and 10 ppm of half a second */
    assert_true(x.answer.transmit == (civil_to_ntp(NOW + 2005000) & ~UINT64_C(1)));
    assert_true(x.answer.receive == (civil_to_ntp(NOW - 40000 + 2005000) | 1));
    assert_true(x.answer.reftime == civil_to_ntp(NOW - NS_PER_S / 2 + 2000000));
    /* 25 us + 0.5 us of age, in units of 15.26 us, rounded up */
    assert_int_equal(x.answer.root_dispersion, 2);
}

static void test_a4_a6_versions_and_modes(void **state)
{
    (void)state;
    for (int version = 0; version < 8; version++) {
        for (int mode = 0; mode < 8; mode++) {
            struct exchange x;
            begin(&x, version, mode);
            ask(&x);
            bool request = mode == WIRE_MODE_ACTIVE || mode == WIRE_MODE_CLIENT;
            enum verdict expected = mode == WIRE_MODE_CONTROL    ? VERDICT_CONTROL
                                    : mode == WIRE_MODE_PRIVATE  ? VERDICT_PRIVATE
                                    : version < 1 || version > 4 ? VERDICT_VERSION
                                    : request                    ? VERDICT_ANSWERED
                                                                 : VERDICT_MODE;
            assert_int_equal(x.verdict, expected);
            assert_int_equal(x.size, expected == VERDICT_ANSWERED ? WIRE_SIZE : 0);
            if (x.size) {
                assert_int_equal(x.answer.version, version);
                assert_int_equal(x.answer.mode, mode + 1);
            }
        }
    }
}

static void test_a5_lengths(void **state)
{
    (void)state;
    for (size_t size = 0; size <= 2048; size++) {
        struct exchange x;
        begin(&x, 4, WIRE_MODE_CLIENT);
        x.in.size = size;
        ask(&x);
        size_t tail = size - WIRE_SIZE;
        bool mac = tail == 4 || tail == 20 || tail == 24;
        assert_int_equal(x.verdict, size < WIRE_SIZE ? VERDICT_SHORT
                                    : mac            ? VERDICT_KEY
                                                     : VERDICT_ANSWERED);
        assert_int_equal(x.size, x.verdict == VERDICT_ANSWERED ? WIRE_SIZE : 0);
        begin(&x, 2, WIRE_MODE_CONTROL);
        x.in.size = size;
        assert_int_equal(ask(&x), size ? VERDICT_CONTROL : VERDICT_SHORT);
    }
}

/* ---- keys ---- */

static void test_a9_a_signed_request_gets_an_answer_signed_alike(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        int version;
        size_t fields, digest;
    } cases[] = {{1, 4, 0, 16}, {2, 4, 0, 20}, {3, 4, 0, 20}, {4, 4, 0, 16}, {1, 3, 0, 16},
                 {3, 3, 0, 64}, {3, 3, 0, 20}, {2, 1, 0, 20}, {1, 4, 32, 16}};
    struct keys *k = some_keys();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exchange x;
        begin(&x, cases[i].version, WIRE_MODE_CLIENT);
        x.in.size += cases[i].fields;
        x.request[50] = 0, x.request[51] = (uint8_t)cases[i].fields;
        sign(&x, k, cases[i].id, cases[i].digest);
        assert_int_equal(ask(&x), VERDICT_ANSWERED);
        assert_int_equal(x.size, WIRE_SIZE + 4 + cases[i].digest);
        assert_true(x.size <= x.in.size);
        struct wire_mac mac;
        assert_int_equal(wire_tail(x.out, x.size, &mac), WIRE_TAIL_MAC);
        assert_int_equal(mac.id, cases[i].id);
        assert_true(
            mac_right(&keys_find(k, cases[i].id)->mac, x.out, WIRE_SIZE, mac.digest, mac.size));
        /* unsynchronised as well */
        x.snapshot.stratum = 16;
        assert_int_equal(ask(&x), VERDICT_UNSYNCHRONISED);
        assert_true(
            mac_right(&keys_find(k, cases[i].id)->mac, x.out, WIRE_SIZE, x.out + 52, x.size - 52));
    }
    keys_free(k);
}

static void test_a9_a_wrong_or_unknown_key_gets_no_answer(void **state)
{
    (void)state;
    struct keys *k = some_keys();
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    sign(&x, k, 5, 20);
    assert_int_equal(ask(&x), VERDICT_KEY); /* there, but not trusted */
    begin(&x, 4, WIRE_MODE_CLIENT);
    sign(&x, k, 2, 20);
    x.request[51] = 99;
    assert_int_equal(ask(&x), VERDICT_KEY);
    x.request[51] = 3; /* there, and another one */
    assert_int_equal(ask(&x), VERDICT_MAC);
    for (size_t octet = 0; octet < WIRE_SIZE; octet++) { /* what is signed may not be changed */
        begin(&x, 4, WIRE_MODE_CLIENT);
        sign(&x, k, 2, 20);
        x.request[octet] ^= octet ? 1 : 0x80; /* the mode and version stay */
        assert_int_equal(ask(&x), VERDICT_MAC);
        assert_int_equal(x.size, 0);
    }
    begin(&x, 4, WIRE_MODE_CLIENT);
    sign(&x, k, 1, 16);
    x.in.keys = NULL;
    assert_int_equal(ask(&x), VERDICT_KEY);
    x.in.keys = k;
    x.in.size = WIRE_SIZE + 4; /* a crypto-NAK */
    assert_int_equal(ask(&x), VERDICT_MAC);
    keys_free(k);
}

static void test_a3_addresses(void **state)
{
    (void)state;
    static const unsigned facts[] = {REPLY_FROM_PORT0, REPLY_FROM_MANY, REPLY_FROM_SELF,
                                     REPLY_TO_MANY};
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) {
        struct exchange x;
        begin(&x, 4, WIRE_MODE_CLIENT);
        x.in.address = facts[i];
        assert_int_equal(ask(&x), VERDICT_ADDRESS);
        assert_int_equal(x.size, 0);
    }
}

static void test_a8_origin_is_copied_bit_for_bit(void **state)
{
    (void)state;
    static const uint8_t fill[] = {0x00, 0xff, 0x80, 0x01};
    for (size_t i = 0; i < sizeof fill; i++) {
        struct exchange x;
        begin(&x, 3, WIRE_MODE_CLIENT);
        memset(x.request + 40, fill[i], 8);
        assert_int_equal(ask(&x), VERDICT_ANSWERED);
        assert_memory_equal(x.out + 24, x.request + 40, 8);
    }
}

static void test_poll_is_copied_within_reason(void **state)
{
    (void)state;
    static const int8_t polls[][2] = {{0, 0},   {6, 6},   {17, 17}, {18, 17},  {127, 17},
                                      {-2, -2}, {-7, -7}, {-8, -7}, {-128, -7}};
    for (size_t i = 0; i < sizeof polls / sizeof *polls; i++) {
        struct exchange x;
        begin(&x, 4, WIRE_MODE_CLIENT);
        x.request[2] = (uint8_t)polls[i][0];
        ask(&x);
        assert_int_equal(x.answer.poll, polls[i][1]);
    }
}

static void expect_unsynchronised(struct exchange *x, uint32_t refid)
{
    assert_int_equal(ask(x), VERDICT_UNSYNCHRONISED);
    assert_int_equal(x->size, WIRE_SIZE);
    assert_int_equal(x->answer.leap, LEAP_UNKNOWN);
    assert_int_equal(x->answer.stratum, 0);
    assert_int_equal(x->answer.refid, refid);
    assert_true(x->answer.root_dispersion > 0);
    assert_memory_equal(x->out + 24, x->request + 40, 8);
}

static void test_a11_a_kiss_of_death(void **state)
{
    (void)state;
    static const struct {
        int mode;
        bool locked;
        enum verdict verdict;
    } cases[] = {{WIRE_MODE_CLIENT, true, VERDICT_KOD},
                 {WIRE_MODE_CLIENT, false, VERDICT_KOD},
                 {WIRE_MODE_ACTIVE, true, VERDICT_LIMITED},
                 {WIRE_MODE_SERVER, true, VERDICT_MODE}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct exchange x;
        begin(&x, 3, cases[i].mode);
        x.in.kiss = RATE;
        x.snapshot.locked_once = cases[i].locked;
        x.snapshot.stratum = cases[i].locked ? 1 : 16;
        assert_int_equal(ask(&x), cases[i].verdict);
        assert_int_equal(x.size, cases[i].verdict == VERDICT_KOD ? WIRE_SIZE : 0);
        if (!x.size)
            continue;
        assert_int_equal(x.answer.leap, LEAP_UNKNOWN);
        assert_int_equal(x.answer.version, 3);
        assert_int_equal(x.answer.stratum, 0);
        assert_memory_equal(x.out + 12, "RATE", 4);
        assert_int_equal(x.answer.poll, REPLY_KISS_POLL);
        assert_memory_equal(x.out + 24, x.request + 40, 8);
        assert_true(x.answer.transmit == x.answer.origin && !x.answer.reftime);
    }
}

static void test_a12_the_first_snapshot_says_init(void **state)
{
    (void)state;
    struct snapshot_latch latch;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    snapshot_latch_init(&latch);
    snapshot_read(&latch, &x.snapshot);
    x.in.receive.generation = x.in.transmit.generation = x.snapshot.generation;
    expect_unsynchronised(&x, INIT);
    assert_true(x.answer.reftime == 0);
    assert_true(x.answer.transmit == (civil_to_ntp(NOW) & ~UINT64_C(1)));
    assert_true(x.answer.root_dispersion >= 16 << 16);
}

static void test_a12_unsynchronised(void **state)
{
    (void)state;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    x.snapshot.stratum = 16;
    expect_unsynchronised(&x, 0);
    x.snapshot.locked_once = false;
    expect_unsynchronised(&x, INIT);

    begin(&x, 4, WIRE_MODE_ACTIVE);
    x.snapshot.leap = LEAP_UNKNOWN;
    expect_unsynchronised(&x, 0);
    x.snapshot = locked();
    x.snapshot.stratum = 0;
    expect_unsynchronised(&x, 0);
}

static void test_a12_stale(void **state)
{
    (void)state;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    x.snapshot.reference = NOW - (int64_t)(SNAPSHOT_STALE_S * 1e9);
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    x.snapshot.reference -= 1000000;
    expect_unsynchronised(&x, 0);
    /* a reference far ahead is as worthless */
    x.snapshot.reference = NOW + (int64_t)(SNAPSHOT_STALE_S * 1e9) + 1000000;
    expect_unsynchronised(&x, 0);
}

static void test_a13_bounds(void **state)
{
    (void)state;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    x.snapshot.drift = 0;
    x.snapshot.total = 1e-12;
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    assert_int_equal(x.answer.root_dispersion, 1); /* never 0 */
    x.snapshot.total = 1;
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    assert_int_equal(x.answer.root_dispersion, 65536);
    x.snapshot.drift = 1;
    ask(&x);
    assert_in_range(x.answer.root_dispersion, 65536 * 3 / 2, 65536 * 3 / 2 + 1); /* grows */
    x.snapshot.total = 16;
    expect_unsynchronised(&x, 0);
    static const double absurd[] = {1e6, 1e300, INFINITY, NAN};
    for (size_t i = 0; i < sizeof absurd / sizeof *absurd; i++) {
        x.snapshot.total = absurd[i];
        expect_unsynchronised(&x, 0);
        assert_int_equal(x.answer.root_dispersion, UINT32_MAX);
    }
}

static void test_leap_and_root_delay_are_passed_on(void **state)
{
    (void)state;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    x.snapshot.leap = LEAP_INSERT;
    x.snapshot.stratum = 2;
    x.snapshot.root_delay = 0.25;
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    assert_int_equal(x.answer.leap, 1);
    assert_int_equal(x.answer.stratum, 2);
    assert_int_equal(x.answer.root_delay, 16384);
}

static void test_a13_order_of_times(void **state)
{
    (void)state;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    x.in.receive.reading = NOW + 5000; /* should not be: held at the transmit stamp */
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    assert_true(x.answer.transmit - x.answer.receive == 1); /* the least there is */
    x.snapshot.reftime = NOW + 60 * NS_PER_S;               /* an update later than the request */
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    assert_true((x.answer.reftime | 1) == x.answer.receive);
}

static void test_steps(void **state)
{
    (void)state;
    struct exchange x;
    begin(&x, 4, WIRE_MODE_CLIENT);
    x.snapshot.transition = true;
    assert_int_equal(ask(&x), VERDICT_STEP);
    assert_int_equal(x.size, 0);
    x.snapshot.transition = false;
    x.snapshot.generation++;
    assert_int_equal(ask(&x), VERDICT_GENERATION);
    x.in.receive.generation++;
    assert_int_equal(ask(&x), VERDICT_GENERATION);
    x.in.transmit.generation++;
    assert_int_equal(ask(&x), VERDICT_ANSWERED);
    x.in.receive.known = false;
    assert_int_equal(ask(&x), VERDICT_GENERATION);
    assert_int_equal(x.size, 0);
}

static void test_eras(void **state)
{
    (void)state;
    static const int64_t years[] = {0, 2085978496, 2147483648, 4102444800, 4294967296};
    for (size_t i = 0; i < sizeof years / sizeof *years; i++) {
        struct exchange x;
        int64_t at = years[i] * NS_PER_S;
        begin(&x, 4, WIRE_MODE_CLIENT);
        x.snapshot.reference = at;
        x.snapshot.offset = x.snapshot.rate = 0;
        x.snapshot.reftime = at - NS_PER_S;
        x.in.receive.reading = at - 1000; /* before the turn, transmit after it */
        x.in.transmit.reading = at + 1000;
        assert_int_equal(ask(&x), VERDICT_ANSWERED);
        assert_true(civil_from_ntp(x.answer.receive, at) - (at - 1000) <= 1);
        assert_true(x.answer.transmit - x.answer.receive < UINT64_C(1) << 32); /* modulo 2^64 */
    }
}

static void test_every_verdict_has_a_row(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        assert_non_null(verdict_table[i].name);
        assert_non_null(verdict_table[i].help);
        size_t length = strlen(verdict_table[i].help);
        assert_true(length > 20 && verdict_table[i].help[length - 1] == '.');
        for (int k = 0; k < i; k++)
            assert_string_not_equal(verdict_table[i].name, verdict_table[k].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_answer),
        cmocka_unit_test(test_a4_a6_versions_and_modes),
        cmocka_unit_test(test_a5_lengths),
        cmocka_unit_test(test_a9_a_signed_request_gets_an_answer_signed_alike),
        cmocka_unit_test(test_a9_a_wrong_or_unknown_key_gets_no_answer),
        cmocka_unit_test(test_a3_addresses),
        cmocka_unit_test(test_a8_origin_is_copied_bit_for_bit),
        cmocka_unit_test(test_poll_is_copied_within_reason),
        cmocka_unit_test(test_a11_a_kiss_of_death),
        cmocka_unit_test(test_a12_the_first_snapshot_says_init),
        cmocka_unit_test(test_a12_unsynchronised),
        cmocka_unit_test(test_a12_stale),
        cmocka_unit_test(test_a13_bounds),
        cmocka_unit_test(test_leap_and_root_delay_are_passed_on),
        cmocka_unit_test(test_a13_order_of_times),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_eras),
        cmocka_unit_test(test_every_verdict_has_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
