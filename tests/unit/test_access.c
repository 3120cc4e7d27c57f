/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/rng.h"
#include "server/access/access.h"

static struct access_rule rule(const char *prefix, unsigned length, unsigned flags)
{
    struct access_rule r = {.length = (uint8_t)length, .flags = (uint16_t)flags};
    r.family = strchr(prefix, ':') ? AF_INET6 : AF_INET;
    assert_int_equal(inet_pton(r.family, prefix, r.prefix), 1);
    return r;
}

static union address address(const char *text, unsigned port)
{
    union address a = {.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    void *to = a.any.sa_family == AF_INET ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr;
    assert_int_equal(inet_pton(a.any.sa_family, text, to), 1);
    address_set_port(&a, (uint16_t)port);
    return a;
}

static struct access *built(const struct access_rule *rules, size_t count)
{
    struct access *a = NULL;
    struct err err;
    assert_int_equal(access_build(&a, rules, count, &err), 0);
    return a;
}

static unsigned flags(const struct access *a, const char *text, unsigned port)
{
    union address from = address(text, port);
    return access_of(a, &from);
}

static void without_a_rule(void **state)
{
    (void)state;
    struct access *a = built(NULL, 0);
    assert_int_equal(flags(a, "203.0.113.5", 4000), ACCESS_DEFAULT);
    assert_int_equal(flags(a, "2001:db8::1", 123), ACCESS_DEFAULT);
    assert_int_equal(flags(a, "127.0.0.1", 4000), 0);
    assert_int_equal(flags(a, "127.9.9.9", 4000), 0);
    assert_int_equal(flags(a, "::1", 4000), 0);
    assert_int_equal(flags(a, "::2", 4000), ACCESS_DEFAULT);
    union address other = {.any.sa_family = AF_UNSPEC};
    assert_int_equal(access_of(a, &other), ACCESS_IGNORE);
    access_free(a);
}

/* The lines of the pool's join page. */
static void a_pool_servers_lines(void **state)
{
    (void)state;
    const unsigned all = ACCESS_KOD | ACCESS_LIMITED | ACCESS_NOMODIFY | ACCESS_NOTRAP |
                         ACCESS_NOPEER | ACCESS_NOQUERY;
    const struct access_rule rules[] = {rule("0.0.0.0", 0, all), rule("::", 0, all),
                                        rule("127.0.0.1", 32, 0), rule("::1", 128, 0)};
    struct access *a = built(rules, 4);
    assert_int_equal(flags(a, "203.0.113.5", 4000), all);
    assert_int_equal(flags(a, "127.0.0.1", 4000), 0);
    assert_int_equal(flags(a, "127.0.0.2", 4000),
                     all); /* `default` replaces all that is built in */
    assert_int_equal(flags(a, "::1", 4000), 0);
    assert_int_equal(flags(a, "::", 4000), all);
    access_free(a);
}

static void one_family_alone(void **state)
{
    (void)state;
    const struct access_rule rules[] = {rule("0.0.0.0", 0, ACCESS_IGNORE)};
    struct access *a = built(rules, 1);
    assert_int_equal(flags(a, "127.0.0.1", 4000), ACCESS_IGNORE);
    assert_int_equal(flags(a, "::1", 4000), 0);
    assert_int_equal(flags(a, "2001:db8::1", 4000), ACCESS_DEFAULT);
    access_free(a);
}

static void the_longest_prefix_counts(void **state)
{
    (void)state;
    const struct access_rule rules[] = {rule("10.1.2.3", 32, ACCESS_NOSERVE),
                                        rule("10.0.0.0", 8, ACCESS_IGNORE),
                                        rule("10.1.255.255", 16, 0),
                                        rule("10.1.2.0", 25, ACCESS_LIMITED),
                                        rule("2001:db8::", 32, ACCESS_IGNORE),
                                        rule("2001:db8:1::", 47, ACCESS_NOTRUST),
                                        rule("2001:db8:1:2::5", 127, ACCESS_KOD)};
    struct access *a = built(rules, 7);
    assert_int_equal(flags(a, "10.2.0.1", 1), ACCESS_IGNORE);
    assert_int_equal(flags(a, "10.1.9.1", 1), 0);
    assert_int_equal(flags(a, "10.1.2.127", 1), ACCESS_LIMITED);
    assert_int_equal(flags(a, "10.1.2.128", 1), 0);
    assert_int_equal(flags(a, "10.1.2.3", 1), ACCESS_NOSERVE);
    assert_int_equal(flags(a, "11.1.2.3", 1), ACCESS_DEFAULT);
    assert_int_equal(flags(a, "2001:db8:2::", 1), ACCESS_IGNORE);
    assert_int_equal(flags(a, "2001:db8::1", 1), ACCESS_NOTRUST);
    assert_int_equal(flags(a, "2001:db8:1:2::4", 1), ACCESS_KOD);
    assert_int_equal(flags(a, "2001:db8:1:2::6", 1), ACCESS_NOTRUST);
    access_free(a);
}

static void rules_for_the_source_port_123(void **state)
{
    (void)state;
    const struct access_rule rules[] = {
        rule("10.0.0.0", 8, ACCESS_NTPPORT | ACCESS_IGNORE), rule("10.0.0.0", 8, ACCESS_NOQUERY),
        rule("10.1.0.0", 16, ACCESS_NTPPORT), rule("10.1.1.0", 24, ACCESS_KOD)};
    struct access *a = built(rules, 4);
    assert_int_equal(flags(a, "10.5.0.1", 123), ACCESS_IGNORE);
    assert_int_equal(flags(a, "10.5.0.1", 124), ACCESS_NOQUERY);
    assert_int_equal(flags(a, "10.1.0.1", 123), 0);
    assert_int_equal(flags(a, "10.1.0.1", 124), ACCESS_NOQUERY);
    assert_int_equal(flags(a, "10.1.1.1", 123), ACCESS_KOD);
    assert_int_equal(flags(a, "10.1.1.1", 124), ACCESS_KOD);
    access_free(a);
}

static void lines_of_one_prefix_add_up(void **state)
{
    (void)state;
    const struct access_rule rules[] = {rule("192.0.2.7", 24, ACCESS_NOQUERY),
                                        rule("192.0.2.0", 24, ACCESS_LIMITED)};
    struct access *a = built(rules, 2);
    assert_int_equal(flags(a, "192.0.2.9", 1), ACCESS_NOQUERY | ACCESS_LIMITED);
    access_free(a);
}

static void a_prefix_that_is_too_long(void **state)
{
    (void)state;
    struct access *a = NULL;
    struct err err;
    struct access_rule bad = rule("192.0.2.0", 33, 0);
    assert_int_equal(access_build(&a, &bad, 1, &err), -1);
    bad.family = AF_UNIX;
    assert_int_equal(access_build(&a, &bad, 1, &err), -1);
    assert_null(a);
}

/* ---- against a linear search ---- */

static bool lies_in(const struct access_rule *r, const uint8_t *bits)
{
    unsigned whole = r->length / 8, rest = r->length % 8;
    if (memcmp(r->prefix, bits, whole) != 0)
        return false;
    return !rest || !((r->prefix[whole] ^ bits[whole]) >> (8 - rest));
}

/* Every rule is looked at; the last of the best is kept, and those like it add their flags. */
static unsigned linear(const struct access_rule *rules, size_t count, const union address *from)
{
    const uint8_t *bits = from->any.sa_family == AF_INET ? (const uint8_t *)&from->v4.sin_addr
                                                         : from->v6.sin6_addr.s6_addr;
    int best = -1;
    unsigned found = 0;
    for (size_t i = 0; i < count; i++) {
        const struct access_rule *r = &rules[i];
        bool special = r->flags & ACCESS_NTPPORT;
        if (r->family != from->any.sa_family || !lies_in(r, bits) ||
            (special && address_port(from) != 123))
            continue;
        int rank = 2 * r->length + special;
        unsigned f = r->flags & ~(unsigned)ACCESS_NTPPORT;
        found = rank > best ? f : rank == best ? found | f : found;
        best = rank > best ? rank : best;
    }
    return found;
}

/* Few different octets, so that rules and addresses meet. */
static void random_bits(struct rng *rng, uint8_t bits[16])
{
    for (int i = 0; i < 16; i++)
        bits[i] = (uint8_t)(rng_u64(rng) % 3 ? 0xa5 : rng_u64(rng) % 4 ? 0xa4 : rng_u64(rng));
}

static struct access_rule random_rule(struct rng *rng)
{
    bool v6 = rng_u64(rng) & 1;
    struct access_rule r = {.family = v6 ? AF_INET6 : AF_INET,
                            .length = (uint8_t)(1 + rng_u64(rng) % (v6 ? 128 : 32)),
                            .flags = (uint16_t)(rng_u64(rng) & 0x7fff)};
    random_bits(rng, r.prefix);
    return r;
}

static union address random_address(struct rng *rng)
{
    uint8_t bits[16];
    union address a = {.any.sa_family = rng_u64(rng) & 1 ? AF_INET6 : AF_INET};
    random_bits(rng, bits);
    if (a.any.sa_family == AF_INET)
        memcpy(&a.v4.sin_addr, bits, 4);
    else
        memcpy(&a.v6.sin6_addr, bits, 16);
    address_set_port(&a, rng_u64(rng) & 1 ? 123 : 4123);
    return a;
}

static void random_rules_against_a_linear_search(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(7, 2);
    struct access_rule rules[300];
    for (int round = 0; round < 60; round++) {
        size_t count = 2 + rng_u64(&rng) % 298;
        rules[0] = rule("0.0.0.0", 0, ACCESS_KOD);
        rules[1] = rule("::", 0, ACCESS_FLAKE);
        for (size_t i = 2; i < count; i++)
            rules[i] = random_rule(&rng);
        struct access *a = built(rules, count);
        for (int i = 0; i < 1000; i++) {
            union address from = random_address(&rng);
            assert_int_equal(access_of(a, &from), linear(rules, count, &from));
        }
        access_free(a);
    }
}

/* A million rules over all of the address space: the worst there is. */
static void a_million_rules(void **state)
{
    (void)state;
    enum { MILLION = 1000000 };
    static const struct {
        const char *what;
        sa_family_t family;
        uint8_t length;
        size_t most; /* octets */
    } cases[] = {{"IPv4 /24", AF_INET, 24, 40 << 20},
                 {"IPv4 /32", AF_INET, 32, 80 << 20},
                 {"IPv6 /48", AF_INET6, 48, 160 << 20}};
    struct access_rule *rules = calloc(MILLION, sizeof *rules);
    assert_non_null(rules);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct rng rng = rng_seeded(9, k);
        for (size_t i = 0; i < MILLION; i++) {
            uint64_t bits = rng_u64(&rng);
            rules[i] = (struct access_rule){
                .family = cases[k].family, .length = cases[k].length, .flags = ACCESS_IGNORE};
            memcpy(rules[i].prefix, &bits, sizeof bits);
        }
        struct access *a = built(rules, MILLION);
        print_message("a million rules, %s: %.1f MB\n", cases[k].what,
                      (double)access_size(a) / (1 << 20));
        assert_true(access_size(a) < cases[k].most);
        for (size_t i = 0; i < MILLION; i += 97) {
            union address from = {.any.sa_family = rules[i].family};
            if (rules[i].family == AF_INET)
                memcpy(&from.v4.sin_addr, rules[i].prefix, 4);
            else
                memcpy(&from.v6.sin6_addr, rules[i].prefix, 16);
            assert_int_equal(access_of(a, &from), ACCESS_IGNORE);
        }
        access_free(a);
    }
    free(rules);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_rule),
        cmocka_unit_test(a_pool_servers_lines),
        cmocka_unit_test(one_family_alone),
        cmocka_unit_test(the_longest_prefix_counts),
        cmocka_unit_test(rules_for_the_source_port_123),
        cmocka_unit_test(lines_of_one_prefix_add_up),
        cmocka_unit_test(a_prefix_that_is_too_long),
        cmocka_unit_test(random_rules_against_a_linear_search),
        cmocka_unit_test(a_million_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
