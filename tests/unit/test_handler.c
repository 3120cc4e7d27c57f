/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/rng.h"
#include "server/responder/handler.h"
#include "server/reply.h"

#define START (INT64_C(1795521600) * NS_PER_S)

/* A clock that shows what it is told; it can publish while it is being read. */
struct told_clock {
    struct clock clock;
    int64_t shows;
    struct snapshot_latch *latch;
    const struct snapshot *publish;
};

static int64_t told_now(struct clock *c)
{
    struct told_clock *t = (struct told_clock *)c;
    if (t->publish)
        snapshot_publish(t->latch, t->publish);
    t->publish = NULL;
    return t->shows;
}

static const struct clock_ops told_ops = {.name = "told", .now = told_now};

struct world {
    struct snapshot_latch latch;
    struct told_clock clock;
    struct handler handler;
    struct snapshot snapshot;
    uint8_t out[REPLY_SIZE];
};

static void begin(struct world *w)
{
    *w = (struct world){.clock = {.clock.ops = &told_ops, .shows = START}};
    snapshot_latch_init(&w->latch);
    w->clock.latch = &w->latch;
    w->snapshot = (struct snapshot){
        .reference = START - NS_PER_S / 4,
        .total = 1e-5,
        .refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
        .reftime = START - NS_PER_S / 4,
        .stratum = 1,
        .precision = -20,
        .locked_once = true,
    };
    snapshot_publish(&w->latch, &w->snapshot);
    handler_init(&w->handler, &w->latch, &w->clock.clock);
}

/* One request that came `age` ns before the present reading. Returns the answer's size. */
static size_t request(struct world *w, int64_t age)
{
    static const uint8_t bytes[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    struct datagram d = {.bytes = bytes, .size = sizeof bytes, .received = w->clock.shows - age};
    handler_look(&w->handler);
    return handler_answer(&w->handler, &d, w->out);
}

static uint64_t counted(const struct world *w, enum verdict v)
{
    return atomic_load(&w->handler.tally.verdict[v]);
}

static void test_answers_and_counts(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    struct ntp_packet p;
    wire_decode(w.out, &p);
    assert_true(p.transmit == (civil_to_ntp(START) & ~UINT64_C(1)));
    assert_true(p.receive == (civil_to_ntp(START - 1000) | 1));
    assert_int_equal(counted(&w, VERDICT_ANSWERED), 1);
    struct datagram empty = {.bytes = (const uint8_t *)"", .received = START};
    assert_int_equal(handler_answer(&w.handler, &empty, w.out), 0);
    assert_int_equal(counted(&w, VERDICT_SHORT), 1);
}

/* The reading before an answer leaves is the one that counts, and nothing else of it changes. */
static void test_stamped_anew(void **state)
{
    (void)state;
    struct world w;
    struct ntp_packet p;
    uint8_t before[WIRE_SIZE];
    static const uint8_t bytes[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    struct datagram d = {.bytes = bytes, .size = sizeof bytes, .received = START - 1000};
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    assert_true(w.handler.timely);
    memcpy(before, w.out, sizeof before);
    w.clock.shows += 5000;
    assert_true(handler_reread(&w.handler));
    w.handler.ahead = 700;
    handler_restamp(&w.handler, &d, w.out);
    wire_decode(w.out, &p);
    assert_true(p.transmit == (civil_to_ntp(START + 5700) & ~UINT64_C(1)));
    assert_memory_equal(before, w.out, WIRE_TRANSMIT);
}

/* As when there is next to no time between them, or a rate turns them around. */
static void test_stamped_anew_not_before_it_came(void **state)
{
    (void)state;
    struct world w;
    struct ntp_packet p;
    begin(&w);
    assert_int_equal(request(&w, 0), WIRE_SIZE);
    for (int64_t reading = START - 3; reading < START + 2; reading++) {
        reply_restamp(&w.handler.snapshot, reading, w.out);
        wire_decode(w.out, &p);
        assert_true(p.receive == (civil_to_ntp(START) | 1));
        assert_true(p.transmit > p.receive && !(p.transmit & 1));
    }
}

/* A step may have been made between what was published and the reading: it is not used. */
static void test_a15_a_step_before_it_leaves(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    struct snapshot announced = w.snapshot;
    announced.transition = true;
    w.clock.publish = &announced; /* while the clock is read */
    w.clock.shows += 3600 * NS_PER_S;
    assert_false(handler_reread(&w.handler));
    assert_true(w.handler.now == START);
    assert_int_equal(request(&w, 1000), 0);
    assert_false(w.handler.timely);
}

static void test_stamps_of_unknown_generation(void **state)
{
    (void)state;
    static const struct {
        int64_t age;
        size_t answer;
    } cases[] = {{0, WIRE_SIZE}, {1000000000, WIRE_SIZE}, {1000000001, 0},
                 {-1, 0},        {-3600 * NS_PER_S, 0},   {3600 * NS_PER_S, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        begin(&w);
        w.snapshot.reference = START - 2 * NS_PER_S;
        snapshot_publish(&w.latch, &w.snapshot);
        assert_int_equal(request(&w, cases[i].age), cases[i].answer);
        assert_int_equal(counted(&w, VERDICT_GENERATION), cases[i].answer ? 0 : 1);
    }
}

static void test_a15_no_answer_while_stepping(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    w.snapshot.transition = true;
    snapshot_publish(&w.latch, &w.snapshot);
    assert_int_equal(request(&w, 1000), 0);
    assert_int_equal(counted(&w, VERDICT_STEP), 1);
}

/* The clock is stepped forward by 0.4 s while a request waits in the socket: its stamp looks just
 * 0.4 s old, but belongs to the old clock. */
static void test_a15_a_request_that_waited_through_a_step(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    int64_t arrived = w.clock.shows + 100;
    w.clock.shows += 400000000;
    w.snapshot.generation++;
    w.snapshot.reference = w.clock.shows;
    snapshot_publish(&w.latch, &w.snapshot);
    w.clock.shows += 1000;
    assert_int_equal(request(&w, w.clock.shows - arrived), 0);
    assert_int_equal(counted(&w, VERDICT_GENERATION), 1);
    assert_int_equal(request(&w, 500), WIRE_SIZE);
}

/* The step happens between the reading of the snapshot and that of the clock, or just after. */
static void test_a15_a_step_while_looking(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    struct snapshot moving = w.snapshot, moved = w.snapshot;
    moving.transition = true;
    moved.generation++;
    moved.reference = START;
    w.clock.publish = &moving;
    assert_int_equal(request(&w, 0), 0);
    assert_int_equal(counted(&w, VERDICT_STEP), 1);
    snapshot_publish(&w.latch, &w.snapshot);
    w.clock.publish = &moved;
    assert_int_equal(request(&w, 0), 0);
    assert_int_equal(counted(&w, VERDICT_GENERATION), 1);
    assert_int_equal(request(&w, 0), WIRE_SIZE);
    /* a step that was announced when looking began, whatever became of it */
    moving.generation = moved.generation;
    snapshot_publish(&w.latch, &moving);
    w.clock.publish = &moved;
    assert_int_equal(request(&w, 0), 0);
    assert_int_equal(counted(&w, VERDICT_GENERATION), 2);
}

static void test_two_handlers_share_nothing(void **state)
{
    (void)state;
    struct world a, b;
    begin(&a);
    begin(&b);
    assert_int_equal(request(&a, 0), WIRE_SIZE);
    assert_int_equal(counted(&a, VERDICT_ANSWERED), 1);
    assert_int_equal(counted(&b, VERDICT_ANSWERED), 0);
}

/* ---- rules and limits ---- */

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
        cmocka_unit_test(test_answers_and_counts),
        cmocka_unit_test(test_stamped_anew),
        cmocka_unit_test(test_stamped_anew_not_before_it_came),
        cmocka_unit_test(test_a15_a_step_before_it_leaves),
        cmocka_unit_test(test_stamps_of_unknown_generation),
        cmocka_unit_test(test_a15_no_answer_while_stepping),
        cmocka_unit_test(test_a15_a_request_that_waited_through_a_step),
        cmocka_unit_test(test_a15_a_step_while_looking),
        cmocka_unit_test(test_two_handlers_share_nothing),
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
