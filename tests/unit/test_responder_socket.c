/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The responder's sockets and threads: who gets what, what is refused, and how much waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/responder/responder.h"
#include "server/responder/socket.h"
#include "server/ntp/wire.h"
#include "tests/unit/responder_world.h"

/* Which of the `count` sockets got the datagram; exactly one must have. */
static int received_by(const int *fd, int count)
{
    int found = -1;
    char byte;
    struct pollfd set[8];
    for (int i = 0; i < count; i++)
        set[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
    assert_int_equal(poll(set, (nfds_t)count, WAIT_MS), 1);
    for (int i = 0; i < count; i++)
        if (recv(fd[i], &byte, 1, MSG_DONTWAIT) == 1)
            found = i;
    return found;
}

static int sent_from(const char *from, const union address *to, const int *fd, int count)
{
    int c = client(from);
    send_bytes(c, to, "x", 1);
    int found = received_by(fd, count);
    close(c);
    return found;
}

/* The kernel chooses by the client's address and never by its port. */
static void steering(const char *host, const char *from_prefix, int addresses, int least)
{
    enum { COUNT = 4 };
    struct listen_addr where = {.addr = address(host, 0), .text = "test"};
    struct err err;
    int fd[COUNT], hits[COUNT] = {0}, used = 0;
    where.len = address_len(&where.addr);
    for (int i = 0; i < COUNT; i++) {
        fd[i] = responder_socket_open(&where, true, &err);
        assert_true(fd[i] >= 0);
        socklen_t len = where.len;
        assert_int_equal(getsockname(fd[i], &where.addr.any, &len), 0);
    }
    assert_int_equal(responder_socket_steer(fd[0], where.addr.any.sa_family, COUNT, 0x9e3779b9), 0);
    for (int i = 1; i <= addresses; i++) {
        char from[64];
        snprintf(from, sizeof from, "%s%d", from_prefix, i);
        int first = sent_from(from, &where.addr, fd, COUNT);
        hits[first]++;
        for (int k = 0; k < 4; k++)
            assert_int_equal(sent_from(from, &where.addr, fd, COUNT), first);
    }
    for (int i = 0; i < COUNT; i++) {
        used += hits[i] > 0;
        close(fd[i]);
    }
    assert_true(used >= least);
}

static void test_one_client_meets_one_worker(void **state)
{
    (void)state;
    steering("127.0.0.1", "127.1.2.", 64, 4);
    if (has_ipv6())
        steering("::1", "::", 1, 1);
}

static void address_in_use(int threads, int other)
{
    struct world w, second;
    struct err err = {0};
    begin_local(&w, threads);
    begin(&second, other);
    listen_on(&second, "127.0.0.1", port_of(&w, 0), false);
    assert_int_equal(try_open(&second, &err), -1);
    assert_null(second.responder);
    assert_non_null(strstr(err.thing, "127.0.0.1 port"));
    assert_non_null(strstr(err.why, strerror(EADDRINUSE)));
    assert_non_null(strstr(err.todo, "chronyd"));
    end(&second);
    end(&w);
}

static void test_address_in_use(void **state)
{
    (void)state;
    address_in_use(0, 0);
    address_in_use(2, 2);
    address_in_use(0, 2);
    address_in_use(2, 0);
}

static void test_address_that_is_not_ours(void **state)
{
    (void)state;
    struct world w;
    struct err err = {0};
    begin(&w, 0);
    listen_on(&w, "192.0.2.1", 0, false);
    assert_int_equal(try_open(&w, &err), -1);
    assert_non_null(strstr(err.todo, "ip address"));
    /* as a default beside one that is there, it is left out */
    w.config.listen[0].optional = true;
    listen_on(&w, "127.0.0.1", 0, false);
    start(&w);
    union address none;
    assert_int_equal(responder_address(w.responder, 0, &none), -1);
    assert_non_null(strstr(w.logged, "192.0.2.1"));
    ask(&w, 1, "127.0.0.1", "127.0.0.1");
    end(&w);
}

static bool overlap(const struct responder_part *a, const struct responder_part *b)
{
    const uintptr_t line = 64; /* octets, of the processors that we know */
    uintptr_t a_first = (uintptr_t)a->at / line, a_last = ((uintptr_t)a->at + a->size - 1) / line;
    uintptr_t b_first = (uintptr_t)b->at / line, b_last = ((uintptr_t)b->at + b->size - 1) / line;
    return a_first <= b_last && b_first <= a_last;
}

static void test_no_cache_line_has_two_writers(void **state)
{
    (void)state;
    enum { THREADS = 4, PARTS = 64 };
    struct world w;
    struct responder_part part[PARTS];
    int parts = 0, of[THREADS] = {0};
    begin_local(&w, THREADS);
    while (parts < PARTS && !responder_written(w.responder, parts, &part[parts]))
        of[part[parts++].worker]++;
    assert_in_range(parts, THREADS, PARTS - 1);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(of[i], parts / THREADS);
    for (int i = 0; i < parts; i++) {
        assert_true(part[i].at && part[i].size > 0);
        for (int k = 0; k < i; k++)
            if (part[i].worker != part[k].worker)
                assert_false(overlap(&part[i], &part[k]));
    }
    assert_int_equal(responder_written(w.responder, -1, &part[0]), -1);
    end(&w);
}

/* Fails once there is not room for what comes in 4 ms at 200 000 a second: a socket that nobody
 * reads keeps it all. Where the kernel does not grant the room, the log says what to do. */
static void test_a_deaf_moment_loses_nothing(void **state)
{
    (void)state;
    enum { COUNT = 800 };
    struct world w;
    struct err err;
    uint8_t request[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    begin(&w, 1);
    listen_on(&w, "127.0.0.1", 0, false);
    assert_int_equal(try_open(&w, &err), 0);
    union address to = address("127.0.0.1", port_of(&w, 0));
    int fd = client("127.0.0.1");
    for (int i = 0; i < COUNT; i++)
        send_bytes(fd, &to, request, sizeof request);
    assert_int_equal(responder_start(w.responder, &err), 0);
    if (w.lines)
        assert_non_null(strstr(w.logged, "sysctl"));
    else
        wait_judged(&w, COUNT);
    close(fd);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_client_meets_one_worker),
        cmocka_unit_test(test_address_in_use),
        cmocka_unit_test(test_address_that_is_not_ours),
        cmocka_unit_test(test_no_cache_line_has_two_writers),
        cmocka_unit_test(test_a_deaf_moment_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
