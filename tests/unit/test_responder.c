/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The responder's answers, served by the loop and by threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "refclock/rng.h"
#include "server/responder/responder.h"
#include "server/ntp/wire.h"
#include "tests/unit/responder_world.h"

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

static void junk_storm(int threads)
{
    struct world w;
    struct rng rng = rng_seeded(5, (uint64_t)threads);
    static const uint16_t lengths[] = {0, 1, 8, 12, 47, 48, 49, 68, 72, 1472, 9000, 65507};
    static uint8_t junk[65507];
    begin_local(&w, threads);
    union address to = address("127.0.0.1", port_of(&w, 0));
    int fd = client("127.0.0.1"), said = w.lines;
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
    assert_int_equal(w.lines, said); /* no log line for what comes from the net */
    ask(&w, 0, "127.0.0.1", "127.0.0.1");
    close(fd);
    end(&w);
}

static void test_a14_loop_survives_junk(void **state)
{
    (void)state;
    junk_storm(0);
}

static void test_a14_threads_survive_junk(void **state)
{
    (void)state;
    junk_storm(2);
}

static void test_many_clients(void **state)
{
    (void)state;
    struct world w;
    begin_local(&w, 4);
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

static void test_a15_no_answer_in_transition(void **state)
{
    (void)state;
    struct world w;
    uint8_t request[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    begin_local(&w, 2);
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

/* However many threads there are, memory is for so many clients as were asked for. */
static void test_threads_share_the_table(void **state)
{
    (void)state;
    static const struct ratelimit_config limit = RATELIMIT_DEFAULTS;
    for (int threads = 0; threads <= 4; threads++) {
        struct world w;
        begin(&w, threads);
        w.config.limit = &limit;
        listen_on(&w, "127.0.0.1", 0, false);
        start(&w);
        int workers = responder_workers(w.responder);
        size_t room = responder_clients_room(w.responder), most = workers == 3 ? 98304 : 65536;
        assert_int_equal(room, most); /* a third is rounded up */
        assert_int_equal(responder_clients_memory(w.responder), room * RATELIMIT_ENTRY);
        end(&w);
    }
}

/* A thread that waits for one socket alone needs no poll(2); the loop waits for all of them. */
static void test_families_have_threads(void **state)
{
    (void)state;
    static const struct ratelimit_config limit = RATELIMIT_DEFAULTS;
    if (!has_ipv6())
        skip();
    for (int threads = 0; threads <= 2; threads++) {
        struct world w;
        begin(&w, threads);
        w.config.limit = &limit;
        listen_on(&w, "127.0.0.1", 0, false);
        listen_on(&w, "::1", 0, false);
        start(&w);
        assert_int_equal(responder_threads(w.responder), threads);
        assert_int_equal(responder_workers(w.responder), threads ? 2 * threads : 1);
        assert_int_equal(responder_clients_room(w.responder), threads ? 2 * 65536 : 65536);
        ask(&w, 0, "127.0.0.1", "127.0.0.1");
        ask(&w, 1, "::1", "::1");
        end(&w);
    }
}

static void test_auto_threads(void **state)
{
    (void)state;
    assert_in_range(responder_auto_threads(), 1, RESPONDER_THREADS);
    assert_true(responder_auto_threads() <= sysconf(_SC_NPROCESSORS_CONF));
}

/* One exchange over the loopback, of which the kernel stamps the way back. */
static struct ntp_packet exchange(struct world *w, int fd, uint64_t origin, uint64_t receive,
                                  uint64_t transmit)
{
    struct ntp_packet request = {.version = 4,
                                 .mode = WIRE_MODE_CLIENT,
                                 .origin = origin,
                                 .receive = receive,
                                 .transmit = transmit};
    uint8_t bytes[WIRE_SIZE];
    union address to = address("127.0.0.1", port_of(w, 0));
    wire_encode(&request, bytes);
    send_bytes(fd, &to, bytes, sizeof bytes);
    assert_true(readable(w, fd, WAIT_MS));
    assert_int_equal(recv(fd, bytes, sizeof bytes, 0), WIRE_SIZE);
    struct ntp_packet answer;
    wire_decode(bytes, &answer);
    return answer;
}

/* The transmit timestamp that a client in interleaved mode is told is later than the one that was
 * in the answer, by no more than it can have taken. */
static void interleaved(int threads)
{
    struct world w;
    begin_local(&w, threads);
    int fd = client("127.0.0.1");
    struct ntp_packet a = exchange(&w, fd, 0, 0, 1000);
    assert_true(a.origin == 1000);
    a = exchange(&w, fd, a.receive, 5, 1001);
    assert_true(a.origin == 1001); /* only from now on answers to this client are kept */
    for (uint64_t i = 2; i < 12; i++) {
        struct ntp_packet before = a;
        a = exchange(&w, fd, before.receive, 5 + i, 1000 + i);
        uint64_t now = civil_to_ntp(clock_now(&w.clock));
        assert_true(a.origin == 5 + i);
        assert_true(a.receive > before.receive);
        assert_true(a.transmit > before.receive && a.transmit < a.receive && a.transmit < now);
    }
    close(fd);
    end(&w);
}

static void test_interleaved(void **state)
{
    (void)state;
    interleaved(0);
    interleaved(1);
    interleaved(2);
}

/* How long answers take to leave is measured, and known soon. */
static void latency_is_measured(int threads)
{
    struct world w;
    begin_local(&w, threads);
    int fd = client("127.0.0.1");
    struct responder_counts c = counts(&w);
    assert_int_equal(c.measured, 0);
    for (unsigned i = 0; i < 5000 && c.measured < 5; i++) {
        exchange(&w, fd, 0, 0, 1 + i);
        c = counts(&w);
    }
    assert_true(c.measured >= 5);
    assert_true(c.latency >= 0 && c.latency < 1e-3);
    close(fd);
    end(&w);
}

static void test_latency_is_measured(void **state)
{
    (void)state;
    latency_is_measured(0);
    latency_is_measured(2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_answers),
        cmocka_unit_test(test_one_thread_answers),
        cmocka_unit_test(test_threads_answer),
        cmocka_unit_test(test_a14_loop_survives_junk),
        cmocka_unit_test(test_a14_threads_survive_junk),
        cmocka_unit_test(test_many_clients),
        cmocka_unit_test(test_requests_from_before_the_start),
        cmocka_unit_test(test_a15_no_answer_in_transition),
        cmocka_unit_test(test_listen_none),
        cmocka_unit_test(test_threads_share_the_table),
        cmocka_unit_test(test_families_have_threads),
        cmocka_unit_test(test_auto_threads),
        cmocka_unit_test(test_interleaved),
        cmocka_unit_test(test_latency_is_measured),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
