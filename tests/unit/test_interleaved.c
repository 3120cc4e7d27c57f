/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The server's side of interleaved mode (RFC 9769 section 2): a handler and a client's packets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>

#include "refclock/civil.h"
#include "server/responder/handler.h"
#include "server/responder/interleave.h"

#define START (INT64_C(1795521600) * NS_PER_S)
#define AHEAD 4000 /* ns, what is expected of an answer */

struct told_clock {
    struct clock clock;
    int64_t shows;
};

struct world {
    struct snapshot_latch latch;
    struct told_clock clock;
    struct handler handler;
    struct ntp_packet answer;
};

static int64_t told_now(struct clock *c)
{
    return ((struct told_clock *)c)->shows;
}

static const struct clock_ops told_ops = {.name = "told", .now = told_now};

static void begin(struct world *w)
{
    *w = (struct world){.clock = {.clock.ops = &told_ops, .shows = START}};
    struct snapshot s = {
        .reference = START, .total = 1e-5, .reftime = START, .stratum = 1, .precision = -20};
    snapshot_latch_init(&w->latch);
    snapshot_publish(&w->latch, &s);
    handler_init(&w->handler, &w->latch, &w->clock.clock);
    w->handler.interleave = interleave_new(9, NULL);
    w->handler.ahead = AHEAD;
    assert_non_null(w->handler.interleave);
}

static void end(struct world *w)
{
    interleave_free(w->handler.interleave);
}

static union address client(unsigned number)
{
    union address a = {.v4 = {.sin_family = AF_INET, .sin_port = htons(4000)}};
    a.v4.sin_addr.s_addr = htonl(0x64400000 + number);
    return a;
}

/* Asks 10 ms after the last time. True: the answer is kept, and its leaving wanted. */
static bool ask(struct world *w, unsigned number, struct ntp_packet request)
{
    uint8_t bytes[WIRE_SIZE], out[REPLY_SIZE];
    w->clock.shows += 10000000;
    request.version = 4;
    wire_encode(&request, bytes);
    struct datagram d = {.bytes = bytes,
                         .size = sizeof bytes,
                         .received = w->clock.shows - 1000,
                         .from = client(number)};
    handler_look(&w->handler);
    assert_int_equal(handler_answer(&w->handler, &d, out), WIRE_SIZE);
    wire_decode(out, &w->answer);
    /* the transmit timestamp of the earlier answer stays as it is */
    assert_true(w->handler.timely != w->handler.kept);
    return w->handler.kept;
}

static uint64_t even(int64_t ns)
{
    return civil_to_ntp(ns) & ~UINT64_C(1);
}

/* The present answer, as one in basic mode must be. */
static void assert_basic(const struct world *w, uint64_t transmit)
{
    assert_true(w->answer.origin == transmit);
    assert_true(w->answer.receive == (civil_to_ntp(w->clock.shows - 1000) | 1));
    assert_true(w->answer.transmit == even(w->clock.shows + AHEAD));
}

/* What a client in interleaved mode sends after the present answer. */
static struct ntp_packet next(const struct world *w, uint64_t transmit)
{
    return (struct ntp_packet){.mode = WIRE_MODE_CLIENT,
                               .origin = w->answer.receive,
                               .receive = 7000 + transmit,
                               .transmit = transmit};
}

static void an_answer_tells_when_the_one_before_left(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_false(ask(&w, 1, (struct ntp_packet){.mode = WIRE_MODE_CLIENT, .transmit = 100}));
    assert_basic(&w, 100);
    /* nothing is kept of who never asked for it */
    assert_false(ask(&w, 1, next(&w, 101)));
    assert_basic(&w, 101);
    union address who = client(1);
    uint64_t receive = w.answer.receive;
    int64_t expected = w.clock.shows + AHEAD;
    assert_true(ask(&w, 1, next(&w, 102)));
    assert_true(w.answer.origin == 7102);
    assert_true(w.answer.receive == (civil_to_ntp(w.clock.shows - 1000) | 1));
    assert_true(civil_to_ntp(expected) - w.answer.transmit < 2);
    /* the kernel says when it really left */
    interleave_left(w.handler.interleave, &who, w.answer.receive, 123456);
    struct ntp_packet after = next(&w, 103);
    assert_true(ask(&w, 1, after));
    assert_true(w.answer.origin == 7103 && w.answer.transmit == 123456);
    /* the answer to that was lost: the client names the one before again */
    after.transmit = 104;
    assert_true(ask(&w, 1, after));
    assert_true(w.answer.origin == 7103 && w.answer.transmit == 123456);
    assert_true(receive != w.answer.receive);
    end(&w);
}

static void who_does_not_name_an_answer_gets_a_basic_one(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    ask(&w, 1, (struct ntp_packet){.mode = WIRE_MODE_CLIENT, .origin = 1, .transmit = 100});
    struct ntp_packet right = next(&w, 101);
    assert_false(ask(&w, 2, right)); /* of another client */
    assert_basic(&w, 101);
    struct ntp_packet wrong = right;
    wrong.origin = w.answer.transmit; /* what ntpd's put there */
    assert_false(ask(&w, 1, wrong));
    assert_basic(&w, 101);
    wrong = right;
    wrong.receive = wrong.transmit; /* then an answer would be either */
    assert_false(ask(&w, 1, wrong));
    assert_basic(&w, 101);
    wrong = right;
    wrong.mode = WIRE_MODE_ACTIVE;
    assert_false(ask(&w, 1, wrong));
    assert_basic(&w, 101);
    assert_true(ask(&w, 1, right));
    end(&w);
}

static void without_a_table_all_is_basic(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    end(&w);
    w.handler.interleave = NULL;
    ask(&w, 1, (struct ntp_packet){.mode = WIRE_MODE_CLIENT, .origin = 1, .transmit = 100});
    assert_false(ask(&w, 1, next(&w, 101)));
    assert_basic(&w, 101);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_tells_when_the_one_before_left),
        cmocka_unit_test(who_does_not_name_an_answer_gets_a_basic_one),
        cmocka_unit_test(without_a_table_all_is_basic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
