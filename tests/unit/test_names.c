/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names that need no name server, in real time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "refclock/clock_virtual.h"
#include "refclock/loop.h"
#include "server/net/names.h"
#include "server/net/own_addresses.h"

struct world {
    struct loop loop;
    struct clock *clock;
    struct names *names;
    int calls;
    size_t count;
    union address address[NAMES_ADDRESSES];
    struct err err;
};

static void on_found(void *arg, const union address *addresses, size_t count, const struct err *err)
{
    struct world *w = arg;
    w->calls++;
    w->count = count;
    memcpy(w->address, addresses, count * sizeof *addresses);
    w->err = err ? *err : (struct err){0};
}

static void setup(struct world *w)
{
    struct err err;
    memset(w, 0, sizeof *w);
    assert_int_equal(clock_reader_open(&w->clock, &err), 0);
    loop_poll_init(&w->loop, w->clock);
    assert_int_equal(names_open(&w->names, &w->loop, &err), 0);
}

static void teardown(struct world *w)
{
    names_close(w->names);
    assert_null(w->loop.timers);
    assert_null(w->loop.fds);
    loop_close(&w->loop);
    clock_close(w->clock);
}

static void run(struct world *w)
{
    for (int i = 0; i < 200 && !w->calls; i++)
        assert_int_equal(loop_turn(&w->loop, w->loop.ops->steady(&w->loop) + 100000000), 0);
}

/* B6: the same address in another spelling is no other one. */
static void b6_an_ipv4_address_in_ipv6_form_is_the_ipv4_address(void **state)
{
    (void)state;
    union address mapped, plain;
    assert_true(names_number("::ffff:192.0.2.7", AF_UNSPEC, &mapped));
    assert_true(names_number("192.0.2.7", AF_UNSPEC, &plain));
    assert_true(address_same(&mapped, &plain));
    assert_false(names_number("one.example", AF_UNSPEC, &plain));
}

static void a_number_needs_no_network(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    names_ask(w.names, "192.0.2.7", AF_UNSPEC, on_found, &w);
    run(&w);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.count, 1);
    assert_int_equal(w.address[0].any.sa_family, AF_INET);
    assert_int_equal(ntohl(w.address[0].v4.sin_addr.s_addr), 0xc0000207);
    w.calls = 0;
    names_ask(w.names, "2001:db8::7", AF_UNSPEC, on_found, &w);
    run(&w);
    assert_int_equal(w.address[0].any.sa_family, AF_INET6);
    teardown(&w);
}

static void localhost_is_in_the_hosts_file(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    names_ask(w.names, "localhost", AF_INET, on_found, &w);
    run(&w);
    assert_int_equal(w.count, 1);
    assert_int_equal(ntohl(w.address[0].v4.sin_addr.s_addr), INADDR_LOOPBACK);
    teardown(&w);
}

static void b9_a_name_that_does_not_resolve_is_said(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    names_ask(w.names, "no such name", AF_UNSPEC, on_found, &w);
    run(&w);
    assert_int_equal(w.calls, 1);
    assert_int_equal(w.count, 0);
    assert_string_equal(w.err.thing, "no such name");
    assert_true(*w.err.why && *w.err.todo);
    teardown(&w);
}

static void closing_ends_what_is_under_way(void **state)
{
    (void)state;
    struct world w;
    setup(&w);
    names_ask(w.names, "host.invalid", AF_UNSPEC, on_found, &w);
    int calls = w.calls; /* it may have failed at once */
    names_close(w.names);
    assert_int_equal(w.calls, calls);
    assert_null(w.loop.timers);
    assert_null(w.loop.fds);
    loop_close(&w.loop);
    clock_close(w.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(b6_an_ipv4_address_in_ipv6_form_is_the_ipv4_address),
        cmocka_unit_test(a_number_needs_no_network),
        cmocka_unit_test(localhost_is_in_the_hosts_file),
        cmocka_unit_test(b9_a_name_that_does_not_resolve_is_said),
        cmocka_unit_test(closing_ends_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
