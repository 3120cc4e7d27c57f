/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Requests through rules and rate limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "handler_world.h"
#include "refclock/rng.h"

struct limits {
    struct world w;
    struct shared_table rules;
    struct ratelimit *limit;
};

static struct access *rules_of(const struct access_rule *rules, size_t count)
{
    struct access *a = NULL;
    struct err err;
    assert_int_equal(access_build(&a, rules, count, &err), 0);
    return a;
}

/* The usual rate limit; nobody over it is answered by chance, unless one in `leak` is. */
static void begin_limits(struct limits *l, const struct access_rule *rules, size_t count, int leak)
{
    static const uint8_t key[16] = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3};
    struct ratelimit_config config = RATELIMIT_DEFAULTS;
    struct err err;
    config.leak = leak;
    begin(&l->w);
    shared_init(&l->rules, access_release);
    shared_swap(&l->rules, access_share(rules_of(rules, count)));
    assert_int_equal(ratelimit_open(&l->limit, &config, key, &err), 0);
    handler_share_access(&l->w.handler, &l->rules, l->limit);
}

static void end_limits(struct limits *l)
{
    shared_close(&l->rules);
    ratelimit_free(l->limit);
}

static union address v4(uint32_t host, uint16_t port)
{
    return (union address){
        .v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(host), .sin_port = htons(port)}};
}

/* `size` octets of a packet with that first octet, from there. Returns the answer's size. */
static size_t ask_as(struct limits *l, const union address *from, uint8_t first, size_t size)
{
    uint8_t bytes[200] = {first};
    memset(bytes + 40, 0x77, 8);
    struct datagram d = {.bytes = bytes, .size = size, .received = l->w.clock.shows, .from = *from};
    handler_look(&l->w.handler);
    handler_prepare(&l->w.handler, &d);
    size_t answer = handler_answer(&l->w.handler, &d, l->w.out);
    handler_rest(&l->w.handler);
    return answer;
}

static bool gives_time(const struct limits *l)
{
    return l->w.out[1] != 0; /* stratum */
}

static const uint8_t client4 = 4 << 3 | WIRE_MODE_CLIENT;

static void pass_time(struct limits *l, int64_t ns)
{
    l->w.clock.shows += ns;
    l->w.snapshot.reference = l->w.clock.shows;
    snapshot_publish(&l->w.latch, &l->w.snapshot);
}

static void test_what_rules_refuse(void **state)
{
    (void)state;
    enum { C = 4 << 3, HOST = 0x0a000001 };
    static const struct {
        unsigned flags;
        uint8_t first;
        size_t size;
        enum verdict verdict;
    } cases[] = {
        {0, client4, 48, VERDICT_ANSWERED},
        {ACCESS_IGNORE, client4, 48, VERDICT_IGNORED},
        {ACCESS_IGNORE, C | 6, 12, VERDICT_IGNORED},
        {ACCESS_IGNORE, 0, 0, VERDICT_IGNORED},
        {ACCESS_NOSERVE, client4, 48, VERDICT_REFUSED},
        {ACCESS_NOSERVE, C | WIRE_MODE_ACTIVE, 48, VERDICT_REFUSED},
        {ACCESS_NOSERVE, C | 6, 12, VERDICT_CONTROL},
        {ACCESS_NOQUERY, C | 6, 12, VERDICT_REFUSED},
        {ACCESS_NOQUERY, C | 7, 48, VERDICT_PRIVATE},
        {ACCESS_NOQUERY, client4, 48, VERDICT_ANSWERED},
        {ACCESS_VERSION, client4, 48, VERDICT_ANSWERED},
        {ACCESS_VERSION, 3 << 3 | 3, 48, VERDICT_REFUSED},
        {ACCESS_NOTRUST, client4, 48, VERDICT_REFUSED},
        {ACCESS_NOTRUST, client4, 68, VERDICT_KEY},
        {ACCESS_NOTRUST, client4, 47, VERDICT_REFUSED},
        {ACCESS_NOPEER | ACCESS_NOMODIFY | ACCESS_NOTRAP, client4, 48, VERDICT_ANSWERED},
        {ACCESS_NOSERVE, 0, 0, VERDICT_SHORT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct access_rule rule = {.family = AF_INET, .flags = (uint16_t)cases[i].flags};
        struct limits l;
        begin_limits(&l, &rule, 1, 0);
        union address from = v4(HOST, 4000);
        size_t size = ask_as(&l, &from, cases[i].first, cases[i].size);
        assert_int_equal(counted(&l.w, cases[i].verdict), 1);
        assert_int_equal(size, cases[i].verdict == VERDICT_ANSWERED ? WIRE_SIZE : 0);
        end_limits(&l);
    }
}

static void test_flake_and_new_rules(void **state)
{
    (void)state;
    struct access_rule rule = {.family = AF_INET, .flags = ACCESS_FLAKE};
    struct limits l;
    begin_limits(&l, &rule, 1, 0);
    union address from = v4(0x0a000001, 4000);
    for (int i = 0; i < 200; i++)
        ask_as(&l, &from, client4, 48);
    assert_int_equal(counted(&l.w, VERDICT_REFUSED), 20);
    rule.flags = ACCESS_IGNORE;
    shared_swap(&l.rules, access_share(rules_of(&rule, 1)));
    assert_int_equal(shared_sweep(&l.rules), 0);
    assert_int_equal(ask_as(&l, &from, client4, 48), 0);
    assert_int_equal(counted(&l.w, VERDICT_IGNORED), 1);
    end_limits(&l);
}

/* Row A3: any datagram gets at most one answer, not longer than itself, and none where an answer
 * would reach somebody else, whatever the rules and the rate. */
static void test_a3_no_amplification(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(3, 3);
    for (int round = 0; round < 16; round++) {
        struct access_rule rule = {.family = AF_INET, .flags = (uint16_t)(rng_u64(&rng) & 0x3ffe)};
        struct limits l;
        begin_limits(&l, round & 1 ? &rule : NULL, round & 1, 4);
        for (int i = 0; i < 4000; i++) {
            uint8_t bytes[200];
            for (size_t k = 0; k < sizeof bytes; k++)
                bytes[k] = (uint8_t)rng_u64(&rng);
            if (rng_u64(&rng) & 1)
                bytes[0] = client4;
            struct datagram d = {.bytes = bytes,
                                 .size = rng_u64(&rng) % sizeof bytes,
                                 .received = l.w.clock.shows,
                                 .from = v4(0x0a000000 + (uint32_t)(rng_u64(&rng) % 8), 123),
                                 .address = rng_u64(&rng) % 8 ? 0 : rng_u64(&rng) % 16};
            handler_look(&l.w.handler);
            size_t size = handler_answer(&l.w.handler, &d, l.w.out);
            handler_rest(&l.w.handler);
            assert_true(size <= d.size && !(size && d.address));
            assert_true(!size || wire_mode(l.w.out[0]) == wire_mode(bytes[0]) + 1);
            pass_time(&l, NS_PER_S / 50);
        }
        end_limits(&l);
    }
}

/* Row A4: only what is a request is answered, so that no two servers talk to each other for ever:
 * mode 1 with mode 2, which gets no answer itself. */
static void test_a4_no_ping_pong(void **state)
{
    (void)state;
    struct limits l;
    begin_limits(&l, NULL, 0, 0);
    for (unsigned mode = 0; mode < 8; mode++) {
        union address from = v4(0x0a000001 + mode, 123);
        size_t size = ask_as(&l, &from, (uint8_t)(4 << 3 | mode), 48);
        bool asked = mode == WIRE_MODE_ACTIVE || mode == WIRE_MODE_CLIENT;
        assert_int_equal(size, asked ? WIRE_SIZE : 0);
        if (!size)
            continue;
        assert_int_equal(wire_mode(l.w.out[0]), mode + 1);
        assert_int_equal(ask_as(&l, &from, l.w.out[0], 48), 0); /* sent back to us */
    }
    end_limits(&l);
}

/* Row A10: one source at 10000 a second is held to the average, also over a thousand ports; a
 * million others that are forged take nothing from those who behave. */
static void test_a10_one_source_and_a_million(void **state)
{
    (void)state;
    struct limits l;
    begin_limits(&l, NULL, 0, 0);
    unsigned noisy = 0, good = 0, asked = 0;
    for (uint32_t i = 0; i < 1000000; i++) { /* 100 s */
        union address forged = v4(0x0b000000 + i, 4000);
        union address flood = v4(0x0a000001, (uint16_t)(1 + i % 1000));
        union address client = v4(0x0a000100 + i % 64, 4000);
        ask_as(&l, &forged, client4, 48);
        noisy += ask_as(&l, &flood, client4, 48) && gives_time(&l);
        if (i % 10000 < 64) { /* each of 64 clients once a second */
            asked++;
            good += ask_as(&l, &client, client4, 48) == WIRE_SIZE;
        }
        pass_time(&l, NS_PER_S / 10000);
    }
    assert_int_equal(good, asked);
    assert_in_range(noisy, 118, 122);
    assert_int_equal(counted(&l.w, VERDICT_KOD), 1); /* which it did not heed */
    end_limits(&l);
}

/* Row A10: whoever sends requests in a client's name does not silence it. */
static void test_a10_a_spoofed_victim(void **state)
{
    (void)state;
    struct limits l;
    begin_limits(&l, NULL, 0, RATELIMIT_LEAK);
    union address victim = v4(0x0a000001, 123);
    unsigned answered = 0;
    for (int i = 0; i < 400; i++) {
        for (int k = 0; k < 100; k++) {
            ask_as(&l, &victim, client4, 48);
            pass_time(&l, NS_PER_S / 10000);
        }
        answered += ask_as(&l, &victim, client4, 48) && gives_time(&l);
    }
    /* one in four, 100, with a standard deviation of 9 */
    assert_in_range(answered, 60, 140);
    assert_true(counted(&l.w, VERDICT_LEAKED) > 9000);
    end_limits(&l);
}

/* Row A11, through rules and limit: a client of a rule with kod is told, others are not. */
static void test_a11_who_is_told(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        unsigned mode;
        bool told;
    } cases[] = {{ACCESS_LIMITED | ACCESS_KOD, WIRE_MODE_CLIENT, true},
                 {ACCESS_LIMITED, WIRE_MODE_CLIENT, false},
                 {ACCESS_LIMITED | ACCESS_KOD, WIRE_MODE_ACTIVE, false}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct access_rule rule = {.family = AF_INET, .flags = (uint16_t)cases[i].flags};
        struct limits l;
        begin_limits(&l, &rule, 1, 0);
        union address from = v4(0x0a000001, 4000);
        uint8_t first = (uint8_t)(4 << 3 | cases[i].mode);
        for (int k = 0; k < 20; k++)
            assert_int_equal(ask_as(&l, &from, first, 48), WIRE_SIZE);
        assert_int_equal(ask_as(&l, &from, first, 100), cases[i].told ? WIRE_SIZE : 0);
        if (cases[i].told) {
            struct ntp_packet p;
            assert_false(l.w.handler.timely); /* there is no time in it */
            wire_decode(l.w.out, &p);
            assert_true(p.leap == 3 && p.stratum == 0 && p.mode == WIRE_MODE_SERVER);
            assert_int_equal(p.refid, SNAPSHOT_REFID('R', 'A', 'T', 'E'));
            assert_true(p.origin == UINT64_C(0x7777777777777777));
        }
        assert_int_equal(ask_as(&l, &from, first, 48), 0);
        assert_int_equal(counted(&l.w, VERDICT_KOD), cases[i].told);
        assert_int_equal(counted(&l.w, VERDICT_LIMITED), cases[i].told ? 1 : 2);
        end_limits(&l);
    }
}

/* Row A14: of a storm of junk each datagram is in one counter, and its kind is known. */
static void test_a14_counters_of_a_storm(void **state)
{
    (void)state;
    struct limits l;
    struct rng rng = rng_seeded(14, 1);
    enum { STORM = 100000 };
    begin_limits(&l, NULL, 0, RATELIMIT_LEAK);
    uint64_t sent[8] = {0}, total = 0, empty = 0;
    for (int i = 0; i < STORM; i++) {
        union address from = v4(0x0a000000 + (uint32_t)(rng_u64(&rng) % 500), 4000);
        uint8_t first = (uint8_t)rng_u64(&rng);
        size_t size = rng_u64(&rng) % 100;
        ask_as(&l, &from, first, size);
        sent[first & 7] += size > 0;
        empty += !size;
    }
    for (int v = 0; v < VERDICT_COUNT; v++)
        total += counted(&l.w, (enum verdict)v);
    assert_int_equal(total, STORM);
    uint64_t kinds = empty;
    for (int i = 0; i < 8; i++) {
        assert_int_equal(atomic_load(&l.w.handler.tally.mode[i]), sent[i]);
        kinds += atomic_load(&l.w.handler.tally.version[i]);
    }
    assert_int_equal(kinds, STORM);
    end_limits(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_rules_refuse),
        cmocka_unit_test(test_flake_and_new_rules),
        cmocka_unit_test(test_a3_no_amplification),
        cmocka_unit_test(test_a4_no_ping_pong),
        cmocka_unit_test(test_a10_one_source_and_a_million),
        cmocka_unit_test(test_a10_a_spoofed_victim),
        cmocka_unit_test(test_a11_who_is_told),
        cmocka_unit_test(test_a14_counters_of_a_storm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
