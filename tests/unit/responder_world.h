/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_RESPONDER_WORLD_H
#define TIMEBALL_TESTS_RESPONDER_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/responder/latency.h"
#include "server/responder/responder.h"
#include "server/responder/control.h"
#include "server/responder/socket.h"
#include "server/ntp/wire.h"

/* A responder on real loopback sockets with free ports, and its clients. */
#define WAIT_MS 2000

struct world {
    int threads;
    int stamper; /* a socket that keeps the kernel stamping */
    struct clock clock;
    struct loop loop;
    struct snapshot_latch latch;
    struct snapshot snapshot;
    struct log log;
    char logged[2048]; /* all lines */
    int lines;
    struct responder_config config;
    struct responder *responder;
};

/* The host's clock, to be read only. */
static inline int64_t host_now(struct clock *c)
{
    (void)c;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static inline int64_t host_raw(struct clock *c)
{
    (void)c;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC_RAW, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static inline int64_t host_stamp(struct clock *c, int64_t kernel_ns)
{
    (void)c;
    return kernel_ns;
}

static const struct clock_ops host_ops = {
    .name = "host", .now = host_now, .raw = host_raw, .stamp = host_stamp};

static inline void keep_line(void *arg, enum log_level level, const char *line)
{
    struct world *w = arg;
    size_t used = strlen(w->logged);
    (void)level;
    snprintf(w->logged + used, sizeof w->logged - used, "%s\n", line);
    w->lines++;
}

static inline union address address(const char *text, uint16_t port)
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

static inline socklen_t address_len(const union address *a)
{
    return a->any.sa_family == AF_INET ? sizeof a->v4 : sizeof a->v6;
}

static inline void listen_on(struct world *w, const char *text, uint16_t port, bool optional)
{
    struct listen_addr *l = &w->config.listen[w->config.listens++];
    l->addr = address(text, port);
    l->len = address_len(&l->addr);
    l->optional = optional;
    snprintf(l->text, sizeof l->text, "%s", text);
}

static inline bool has_ipv6(void)
{
    union address a = address("::1", 0);
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool ok = fd >= 0 && !bind(fd, &a.any, sizeof a.v6);
    if (fd >= 0)
        close(fd);
    return ok;
}

static inline void publish(struct world *w)
{
    w->snapshot.reference = clock_now(&w->clock);
    snapshot_publish(&w->latch, &w->snapshot);
}

/*
 * The kernel begins to stamp a moment after the first socket on the machine has asked for it: this
 * one asks, and waits for that moment.
 */
static inline int open_stamper(void)
{
    struct listen_addr where = {.addr = address("127.0.0.1", 0), .text = "test"};
    struct err err;
    socklen_t len = where.len = address_len(&where.addr);
    int fd = responder_socket_open(&where, false, &err);
    assert_true(fd >= 0);
    assert_int_equal(getsockname(fd, &where.addr.any, &len), 0);
    for (int i = 0; i < WAIT_MS; i++) {
        struct control control;
        struct msghdr m = {.msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
        struct address_asked asked;
        assert_int_equal(sendto(fd, "x", 1, 0, &where.addr.any, len), 1);
        assert_true(recvmsg(fd, &m, 0) >= 0);
        if (control_read(&m, &asked).kernel)
            return fd;
        poll(NULL, 0, 1);
    }
    fail_msg("the kernel does not stamp what comes");
    return -1;
}

static inline void begin(struct world *w, int threads)
{
    *w = (struct world){.threads = threads, .stamper = open_stamper()};
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

static inline int try_open(struct world *w, struct err *err)
{
    return responder_open(&w->responder, &w->config, &w->loop, &w->clock, &w->latch, &w->log, err);
}

static inline void start(struct world *w)
{
    struct err err;
    char line[600];
    if (try_open(w, &err) || responder_start(w->responder, &err))
        fail_msg("%s", err_line(&err, line, sizeof line));
}

/* Started, and asked on one port of 127.0.0.1. */
static inline void begin_local(struct world *w, int threads)
{
    begin(w, threads);
    listen_on(w, "127.0.0.1", 0, false);
    start(w);
}

static inline void end(struct world *w)
{
    responder_close(w->responder);
    loop_close(&w->loop);
    close(w->stamper);
}

static inline uint16_t port_of(const struct world *w, int index)
{
    union address a;
    assert_int_equal(responder_address(w->responder, index, &a), 0);
    return address_port(&a);
}

/* One turn of the loop where the loop serves; threads serve by themselves. */
static inline void turn(struct world *w)
{
    if (!w->threads)
        loop_turn(&w->loop, w->loop.ops->steady(&w->loop) + 20000000);
}

static inline bool readable(struct world *w, int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (int waited = 0; waited <= ms; waited += 20) {
        if (poll(&p, 1, w->threads ? 20 : 0) > 0)
            return true;
        turn(w);
    }
    return poll(&p, 1, 0) > 0;
}

static inline struct responder_counts counts(struct world *w)
{
    struct responder_counts c;
    responder_counts(w->responder, &c);
    return c;
}

static inline uint64_t judged(const struct responder_counts *c)
{
    uint64_t sum = 0;
    for (int i = 0; i < VERDICT_COUNT; i++)
        sum += c->verdict[i];
    return sum;
}

static inline int client(const char *from)
{
    union address a = address(from, 0);
    int fd = socket(a.any.sa_family, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &a.any, address_len(&a)), 0);
    return fd;
}

static inline void send_bytes(int fd, const union address *to, const void *bytes, size_t size)
{
    assert_int_equal(sendto(fd, bytes, size, 0, &to->any, address_len(to)), size);
}

/* Asks `host` and checks the answer and where it comes from. */
static inline void ask(struct world *w, int index, const char *host, const char *from)
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
    /* it is when the answer is expected to leave */
    assert_true(p.transmit <= civil_to_ntp(received + LATENCY_MAX_NS));
}

/* Waits until `n` datagrams were judged. */
static inline void wait_judged(struct world *w, uint64_t n)
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

#endif
