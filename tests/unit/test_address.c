/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "server/net/address.h"
#include "server/ntp/reply.h"

#define PORT 123

static union address source(const char *text, uint16_t port)
{
    union address a = {0};
    if (inet_pton(AF_INET, text, &a.v4.sin_addr) == 1)
        a.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.v6.sin6_addr) == 1)
        a.any.sa_family = AF_INET6;
    address_set_port(&a, port);
    return a;
}

static struct address_asked asked(const char *text)
{
    struct address_asked a = {.family = AF_UNSPEC};
    if (inet_pton(AF_INET, text, &a.v4) == 1)
        a.family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a.v6) == 1)
        a.family = AF_INET6;
    return a;
}

static const struct {
    const char *from, *to;
    unsigned facts;
    uint16_t port;
    bool many;
} cases[] = {
    {"192.0.2.1", "192.0.2.9", 0, 40000, false},
    {"192.0.2.1", "192.0.2.9", 0, PORT, false},
    {"192.0.2.9", "192.0.2.9", 0, 40000, false}, /* a client on this machine */
    {"192.0.2.9", "192.0.2.9", REPLY_FROM_SELF, PORT, false},
    {"192.0.2.9", "", 0, PORT, false}, /* the kernel did not say whom it asked */
    {"192.0.2.1", "192.0.2.9", REPLY_FROM_PORT0, 0, false},
    {"255.255.255.255", "192.0.2.9", REPLY_FROM_MANY, 40000, false},
    {"224.0.1.1", "192.0.2.9", REPLY_FROM_MANY, 40000, false},
    {"239.255.255.255", "192.0.2.9", REPLY_FROM_MANY, 40000, false},
    {"240.0.0.1", "192.0.2.9", REPLY_FROM_MANY, 40000, false},
    {"0.0.0.0", "192.0.2.9", REPLY_FROM_MANY, 40000, false},
    {"223.255.255.255", "192.0.2.9", 0, 40000, false},
    {"192.0.2.1", "192.0.2.9", REPLY_TO_MANY, 40000, true},
    {"2001:db8::1", "2001:db8::9", 0, 40000, false},
    {"2001:db8::9", "2001:db8::9", REPLY_FROM_SELF, PORT, false},
    {"fe80::1", "fe80::2", 0, PORT, false},
    {"ff02::101", "2001:db8::9", REPLY_FROM_MANY, 40000, false},
    {"::", "2001:db8::9", REPLY_FROM_MANY, 40000, false},
    {"::1", "::1", REPLY_FROM_PORT0, 0, false},
    {"ff0e::101", "::1", REPLY_FROM_PORT0 | REPLY_FROM_MANY | REPLY_TO_MANY, 0, true},
    {"not an address", "::1", REPLY_FROM_PORT0 | REPLY_FROM_MANY, 0, false},
};

static void test_facts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        union address from = source(cases[i].from, cases[i].port);
        struct address_asked to = asked(cases[i].to);
        to.many = cases[i].many;
        unsigned facts = address_facts(&from, &to, PORT);
        if (facts != cases[i].facts)
            fail_msg("%s port %u to %s: %u, not %u", cases[i].from, cases[i].port, cases[i].to,
                     facts, cases[i].facts);
    }
}

static void test_ports(void **state)
{
    (void)state;
    union address v4 = source("192.0.2.1", 11123), v6 = source("::1", 123), none = {0};
    assert_int_equal(address_port(&v4), 11123);
    assert_int_equal(address_port(&v6), 123);
    assert_int_equal(ntohs(v6.v6.sin6_port), 123);
    address_set_port(&none, 5);
    assert_int_equal(address_port(&none), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_facts),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
