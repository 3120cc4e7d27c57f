/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One association against a server made of bytes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/snapshot.h"
#include "server/ntp/exchange.h"

#define START  (INT64_C(1795500000) * NS_PER_S)
#define MS     INT64_C(1000000)
#define OUT    (10 * MS) /* delays of the path */
#define BACK   (12 * MS)
#define THERE  (1 * MS)
#define BEHIND (5 * MS) /* our clock */

/* A server that keeps when it last sent, for interleaved mode. */
struct server {
    struct ntp_packet header; /* what the answers say */
    uint64_t received;        /* of the last request */
    int64_t sent;             /* true time of the last answer */
};

struct world {
    struct exchange x;
    struct server server;
    struct rng rng;
    int64_t local; /* our clock */
    uint8_t request[WIRE_SIZE], answer[WIRE_SIZE];
    struct exchange_sample sample;
    char code[5];
    const uint32_t *own;
    size_t own_count;
    const struct key *key;
};

static struct world world(bool xleave)
{
    struct world w = {.rng = rng_seeded(1, 2), .local = START};
    exchange_init(&w.x, 4, xleave);
    w.server.header = (struct ntp_packet){
        .version = 4,
        .mode = WIRE_MODE_SERVER,
        .stratum = 1,
        .precision = -20,
        .root_delay = 0x100,
        .root_dispersion = 0x80,
        .refid = SNAPSHOT_REFID('G', 'P', 'S', 0),
        .reftime = civil_to_ntp(START - 8 * NS_PER_S),
    };
    return w;
}

/* Sends a request, and makes the answer that the server gives to it. */
static void ask(struct world *w)
{
    struct ntp_packet q, p = w->server.header;
    exchange_request(&w->x, &w->rng, 6, w->local, w->request);
    wire_decode(w->request, &q);
    int64_t reached = w->local + BEHIND + OUT, back = reached + THERE;
    bool interleaved = q.origin && q.origin == w->server.received;
    p.origin = interleaved ? q.receive : q.transmit;
    p.receive = civil_to_ntp(reached);
    p.transmit = civil_to_ntp(interleaved ? w->server.sent : back);
    w->server.received = p.receive;
    w->server.sent = back;
    wire_encode(&p, w->answer);
}

static enum exchange_verdict hear_bytes(struct world *w, const uint8_t *bytes, size_t size)
{
    struct exchange_answer a = {
        .bytes = bytes,
        .size = size,
        .local = w->local + OUT + THERE + BACK,
        .pivot = START,
        .own = w->own,
        .own_count = w->own_count,
        .precision = 1e-6,
        .key = w->key,
    };
    return exchange_answer(&w->x, &a, &w->sample, w->code);
}

static enum exchange_verdict hear(struct world *w)
{
    return hear_bytes(w, w->answer, WIRE_SIZE);
}

/* Changes the answer's header on its way. */
static enum exchange_verdict hear_with(struct world *w, void (*change)(struct ntp_packet *))
{
    struct ntp_packet p;
    ask(w);
    wire_decode(w->answer, &p);
    change(&p);
    wire_encode(&p, w->answer);
    return hear(w);
}

static double offset(const struct exchange_sample *s)
{
    return (double)(s->truth - s->local) * 1e-9;
}

static void an_exchange_measures_offset_and_delay(void **state)
{
    (void)state;
    struct world w = world(false);
    ask(&w);
    assert_int_equal(hear(&w), EXCHANGE_MEASURED);
    assert_true(fabs(offset(&w.sample) - 4e-3) < 1e-8); /* 5 ms less half the asymmetry */
    assert_true(fabs(w.sample.delay - 22e-3) < 1e-8);
    assert_int_equal(w.sample.stratum, 1);
    assert_false(w.sample.interleaved);
    assert_true(fabs(w.sample.root_delay - 1.0 / 256) < 1e-9);
}

static void a_request_tells_nothing_of_us(void **state)
{
    (void)state;
    struct world w = world(false);
    struct ntp_packet first, second;
    ask(&w);
    wire_decode(w.request, &first);
    ask(&w);
    wire_decode(w.request, &second);
    assert_true(first.transmit != second.transmit);
    assert_true(llabs((int64_t)(first.transmit - civil_to_ntp(w.local))) > INT64_C(1) << 32);
    assert_int_equal(first.reftime | first.origin | first.receive, 0);
    assert_int_equal(first.stratum | first.leap | first.precision, 0);
    assert_int_equal(first.refid | first.root_delay | first.root_dispersion, 0);
}

static void interleaved_answers_use_the_stamps_of_the_exchange_before(void **state)
{
    (void)state;
    struct world w = world(true);
    ask(&w);
    assert_int_equal(hear(&w), EXCHANGE_MEASURED);
    assert_false(w.sample.interleaved);
    int64_t first = w.sample.local;
    w.local += 64 * NS_PER_S;
    ask(&w);
    assert_int_equal(hear(&w), EXCHANGE_MEASURED);
    assert_true(w.sample.interleaved);
    assert_true(w.sample.local == first);
    assert_true(fabs(offset(&w.sample) - 4e-3) < 1e-8);
    /* a lost answer: basic again, then interleaved */
    w.local += 64 * NS_PER_S;
    ask(&w);
    w.local += 64 * NS_PER_S;
    ask(&w);
    assert_int_equal(hear(&w), EXCHANGE_MEASURED);
    assert_false(w.sample.interleaved);
}

static void the_kernels_transmit_stamp_is_better(void **state)
{
    (void)state;
    struct world w = world(false);
    ask(&w);
    exchange_left(&w.x, w.local + MS);
    assert_int_equal(hear(&w), EXCHANGE_MEASURED);
    assert_true(fabs(w.sample.delay - 21e-3) < 1e-8);
}

static void zero_origin(struct ntp_packet *p)
{
    p->origin = 0;
}

static void b1_an_answer_with_origin_zero_is_rejected(void **state)
{
    (void)state;
    struct world w = world(false);
    assert_int_equal(hear_with(&w, zero_origin), EXCHANGE_BOGUS);
    /* also before anything was asked */
    struct world idle = world(false);
    struct ntp_packet p = idle.server.header;
    wire_encode(&p, idle.answer);
    assert_int_equal(hear(&idle), EXCHANGE_BOGUS);
}

static void kiss_rate(struct ntp_packet *p)
{
    p->stratum = 0;
    p->leap = 3;
    p->refid = SNAPSHOT_REFID('R', 'A', 'T', 'E');
}

static void kiss_deny(struct ntp_packet *p)
{
    p->stratum = 0;
    p->refid = SNAPSHOT_REFID('D', 'E', 'N', 'Y');
}

static void spoofed_kiss(struct ntp_packet *p)
{
    kiss_deny(p);
    p->origin ^= 1;
}

static void zero_kiss(struct ntp_packet *p)
{
    kiss_deny(p);
    p->origin = 0;
}

static void strange_kiss(struct ntp_packet *p)
{
    p->stratum = 0;
    p->refid = SNAPSHOT_REFID('%', 'n', 10, 27);
}

static void b2_only_a_kiss_with_our_origin_counts(void **state)
{
    (void)state;
    struct world w = world(false);
    assert_int_equal(hear_with(&w, spoofed_kiss), EXCHANGE_BOGUS);
    assert_int_equal(hear_with(&w, zero_kiss), EXCHANGE_BOGUS);
    assert_int_equal(hear_with(&w, kiss_rate), EXCHANGE_KISS_RATE);
    assert_int_equal(hear_with(&w, kiss_deny), EXCHANGE_KISS_DENY);
    assert_string_equal(w.code, "DENY");
    assert_int_equal(hear_with(&w, strange_kiss), EXCHANGE_KISS_OTHER);
    assert_string_equal(w.code, ".n..");
}

static void b3_the_same_answer_twice_counts_once(void **state)
{
    (void)state;
    struct world w = world(true);
    uint8_t old[WIRE_SIZE];
    ask(&w);
    assert_int_equal(hear(&w), EXCHANGE_MEASURED);
    assert_int_equal(hear(&w), EXCHANGE_DUPLICATE);
    memcpy(old, w.answer, sizeof old);
    w.local += 64 * NS_PER_S;
    ask(&w);
    assert_int_equal(hear_bytes(&w, old, sizeof old), EXCHANGE_DUPLICATE);
    assert_int_equal(hear(&w), EXCHANGE_MEASURED); /* the association lives on, interleaved */
    assert_true(w.sample.interleaved);
    assert_int_equal(hear(&w), EXCHANGE_DUPLICATE);
}

static void other_origin(struct ntp_packet *p)
{
    p->origin += 1;
}

static void b4_off_path_answers_do_not_know_the_origin(void **state)
{
    (void)state;
    struct world w = world(false);
    assert_int_equal(hear_with(&w, other_origin), EXCHANGE_BOGUS);
    uint8_t right[WIRE_SIZE];
    ask(&w);
    memcpy(right, w.answer, sizeof right);
    w.answer[31] ^= 1;
    assert_int_equal(hear(&w), EXCHANGE_BOGUS);
    assert_int_equal(hear_bytes(&w, right, sizeof right), EXCHANGE_MEASURED);
}

static void stratum_2_of_us(struct ntp_packet *p)
{
    p->stratum = 2;
    p->refid = 0xc0000201;
}

static void b7_a_server_that_follows_us_is_rejected(void **state)
{
    (void)state;
    static const uint32_t own[] = {0x7f000001, 0xc0000201};
    struct world w = world(false);
    assert_int_equal(hear_with(&w, stratum_2_of_us), EXCHANGE_MEASURED);
    w.own = own;
    w.own_count = 2;
    assert_int_equal(hear_with(&w, stratum_2_of_us), EXCHANGE_LOOP);
}

static void no_stratum(struct ntp_packet *p)
{
    p->stratum = 0;
    p->refid = 0;
}
static void stratum_16(struct ntp_packet *p)
{
    p->stratum = 16;
}
static void alarm(struct ntp_packet *p)
{
    p->leap = 3;
}
static void far(struct ntp_packet *p)
{
    p->root_dispersion = 0x18000;
}
static void far_delay(struct ntp_packet *p)
{
    p->root_delay = 0xffffffff;
}
static void coarse(struct ntp_packet *p)
{
    p->precision = 127;
}
static void no_transmit(struct ntp_packet *p)
{
    p->transmit = 0;
}
static void backwards(struct ntp_packet *p)
{
    p->transmit = p->receive - 1000;
}
static void before_we_asked(struct ntp_packet *p)
{
    p->transmit += UINT64_C(1) << 32;
}
static void future(struct ntp_packet *p)
{
    p->reftime = p->transmit + (UINT64_C(5) << 32);
}

static void b8_servers_that_cannot_be_right_are_rejected(void **state)
{
    static const struct {
        void (*change)(struct ntp_packet *);
        enum exchange_verdict verdict;
    } rows[] = {
        {no_stratum, EXCHANGE_UNSYNCHRONISED}, {stratum_16, EXCHANGE_UNSYNCHRONISED},
        {alarm, EXCHANGE_UNSYNCHRONISED},      {far, EXCHANGE_DISTANCE},
        {far_delay, EXCHANGE_DISTANCE},        {coarse, EXCHANGE_HEADER},
        {no_transmit, EXCHANGE_HEADER},        {future, EXCHANGE_HEADER},
        {backwards, EXCHANGE_DELAY},           {before_we_asked, EXCHANGE_DELAY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct world w = world(false);
        assert_int_equal(hear_with(&w, rows[i].change), rows[i].verdict);
        ask(&w); /* and the next answer is taken */
        assert_int_equal(hear(&w), EXCHANGE_MEASURED);
    }
}

static void a_short_or_foreign_packet_changes_nothing(void **state)
{
    (void)state;
    struct world w = world(false);
    ask(&w);
    for (size_t size = 0; size < WIRE_SIZE; size++)
        assert_int_equal(hear_bytes(&w, w.answer, size), EXCHANGE_SHORT);
    w.answer[0] ^= 7;
    assert_int_equal(hear(&w), EXCHANGE_MODE);
    w.answer[0] ^= 7 ^ 8;
    assert_int_equal(hear(&w), EXCHANGE_MODE);
    w.answer[0] ^= 8;
    assert_int_equal(hear(&w), EXCHANGE_MEASURED);
}

static struct keys *two_keys(void)
{
    static const char text[] = "5 SHA256 ours\n6 SHA256 theirs\n7 SHA256 ours\n";
    struct keys_want want = {.path = "keys"};
    struct keys *k = NULL;
    assert_int_equal(keys_parse(&k, &want, text, sizeof text - 1, NULL), 0);
    return k;
}

static void a9_an_answer_that_is_not_signed_right_changes_nothing(void **state)
{
    (void)state;
    static const struct {
        uint32_t id;
        size_t size, flip;
        enum exchange_verdict verdict;
    } cases[] = {
        {5, WIRE_SIZE, 0, EXCHANGE_UNSIGNED},      {5, WIRE_SIZE + 4, 0, EXCHANGE_NAK},
        {6, WIRE_SIZE + 24, 0, EXCHANGE_KEY},      {7, WIRE_SIZE + 24, 0, EXCHANGE_KEY},
        {5, WIRE_SIZE + 20, 0, EXCHANGE_KEY},      {5, WIRE_SIZE + 12, 0, EXCHANGE_UNSIGNED},
        {5, WIRE_SIZE + 24, 71, EXCHANGE_KEY},     {5, WIRE_SIZE + 24, 4, EXCHANGE_KEY},
        {5, WIRE_SIZE + 23, 0, EXCHANGE_UNSIGNED},
    };
    struct keys *k = two_keys();
    struct world w = world(false);
    uint8_t bytes[WIRE_SIZE + 24];
    w.key = keys_find(k, 5);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ask(&w);
        memcpy(bytes, w.answer, WIRE_SIZE);
        keys_sign(keys_find(k, cases[i].id), bytes, WIRE_SIZE, 20);
        bytes[cases[i].flip] ^= cases[i].flip ? 1 : 0;
        struct exchange before = w.x;
        assert_int_equal(hear_bytes(&w, bytes, cases[i].size), cases[i].verdict);
        assert_memory_equal(&before, &w.x, sizeof before);
        /* the right one is still taken */
        memcpy(bytes, w.answer, WIRE_SIZE);
        size_t size = keys_sign(w.key, bytes, WIRE_SIZE, mac_size(&w.key->mac));
        assert_int_equal(hear_bytes(&w, bytes, size), EXCHANGE_MEASURED);
        assert_int_equal(hear_bytes(&w, bytes, size), EXCHANGE_DUPLICATE);
    }
    keys_free(k);
}

static void a9_a_kiss_without_the_signature_is_none(void **state)
{
    (void)state;
    struct keys *k = two_keys();
    struct world w = world(false);
    uint8_t bytes[WIRE_SIZE + 24];
    w.key = keys_find(k, 5);
    w.server.header.stratum = 0;
    w.server.header.refid = SNAPSHOT_REFID('D', 'E', 'N', 'Y');
    ask(&w);
    assert_int_equal(hear(&w), EXCHANGE_UNSIGNED);
    memcpy(bytes, w.answer, WIRE_SIZE);
    size_t size = keys_sign(w.key, bytes, WIRE_SIZE, 20);
    assert_int_equal(hear_bytes(&w, bytes, size), EXCHANGE_KISS_DENY);
    keys_free(k);
}

static void random_answers_never_measure(void **state)
{
    (void)state;
    struct world w = world(true);
    uint8_t bytes[96];
    ask(&w);
    for (int n = 0; n < 20000; n++) {
        for (size_t i = 0; i < sizeof bytes; i++)
            bytes[i] = (uint8_t)rng_u64(&w.rng);
        bytes[0] = 0x24;
        assert_int_equal(hear_bytes(&w, bytes, (size_t)n % sizeof bytes),
                         (size_t)n % sizeof bytes < WIRE_SIZE ? EXCHANGE_SHORT : EXCHANGE_BOGUS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_exchange_measures_offset_and_delay),
        cmocka_unit_test(a_request_tells_nothing_of_us),
        cmocka_unit_test(interleaved_answers_use_the_stamps_of_the_exchange_before),
        cmocka_unit_test(the_kernels_transmit_stamp_is_better),
        cmocka_unit_test(b1_an_answer_with_origin_zero_is_rejected),
        cmocka_unit_test(b2_only_a_kiss_with_our_origin_counts),
        cmocka_unit_test(b3_the_same_answer_twice_counts_once),
        cmocka_unit_test(b4_off_path_answers_do_not_know_the_origin),
        cmocka_unit_test(b7_a_server_that_follows_us_is_rejected),
        cmocka_unit_test(b8_servers_that_cannot_be_right_are_rejected),
        cmocka_unit_test(a_short_or_foreign_packet_changes_nothing),
        cmocka_unit_test(a9_an_answer_that_is_not_signed_right_changes_nothing),
        cmocka_unit_test(a9_a_kiss_without_the_signature_is_none),
        cmocka_unit_test(random_answers_never_measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
