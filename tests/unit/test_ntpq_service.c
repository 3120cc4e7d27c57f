/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a control request on a real socket to its answer: from the address that was asked, and not
 * faster than is allowed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/ntpq/service.h"

#define WAIT_MS 10000
#define FLOOD   400

struct world {
    struct clock *clock;
    struct loop loop;
    struct snapshot_latch latch;
    struct log log;
    struct status status;
    struct responder *responder;
    struct ntpq_service *service;
    int fd;
    uint16_t port;
};

static const struct status *status_of(void *arg)
{
    struct world *w = arg;
    return &w->status;
}

static void start(struct world *w, int threads)
{
    struct responder_config config = {.threads = threads, .listens = 1};
    struct listen_addr *l = &config.listen[0];
    union address bound;
    struct err err;
    l->addr.v4 = (struct sockaddr_in){.sin_family = AF_INET}; /* every address, any port */
    l->len = sizeof l->addr.v4;
    assert_int_equal(clock_reader_open(&w->clock, &err), 0);
    loop_poll_init(&w->loop, w->clock);
    snapshot_latch_init(&w->latch);
    status_init(&w->status);
    w->status.time = clock_now(w->clock);
    assert_int_equal(
        responder_open(&w->responder, &config, &w->loop, w->clock, &w->latch, &w->log, &err), 0);
    struct ntpq_service_config service = {
        .loop = &w->loop, .responder = w->responder, .status = status_of, .arg = w};
    assert_int_equal(ntpq_service_open(&w->service, &service, &err), 0);
    assert_int_equal(responder_start(w->responder, &err), 0);
    assert_int_equal(responder_address(w->responder, 0, &bound), 0);
    w->port = address_port(&bound);
    w->fd = socket(AF_INET, SOCK_DGRAM, 0);
}

static void end(struct world *w)
{
    responder_close(w->responder);
    ntpq_service_close(w->service);
    loop_close(&w->loop);
    clock_close(w->clock);
    close(w->fd);
    free(w);
}

static struct world *begin(int threads)
{
    struct world *w = calloc(1, sizeof *w);
    assert_non_null(w);
    start(w, threads);
    return w;
}

static void ask(struct world *w, uint32_t host, unsigned opcode)
{
    uint8_t request[12] = {0x16, (uint8_t)opcode};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(w->port), .sin_addr.s_addr = htonl(host)};
    assert_int_equal(sendto(w->fd, request, sizeof request, 0, (struct sockaddr *)&to, sizeof to),
                     12);
}

/* The next answer, while the loop runs for at most `ms`; its size, 0 for none. */
static size_t hear(struct world *w, int ms, struct sockaddr_in *from)
{
    uint8_t bytes[1024];
    socklen_t len = sizeof *from;
    int64_t until = clock_raw(w->clock) + (int64_t)ms * 1000000;
    for (;;) {
        ssize_t n =
            recvfrom(w->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)from, &len);
        if (n > 0)
            return (size_t)n;
        if (clock_raw(w->clock) >= until)
            return 0;
        loop_turn(&w->loop, w->loop.ops->steady(&w->loop) + 2000000);
    }
}

static void answers_come_from_the_address_asked(int threads)
{
    struct world *w = begin(threads);
    struct sockaddr_in from;
    for (uint32_t host = 0x7f000001; host < 0x7f000006; host++) {
        ask(w, host, NTPQ_REQ_NONCE);
        assert_int_equal(hear(w, WAIT_MS, &from), 12 + 56); /* "nonce=", 48 digits, a line's end */
        assert_int_equal(ntohl(from.sin_addr.s_addr), host);
        assert_int_equal(ntohs(from.sin_port), w->port);
    }
    end(w);
}

static void served_by_the_loop(void **state)
{
    (void)state;
    answers_come_from_the_address_asked(0);
}

static void served_by_threads(void **state)
{
    (void)state;
    answers_come_from_the_address_asked(2);
}

static uint64_t verdict(const struct world *w, enum verdict v)
{
    struct responder_counts counts;
    responder_counts(w->responder, &counts);
    return counts.verdict[v];
}

static void a_flood_is_answered_at_a_rate_and_the_rest_counted(void **state)
{
    struct world *w = begin(2);
    struct sockaddr_in from;
    size_t answers = 0;
    (void)state;
    int64_t begun = clock_raw(w->clock);
    for (int i = 0; i < FLOOD; i++) {
        ask(w, 0x7f000001, NTPQ_READSTAT);
        while (verdict(w, VERDICT_QUERY) + verdict(w, VERDICT_QUERY_LOST) < (uint64_t)i + 1)
            poll(NULL, 0, 1); /* each reaches a worker: no socket is full */
        if (i % 8 == 0)
            answers += hear(w, 1, &from) > 0;
    }
    while (hear(w, 500, &from))
        answers++;
    double took = (double)(clock_raw(w->clock) - begun) * 1e-9;
    assert_int_equal(verdict(w, VERDICT_QUERY) + verdict(w, VERDICT_QUERY_LOST), FLOOD);
    assert_int_equal(verdict(w, VERDICT_QUERY), answers); /* none that was taken is forgotten */
    assert_true((double)answers <= NTPQ_BURST + NTPQ_RATE * took + 1);
    assert_true(verdict(w, VERDICT_QUERY_LOST) > 0);
    end(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(served_by_the_loop),
        cmocka_unit_test(served_by_threads),
        cmocka_unit_test(a_flood_is_answered_at_a_rate_and_the_rest_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
