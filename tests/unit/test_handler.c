/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/handler.h"
#include "server/reply.h"

#define START (INT64_C(1795521600) * NS_PER_S)

/* A clock that shows what it is told; it can publish while it is being read. */
struct told_clock {
    struct clock clock;
    int64_t shows;
    struct snapshot_latch *latch;
    const struct snapshot *publish;
};

static int64_t told_now(struct clock *c)
{
    struct told_clock *t = (struct told_clock *)c;
    if (t->publish)
        snapshot_publish(t->latch, t->publish);
    t->publish = NULL;
    return t->shows;
}

static const struct clock_ops told_ops = {.name = "told", .now = told_now};

struct world {
    struct snapshot_latch latch;
    struct told_clock clock;
    struct handler handler;
    struct snapshot snapshot;
    uint8_t out[REPLY_SIZE];
};

static void begin(struct world *w)
{
    *w = (struct world){.clock = {.clock.ops = &told_ops, .shows = START}};
    snapshot_latch_init(&w->latch);
    w->clock.latch = &w->latch;
    w->snapshot = (struct snapshot){
        .reference = START - NS_PER_S / 4,
        .total = 1e-5,
        .refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
        .reftime = START - NS_PER_S / 4,
        .stratum = 1,
        .precision = -20,
        .locked_once = true,
    };
    snapshot_publish(&w->latch, &w->snapshot);
    handler_init(&w->handler, &w->latch, &w->clock.clock);
}

/* One request that came `age` ns before the present reading. Returns the answer's size. */
static size_t request(struct world *w, int64_t age)
{
    static const uint8_t bytes[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    struct datagram d = {.bytes = bytes, .size = sizeof bytes, .received = w->clock.shows - age};
    handler_look(&w->handler);
    return handler_answer(&w->handler, &d, w->out);
}

static uint64_t counted(const struct world *w, enum verdict v)
{
    return atomic_load(&w->handler.tally.verdict[v]);
}

static void test_answers_and_counts(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    struct ntp_packet p;
    wire_decode(w.out, &p);
    assert_true(p.transmit == civil_to_ntp(START));
    assert_true(p.receive == civil_to_ntp(START - 1000));
    assert_int_equal(counted(&w, VERDICT_ANSWERED), 1);
    struct datagram empty = {.bytes = (const uint8_t *)"", .received = START};
    assert_int_equal(handler_answer(&w.handler, &empty, w.out), 0);
    assert_int_equal(counted(&w, VERDICT_SHORT), 1);
}

static void test_stamps_of_unknown_generation(void **state)
{
    (void)state;
    static const struct {
        int64_t age;
        size_t answer;
    } cases[] = {{0, WIRE_SIZE}, {1000000000, WIRE_SIZE}, {1000000001, 0},
                 {-1, 0},        {-3600 * NS_PER_S, 0},   {3600 * NS_PER_S, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct world w;
        begin(&w);
        w.snapshot.reference = START - 2 * NS_PER_S;
        snapshot_publish(&w.latch, &w.snapshot);
        assert_int_equal(request(&w, cases[i].age), cases[i].answer);
        assert_int_equal(counted(&w, VERDICT_GENERATION), cases[i].answer ? 0 : 1);
    }
}

static void test_no_answer_while_stepping(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    w.snapshot.transition = true;
    snapshot_publish(&w.latch, &w.snapshot);
    assert_int_equal(request(&w, 1000), 0);
    assert_int_equal(counted(&w, VERDICT_STEP), 1);
}

/* The clock is stepped forward by 0.4 s while a request waits in the socket: its stamp looks just
 * 0.4 s old, but belongs to the old clock. */
static void test_a_request_that_waited_through_a_step(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    int64_t arrived = w.clock.shows + 100;
    w.clock.shows += 400000000;
    w.snapshot.generation++;
    w.snapshot.reference = w.clock.shows;
    snapshot_publish(&w.latch, &w.snapshot);
    w.clock.shows += 1000;
    assert_int_equal(request(&w, w.clock.shows - arrived), 0);
    assert_int_equal(counted(&w, VERDICT_GENERATION), 1);
    assert_int_equal(request(&w, 500), WIRE_SIZE);
}

/* The step happens between the reading of the snapshot and that of the clock, or just after. */
static void test_a_step_while_looking(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    struct snapshot moving = w.snapshot, moved = w.snapshot;
    moving.transition = true;
    moved.generation++;
    moved.reference = START;
    w.clock.publish = &moving;
    assert_int_equal(request(&w, 0), 0);
    assert_int_equal(counted(&w, VERDICT_STEP), 1);
    snapshot_publish(&w.latch, &w.snapshot);
    w.clock.publish = &moved;
    assert_int_equal(request(&w, 0), 0);
    assert_int_equal(counted(&w, VERDICT_GENERATION), 1);
    assert_int_equal(request(&w, 0), WIRE_SIZE);
    /* a step that was announced when looking began, whatever became of it */
    moving.generation = moved.generation;
    snapshot_publish(&w.latch, &moving);
    w.clock.publish = &moved;
    assert_int_equal(request(&w, 0), 0);
    assert_int_equal(counted(&w, VERDICT_GENERATION), 2);
}

static void test_two_handlers_share_nothing(void **state)
{
    (void)state;
    struct world a, b;
    begin(&a);
    begin(&b);
    assert_int_equal(request(&a, 0), WIRE_SIZE);
    assert_int_equal(counted(&a, VERDICT_ANSWERED), 1);
    assert_int_equal(counted(&b, VERDICT_ANSWERED), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_and_counts),
        cmocka_unit_test(test_stamps_of_unknown_generation),
        cmocka_unit_test(test_no_answer_while_stepping),
        cmocka_unit_test(test_a_request_that_waited_through_a_step),
        cmocka_unit_test(test_a_step_while_looking),
        cmocka_unit_test(test_two_handlers_share_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
