/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/rng.h"
#include "server/access/ratelimit.h"
#include "server/ntp/wire.h"

#define START  (INT64_C(1795521600) * NS_PER_S)
#define SECOND NS_PER_S

struct world {
    struct ratelimit *table;
    int64_t now;
};

static struct ratelimit_config standard(void)
{
    return (struct ratelimit_config)RATELIMIT_DEFAULTS;
}

static void begin(struct world *w, const struct ratelimit_config *config)
{
    static const uint8_t key[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    struct err err;
    w->now = START;
    assert_int_equal(ratelimit_open(&w->table, config, key, &err), 0);
    ratelimit_now(w->table, w->now);
}

/* The usual table, but nobody over the limit is answered by chance. */
static void begin_strict(struct world *w)
{
    struct ratelimit_config config = standard();
    config.leak = 0;
    begin(w, &config);
}

static void wait(struct world *w, int64_t ns)
{
    w->now += ns;
    ratelimit_now(w->table, w->now);
}

static union address address(const char *text, unsigned port)
{
    union address a = {.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    void *to = a.any.sa_family == AF_INET ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr;
    assert_int_equal(inet_pton(a.any.sa_family, text, to), 1);
    address_set_port(&a, (uint16_t)port);
    return a;
}

static enum ratelimit_verdict take(struct world *w, const union address *from, bool kod)
{
    struct ratelimit_place place;
    ratelimit_place(w->table, from, &place);
    struct ratelimit_request q = {.place = &place,
                                  .port = address_port(from),
                                  .mode = WIRE_MODE_CLIENT,
                                  .version = 4,
                                  .limited = true,
                                  .kod = kod};
    return ratelimit_take(w->table, &q);
}

/* How many of `count` requests, `gap` apart, pass. */
static int passing(struct world *w, const char *text, int count, int64_t gap)
{
    union address from = address(text, 4000);
    int passed = 0;
    for (int i = 0; i < count; i++) {
        passed += take(w, &from, false) == RATELIMIT_PASS;
        wait(w, gap);
    }
    return passed;
}

static void siphash_vectors(void **state)
{
    (void)state;
    /* message 00..07 from the paper's reference, the others by OpenSSL's SipHash */
    const struct siphash_key a = {{UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)}};
    const struct siphash_key b = {{UINT64_C(0x8796a5b4c3d2e1f0), UINT64_C(0x0f1e2d3c4b5a6978)}};
    const uint64_t ascending = UINT64_C(0x0706050403020100);
    assert_true(siphash_word(&a, ascending) == UINT64_C(0x93f5f5799a932462));
    assert_true(siphash_word(&a, 0) == UINT64_C(0x39d3851ca07681a7));
    assert_true(siphash_word(&a, UINT64_MAX) == UINT64_C(0x2a68ff30a3d9da34));
    assert_true(siphash_word(&a, UINT64_C(0x89abcdef12345678)) == UINT64_C(0x13f20811a0ab7c8c));
    assert_true(siphash_word(&b, ascending) == UINT64_C(0x6cae3d238246e66b));
}

static void who_behaves_passes(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    for (int hour = 0; hour < 6; hour++) { /* a pool monitor, every 9 min at most */
        assert_int_equal(passing(&w, "192.0.2.1", 3, 2 * SECOND), 3);
        wait(&w, 30 * SECOND);
    }
    assert_int_equal(passing(&w, "192.0.2.2", 8, 2 * SECOND), 8);   /* iburst */
    assert_int_equal(passing(&w, "192.0.2.3", 8, SECOND / 100), 8); /* rdate, ntpdate */
    assert_int_equal(passing(&w, "192.0.2.4", 20, 0), 20);          /* carrier's NAT */
    assert_int_equal(passing(&w, "192.0.2.5", 1000, SECOND), 1000);
    assert_int_equal(passing(&w, "2001:db8::5", 1000, SECOND), 1000);
    ratelimit_free(w.table);
}

static void who_does_not_gets_the_average(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    /* 100 s of 100 requests a second: the burst, and then one a second */
    assert_in_range(passing(&w, "192.0.2.1", 10000, SECOND / 100), 118, 121);
    assert_int_equal(passing(&w, "192.0.2.2", 5, SECOND), 5);
    wait(&w, 5 * SECOND); /* 10 s have passed: as many tokens have come back */
    assert_in_range(passing(&w, "192.0.2.1", 100, 0), 9, 11);
    ratelimit_free(w.table);
}

static void ports_are_not_clients(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    int passed = 0;
    for (unsigned port = 1; port <= 1000; port++) {
        union address from = address("192.0.2.1", port);
        passed += take(&w, &from, false) == RATELIMIT_PASS;
    }
    assert_int_equal(passed, 20);
    ratelimit_free(w.table);
}

static void a10_one_64_and_one_48(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    int passed = 0, others = 0;
    union address from = address("2001:db8:1:2::", 4000);
    for (unsigned i = 0; i < 1000; i++) { /* 1000 addresses in one /64 */
        from.v6.sin6_addr.s6_addr[15] = (uint8_t)i;
        from.v6.sin6_addr.s6_addr[14] = (uint8_t)(i >> 8);
        passed += take(&w, &from, false) == RATELIMIT_PASS;
    }
    assert_int_equal(passed, 20);
    for (unsigned i = 0; i < 1000; i++) { /* 1000 networks in its /48 */
        from.v6.sin6_addr.s6_addr[7] = (uint8_t)i;
        from.v6.sin6_addr.s6_addr[6] = (uint8_t)(0x10 | i >> 8);
        others += take(&w, &from, false) == RATELIMIT_PASS;
    }
    assert_int_equal(passed + others, 20 * RATELIMIT_SITE);
    from = address("2001:db8:2::1", 4000); /* another /48 */
    assert_int_equal(take(&w, &from, false), RATELIMIT_PASS);
    ratelimit_free(w.table);
}

/* Who may ask as he likes takes nothing from the others of his /48. */
static void who_is_not_limited(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    union address own = address("2001:db8:1:1::1", 4000), other = address("2001:db8:1:2::1", 4000);
    struct ratelimit_place place;
    ratelimit_place(w.table, &own, &place);
    struct ratelimit_request q = {.place = &place, .mode = WIRE_MODE_CLIENT, .version = 4};
    for (int i = 0; i < 5000; i++)
        assert_int_equal(ratelimit_take(w.table, &q), RATELIMIT_PASS);
    for (int i = 0; i < 20; i++)
        assert_int_equal(take(&w, &other, false), RATELIMIT_PASS);
    struct ratelimit_client c;
    assert_int_equal(ratelimit_list(w.table, RATELIMIT_BUSIEST, &c, 0, 1), 1);
    assert_true(c.prefix == 48 && c.count == 5020 && c.dropped == 0);
    ratelimit_free(w.table);
}

static void as_ntpds_discard_says(void **state)
{
    (void)state;
    struct world w;
    struct ratelimit_config config = standard();
    config.leak = 0;
    config.average = 8; /* discard average 3 minimum 2, ntpd's own */
    config.burst = 8;
    config.minimum = 2;
    begin(&w, &config);
    assert_int_equal(passing(&w, "192.0.2.1", 8, 2 * SECOND), 8);
    assert_int_equal(passing(&w, "192.0.2.2", 8, SECOND * 16 / 10), 8); /* seconds are rounded */
    assert_int_equal(passing(&w, "192.0.2.3", 8, SECOND), 1);
    assert_int_equal(passing(&w, "192.0.2.4", 100, 8 * SECOND), 100);
    assert_in_range(passing(&w, "192.0.2.5", 400, 2 * SECOND), 106, 110);
    ratelimit_free(w.table);
}

/* What is out of range is taken back into it, and nothing overflows. */
static void odd_configurations(void **state)
{
    (void)state;
    static const struct ratelimit_config odd[] = {
        {.average = 0, .burst = 0, .minimum = -1, .kod = 0, .leak = -1, .clients = -1},
        {.average = 1e300, .burst = 255, .minimum = 1e300, .kod = 9999, .leak = 1, .clients = 5},
        {.average = 0.0 / 1e-300, .burst = INT64_MAX, .clients = 0},
        {.average = 131072, .burst = 8, .clients = 100},
    };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct world w;
        begin(&w, &odd[i]);
        assert_true(passing(&w, "192.0.2.1", 3, SECOND) >= 1);
        assert_true(passing(&w, "2001:db8::1", 3, 0) >= 1);
        ratelimit_free(w.table);
    }
}

static void a11_kisses_are_rare(void **state)
{
    (void)state;
    struct world w;
    struct ratelimit_config config = standard();
    config.leak = 0;
    begin(&w, &config);
    union address from = address("192.0.2.1", 4000);
    int kisses = 0, over = 0;
    for (int i = 0; i < 400; i++) { /* 200 s of two a second, of which every other is dropped */
        kisses += take(&w, &from, true) == RATELIMIT_KISS;
        wait(&w, SECOND / 2);
    }
    assert_in_range(kisses, 11, 16); /* one in 8 s, after 64 dropped in 16 s */
    wait(&w, 60 * SECOND);
    kisses = 0;
    for (int i = 0; i < 500000; i++) { /* 500 s of a thousand a second */
        enum ratelimit_verdict v = take(&w, &from, true);
        kisses += v == RATELIMIT_KISS;
        over += v == RATELIMIT_OVER;
        assert_int_not_equal(v, RATELIMIT_LEAKED);
        wait(&w, SECOND / 1000);
    }
    assert_in_range(kisses, 2, 3); /* one in 250 s */
    assert_true(over > 499000);
    for (int i = 0; i < 1000; i++)
        assert_int_not_equal(take(&w, &from, false), RATELIMIT_KISS); /* a rule without kod */
    ratelimit_free(w.table);
}

/* Somebody sends 10000 requests a second in a client's name; it asks now and then. */
static void a10_a_spoofed_victim_is_not_muted(void **state)
{
    (void)state;
    struct world w;
    struct ratelimit_config config = standard();
    begin(&w, &config);
    union address from = address("192.0.2.1", 123);
    int answers = 0;
    const int asked = 2000;
    for (int i = 0; i < asked; i++) {
        for (int k = 0; k < 50; k++) {
            wait(&w, SECOND / 10000);
            take(&w, &from, true);
        }
        enum ratelimit_verdict v = take(&w, &from, true);
        answers += v == RATELIMIT_PASS || v == RATELIMIT_LEAKED;
    }
    /* one in four, 500, with a standard deviation of 19 */
    assert_in_range(answers, asked / 4 - 100, asked / 4 + 100);
    ratelimit_free(w.table);
}

static void set_v4(union address *a, uint32_t host)
{
    a->v4.sin_addr.s_addr = htonl(host);
}

/* A flood of a million addresses against a table of 65536: who asks too often stays limited, who
 * behaves passes, and the table is as large as it was. */
static void a10_a_million_spoofed_sources(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    union address noisy = address("192.0.2.1", 4000), good = address("192.0.2.2", 4000),
                  forged = address("198.18.0.0", 4000);
    size_t size = ratelimit_size(w.table);
    assert_int_equal(size, RATELIMIT_CLIENTS * RATELIMIT_ENTRY);
    int noisy_passed = 0;
    for (uint32_t i = 0; i < 1000000; i++) { /* 100 s */
        set_v4(&forged, 0x0b000000 + i * 7);
        take(&w, &forged, false);
        if (i % 100 == 0)
            noisy_passed += take(&w, &noisy, false) == RATELIMIT_PASS;
        if (i % 40000 == 0)
            assert_int_equal(take(&w, &good, false), RATELIMIT_PASS);
        wait(&w, SECOND / 10000);
    }
    assert_in_range(noisy_passed, 118, 122);
    assert_int_equal(ratelimit_size(w.table), size);
    ratelimit_free(w.table);
}

static void a_clock_that_is_set(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    assert_int_equal(passing(&w, "192.0.2.1", 40, 0), 20);
    wait(&w, -86400 * SECOND);
    assert_int_equal(passing(&w, "192.0.2.1", 10, 0), 0);
    wait(&w, 5 * SECOND);
    assert_int_equal(passing(&w, "192.0.2.1", 10, 0), 5);
    struct ratelimit_client c;
    assert_int_equal(ratelimit_list(w.table, RATELIMIT_NEWEST, &c, 0, 1), 1);
    assert_true(c.last == w.now);
    ratelimit_free(w.table);
}

static void years_later(void **state)
{
    (void)state;
    struct world w;
    begin_strict(&w);
    for (int year = 0; year < 30; year++) {
        assert_int_equal(passing(&w, "192.0.2.1", 40, 0), 20);
        wait(&w, 365 * 86400 * SECOND);
    }
    struct ratelimit_client c;
    assert_int_equal(ratelimit_list(w.table, RATELIMIT_NEWEST, &c, 0, 1), 1);
    assert_true(c.first == START && c.last == w.now - 365 * 86400 * SECOND);
    ratelimit_free(w.table);
}

static void lists_of_several_tables(void **state)
{
    (void)state;
    struct world w[2];
    begin_strict(&w[0]);
    begin_strict(&w[1]);
    for (int i = 1; i <= 9; i++) {
        union address a = address("192.0.2.0", 4000);
        set_v4(&a, 0xc0000200 + (uint32_t)i);
        for (int k = 0; k < 3 * i; k++)
            take(&w[i & 1], &a, true);
        wait(&w[0], SECOND);
        wait(&w[1], SECOND);
    }
    union address v6 = address("2001:db8:1:2::77", 123);
    take(&w[1], &v6, true);
    struct ratelimit_client list[6];
    size_t count = ratelimit_list(w[0].table, RATELIMIT_NEWEST, list, 0, 6);
    count = ratelimit_list(w[1].table, RATELIMIT_NEWEST, list, count, 6);
    assert_int_equal(count, 6);
    char text[INET6_ADDRSTRLEN];
    assert_string_equal(address_text(&list[0].address, text, sizeof text), "2001:db8:1:2::");
    assert_int_equal(list[0].prefix, 64);
    assert_int_equal(address_port(&list[0].address), 123);
    assert_string_equal(address_text(&list[1].address, text, sizeof text), "192.0.2.9");
    assert_int_equal(list[1].count, 27);
    assert_int_equal(list[1].dropped, 7);
    assert_true(list[1].limited && !list[1].kod && list[1].last == START + 8 * SECOND);
    assert_int_equal(list[1].mode, WIRE_MODE_CLIENT);
    assert_int_equal(list[1].version, 4);
    assert_string_equal(address_text(&list[5].address, text, sizeof text), "192.0.2.5");
    count = ratelimit_list(w[0].table, RATELIMIT_BUSIEST, list, 0, 6);
    assert_int_equal(ratelimit_list(w[1].table, RATELIMIT_BUSIEST, list, count, 6), 6);
    assert_int_equal(list[0].count, 27);
    assert_int_equal(list[5].count, 12);
    ratelimit_free(w[0].table);
    ratelimit_free(w[1].table);
}

/* One thread writes, in a table of four places for a thousand clients, whose port and version are
 * made of the address; another reads. */
struct race {
    struct world w;
    atomic_bool end;
};

static void *write_on(void *arg)
{
    struct race *race = arg;
    struct rng rng = rng_seeded(1, 1);
    while (!atomic_load(&race->end)) {
        uint32_t host = 0x0a000000 + (uint32_t)(rng_u64(&rng) % 1000);
        union address a = address("10.0.0.0", host % 1000 + 1);
        set_v4(&a, host);
        struct ratelimit_place place;
        ratelimit_place(race->w.table, &a, &place);
        struct ratelimit_request q = {.place = &place,
                                      .port = address_port(&a),
                                      .mode = WIRE_MODE_CLIENT,
                                      .version = host % 8};
        ratelimit_take(race->w.table, &q);
    }
    return NULL;
}

static void a_reader_sees_no_mixture(void **state)
{
    (void)state;
    struct race race = {.end = false};
    struct ratelimit_config config = standard();
    config.clients = 4;
    begin(&race.w, &config);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, write_on, &race), 0);
    int seen = 0;
    for (long tries = 0; seen < 20000 && tries < 100000000; tries++) {
        struct ratelimit_client list[4];
        size_t count = ratelimit_list(race.w.table, RATELIMIT_NEWEST, list, 0, 4);
        for (size_t i = 0; i < count; i++, seen++) {
            uint32_t host = ntohl(list[i].address.v4.sin_addr.s_addr);
            assert_int_equal(address_port(&list[i].address), host % 1000 + 1);
            assert_int_equal(list[i].version, host % 8);
        }
    }
    atomic_store(&race.end, true);
    pthread_join(thread, NULL);
    assert_true(seen >= 20000);
    ratelimit_free(race.w.table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_vectors),
        cmocka_unit_test(who_behaves_passes),
        cmocka_unit_test(who_does_not_gets_the_average),
        cmocka_unit_test(ports_are_not_clients),
        cmocka_unit_test(a10_one_64_and_one_48),
        cmocka_unit_test(who_is_not_limited),
        cmocka_unit_test(as_ntpds_discard_says),
        cmocka_unit_test(odd_configurations),
        cmocka_unit_test(a11_kisses_are_rare),
        cmocka_unit_test(a10_a_spoofed_victim_is_not_muted),
        cmocka_unit_test(a10_a_million_spoofed_sources),
        cmocka_unit_test(a_clock_that_is_set),
        cmocka_unit_test(years_later),
        cmocka_unit_test(lists_of_several_tables),
        cmocka_unit_test(a_reader_sees_no_mixture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
