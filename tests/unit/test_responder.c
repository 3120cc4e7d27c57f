/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The responder on real loopback sockets with free ports, served by the loop and by threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "refclock/rng.h"
#include "server/responder.h"
#include "server/responder_socket.h"
#include "server/wire.h"

#define WAIT_MS 2000

struct world {
    int threads;
    struct clock clock;
    struct loop loop;
    struct snapshot_latch latch;
    struct snapshot snapshot;
    struct log log;
    char logged[512];
    int lines;
    struct responder_config config;
    struct responder *responder;
};

/* The host's clock, to be read only. */
static int64_t host_now(struct clock *c)
{
    (void)c;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t host_raw(struct clock *c)
{
    (void)c;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static int64_t host_stamp(struct clock *c, int64_t kernel_ns)
{
    (void)c;
    return kernel_ns;
}

static const struct clock_ops host_ops = {
    .name = "host", .now = host_now, .raw = host_raw, .stamp = host_stamp};

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct world *w = arg;
    (void)level;
    snprintf(w->logged, sizeof w->logged, "%s", line);
    w->lines++;
}

static union address address(const char *text, uint16_t port)
{
    union address a = {0};
    a.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (a.any.sa_family == AF_INET6)
        assert_int_equal(inet_pton(AF_INET6, text, &a.v6.sin6_addr), 1);
    else
        assert_int_equal(inet_pton(AF_INET, text, &a.v4.sin_addr), 1);
    address_set_port(&a, port);
    return a;
}

static socklen_t address_len(const union address *a)
{
    return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

static void listen_on(struct world *w, const char *text, uint16_t port, bool optional)
{
    struct listen_addr *l = &w->config.listen[w->config.listens++];
    l->addr = address(text, port);
    l->len = address_len(&l->addr);
    l->optional = optional;
    snprintf(l->text, sizeof l->text, "%s", text);
}

static bool has_ipv6(void)
{
    union address a = address("::1", 0);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool ok = fd >= 0 && !bind(fd, &a.any, sizeof a.v6);
    if (fd >= 0)
        close(fd);
    return ok;
}

static void publish(struct world *w)
{
    w->snapshot.reference = clock_now(&w->clock);
    snapshot_publish(&w->latch, &w->snapshot);
}

static void begin(struct world *w, int threads)
{
    *w = (struct world){.threads = threads};
    w->config.threads = threads;
    w->log = (struct log){LOG_LEVEL_DEBUG, keep_line, w};
    w->clock.ops = &host_ops;
    loop_poll_init(&w->loop, &w->clock);
    snapshot_latch_init(&w->latch);
    w->snapshot = (struct snapshot){
        .total = 1e-4,
        .reftime = clock_now(&w->clock) - NS_PER_S,
        .refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
        .stratum = 1,
        .precision = -20,
        .locked_once = true,
    };
    publish(w);
}

static int try_open(struct world *w, struct err *err)
{
    return responder_open(&w->responder, &w->config, &w->loop, &w->clock, &w->latch, &w->log, err);
}

static void start(struct world *w)
{
    struct err err;
    char line[600];
    if (try_open(w, &err) || responder_start(w->responder, &err))
        fail_msg("%s", err_line(&err, line, sizeof line));
}

static void end(struct world *w)
{
    responder_close(w->responder);
    loop_close(&w->loop);
}

static uint16_t port_of(const struct world *w, int index)
{
    union address a;
    assert_int_equal(responder_address(w->responder, index, &a), 0);
    return address_port(&a);
}

/* One turn of the loop where the loop serves; threads serve by themselves. */
static void turn(struct world *w)
{
    if (!w->threads)
        loop_turn(&w->loop, w->loop.ops->steady(&w->loop) + 20000000);
}

static bool readable(struct world *w, int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (int waited = 0; waited <= ms; waited += 20) {
        turn(w);
        if (poll(&p, 1, w->threads ? 20 : 0) > 0)
            return true;
    }
    return false;
}

static struct responder_counts counts(struct world *w)
{
    struct responder_counts c;
    responder_counts(w->responder, &c);
    return c;
}

static uint64_t judged(const struct responder_counts *c)
{
    uint64_t sum = 0;
    for (int i = 0; i < VERDICT_COUNT; i++)
        sum += c->verdict[i];
    return sum;
}

static int client(const char *from)
{
    union address a = address(from, 0);
    int fd = socket(a.any.sa_family, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &a.any, address_len(&a)), 0);
    return fd;
}

static void send_bytes(int fd, const union address *to, const void *bytes, size_t size)
{
    assert_int_equal(sendto(fd, bytes, size, 0, &to->any, address_len(to)), size);
}

/* Asks `host` and checks the answer and where it comes from. */
static void ask(struct world *w, int index, const char *host, const char *from)
{
    uint8_t request[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT}, out[512];
    union address to = address(host, port_of(w, index)), source = {0};
    int fd = client(from);
    memset(request + 40, 0x77, 8);
    int64_t sent = clock_now(&w->clock);
    send_bytes(fd, &to, request, sizeof request);
    if (!readable(w, fd, WAIT_MS))
        fail_msg("no answer from %s", host);
    socklen_t len = sizeof source;
    assert_int_equal(recvfrom(fd, out, sizeof out, 0, &source.any, &len), WIRE_SIZE);
    int64_t received = clock_now(&w->clock);
    close(fd);

    assert_int_equal(len, address_len(&to));
    assert_int_equal(address_port(&source), address_port(&to));
    if (to.any.sa_family == AF_INET)
        assert_int_equal(source.v4.sin_addr.s_addr, to.v4.sin_addr.s_addr);
    else
        assert_memory_equal(&source.v6.sin6_addr, &to.v6.sin6_addr, 16);
    struct ntp_packet p;
    wire_decode(out, &p);
    assert_int_equal(p.mode, WIRE_MODE_SERVER);
    assert_int_equal(p.stratum, 1);
    assert_memory_equal(out + 24, request + 40, 8);
    assert_true(civil_to_ntp(sent) <= p.receive && p.receive <= p.transmit);
    assert_true(p.transmit <= civil_to_ntp(received));
}

static void answers_from_the_address_asked(int threads)
{
    struct world w;
    begin(&w, threads);
    bool v6 = has_ipv6();
    listen_on(&w, "0.0.0.0", 0, false);
    start(&w);
    uint16_t port = port_of(&w, 0);
    responder_close(w.responder);
    /* both families on one port */
    w.config.listen[0].addr = address("0.0.0.0", port);
    if (v6)
        listen_on(&w, "::", port, false);
    start(&w);
    assert_int_equal(responder_threads(w.responder), threads);
    for (int i = 0; i < 3; i++) {
        ask(&w, 0, "127.0.0.1", "127.0.0.1");
        ask(&w, 0, "127.0.0.2", "127.0.0.1");
        ask(&w, 0, "127.0.0.3", "127.0.0.77");
        if (v6)
            ask(&w, 1, "::1", "::1");
    }
    struct responder_counts c = counts(&w);
    assert_int_equal(c.verdict[VERDICT_ANSWERED], v6 ? 12 : 9);
    assert_int_equal(judged(&c), v6 ? 12 : 9);
    assert_int_equal(c.unstamped + c.receive_errors + c.send_errors, 0);
    end(&w);
}

static void test_loop_answers(void **state)
{
    (void)state;
    answers_from_the_address_asked(0);
}

static void test_one_thread_answers(void **state)
{
    (void)state;
    answers_from_the_address_asked(1);
}

static void test_threads_answer(void **state)
{
    (void)state;
    answers_from_the_address_asked(2);
}

/* Waits until `n` datagrams were judged. */
static void wait_judged(struct world *w, uint64_t n)
{
    struct responder_counts c = counts(w);
    for (int i = 0; i < WAIT_MS / 20 && judged(&c) < n; i++) {
        turn(w);
        if (w->threads)
            poll(NULL, 0, 20);
        c = counts(w);
    }
    assert_int_equal(judged(&c), n);
}

static void junk_storm(int threads)
{
    struct world w;
    struct rng rng = rng_seeded(5, (uint64_t)threads);
    static const uint16_t lengths[] = {0, 1, 8, 12, 47, 48, 49, 68, 72, 1472, 9000, 65507};
    static uint8_t junk[65507];
    begin(&w, threads);
    listen_on(&w, "127.0.0.1", 0, false);
    start(&w);
    union address to = address("127.0.0.1", port_of(&w, 0));
    int fd = client("127.0.0.1");
    uint64_t sent = 0, in = 0, out = 0;
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < 12; i++, sent++) {
            for (size_t k = 0; k < lengths[i] && k < 1600; k++)
                junk[k] = (uint8_t)rng_u64(&rng);
            send_bytes(fd, &to, junk, lengths[i]);
            in += lengths[i];
        }
        wait_judged(&w, sent); /* keeps pace with the socket's buffer */
        for (ssize_t n; (n = recv(fd, junk, sizeof junk, MSG_DONTWAIT)) >= 0;) {
            assert_int_equal(n, WIRE_SIZE);
            out += (uint64_t)n;
        }
    }
    assert_true(out > 0 && out < in);
    struct responder_counts c = counts(&w);
    assert_int_equal(c.verdict[VERDICT_ANSWERED] * WIRE_SIZE, out);
    assert_true(c.verdict[VERDICT_SHORT] > 0 && c.verdict[VERDICT_PRIVATE] > 0);
    assert_int_equal(w.lines, 0); /* no log line for what comes from the net */
    ask(&w, 0, "127.0.0.1", "127.0.0.1");
    close(fd);
    end(&w);
}

static void test_loop_survives_junk(void **state)
{
    (void)state;
    junk_storm(0);
}

static void test_threads_survive_junk(void **state)
{
    (void)state;
    junk_storm(2);
}

static void test_many_clients(void **state)
{
    (void)state;
    struct world w;
    begin(&w, 4);
    listen_on(&w, "127.0.0.1", 0, false);
    start(&w);
    for (int i = 1; i <= 60; i++) {
        char from[32];
        snprintf(from, sizeof from, "127.0.%d.%d", i % 7, i);
        ask(&w, 0, "127.0.0.1", from);
    }
    struct responder_counts c = counts(&w);
    assert_int_equal(c.verdict[VERDICT_ANSWERED], 60);
    end(&w);
}

/* What came between bind and start has waited, and is stamped with the time when it came. */
static void test_requests_from_before_the_start(void **state)
{
    (void)state;
    struct world w;
    struct err err;
    uint8_t request[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT}, out[64];
    begin(&w, 0);
    listen_on(&w, "127.0.0.1", 0, false);
    assert_int_equal(try_open(&w, &err), 0);
    union address to = address("127.0.0.1", port_of(&w, 0));
    int fd = client("127.0.0.1");
    send_bytes(fd, &to, request, sizeof request);
    assert_false(readable(&w, fd, 40));
    int64_t started = clock_now(&w.clock);
    assert_int_equal(responder_start(w.responder, &err), 0);
    assert_true(readable(&w, fd, WAIT_MS));
    assert_int_equal(recv(fd, out, sizeof out, 0), WIRE_SIZE);
    struct ntp_packet p;
    wire_decode(out, &p);
    assert_true(p.receive < civil_to_ntp(started)); /* the kernel's stamp */
    assert_true(p.transmit > civil_to_ntp(started));
    close(fd);
    end(&w);
}

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

static void test_no_answer_in_transition(void **state)
{
    (void)state;
    struct world w;
    uint8_t request[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    begin(&w, 2);
    listen_on(&w, "127.0.0.1", 0, false);
    start(&w);
    w.snapshot.transition = true;
    publish(&w);
    union address to = address("127.0.0.1", port_of(&w, 0));
    int fd = client("127.0.0.1");
    send_bytes(fd, &to, request, sizeof request);
    wait_judged(&w, 1);
    struct responder_counts c = counts(&w);
    assert_int_equal(c.verdict[VERDICT_STEP], 1);
    w.snapshot.transition = false;
    w.snapshot.generation++;
    publish(&w);
    ask(&w, 0, "127.0.0.1", "127.0.0.1");
    close(fd);
    end(&w);
}

static void address_in_use(int threads, int other)
{
    struct world w, second;
    struct err err = {0};
    begin(&w, threads);
    listen_on(&w, "127.0.0.1", 0, false);
    start(&w);
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

static void test_listen_none(void **state)
{
    (void)state;
    for (int threads = 0; threads < 3; threads++) {
        struct world w;
        begin(&w, threads);
        start(&w);
        struct responder_counts c = counts(&w);
        assert_int_equal(judged(&c), 0);
        end(&w);
    }
    responder_close(NULL);
}

static void test_auto_threads(void **state)
{
    (void)state;
    assert_in_range(responder_auto_threads(), 1, RESPONDER_THREADS);
    assert_true(responder_auto_threads() <= sysconf(_SC_NPROCESSORS_CONF));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_answers),
        cmocka_unit_test(test_one_thread_answers),
        cmocka_unit_test(test_threads_answer),
        cmocka_unit_test(test_loop_survives_junk),
        cmocka_unit_test(test_threads_survive_junk),
        cmocka_unit_test(test_many_clients),
        cmocka_unit_test(test_one_client_meets_one_worker),
        cmocka_unit_test(test_requests_from_before_the_start),
        cmocka_unit_test(test_no_answer_in_transition),
        cmocka_unit_test(test_address_in_use),
        cmocka_unit_test(test_address_that_is_not_ours),
        cmocka_unit_test(test_listen_none),
        cmocka_unit_test(test_auto_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
