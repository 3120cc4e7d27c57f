/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "handler_world.h"

/* One request that came `age` ns before the present reading. Returns the answer's size. */
static size_t request(struct world *w, int64_t age)
{
    static const uint8_t bytes[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    struct datagram d = {.bytes = bytes, .size = sizeof bytes, .received = w->clock.shows - age};
    handler_look(&w->handler);
    return handler_answer(&w->handler, &d, w->out);
}

static void test_answers_and_counts(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    struct ntp_packet p;
    wire_decode(w.out, &p);
    assert_true(p.transmit == (civil_to_ntp(START) & ~UINT64_C(1)));
    assert_true(p.receive == (civil_to_ntp(START - 1000) | 1));
    assert_int_equal(counted(&w, VERDICT_ANSWERED), 1);
    struct datagram empty = {.bytes = (const uint8_t *)"", .received = START};
    assert_int_equal(handler_answer(&w.handler, &empty, w.out), 0);
    assert_int_equal(counted(&w, VERDICT_SHORT), 1);
}

/* The reading before an answer leaves is the one that counts, and nothing else of it changes. */
static void test_stamped_anew(void **state)
{
    (void)state;
    struct world w;
    struct ntp_packet p;
    uint8_t before[WIRE_SIZE];
    static const uint8_t bytes[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    struct datagram d = {.bytes = bytes, .size = sizeof bytes, .received = START - 1000};
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    assert_true(w.handler.timely);
    memcpy(before, w.out, sizeof before);
    w.clock.shows += 5000;
    assert_true(handler_reread(&w.handler));
    w.handler.ahead = 700;
    handler_restamp(&w.handler, &d, w.out);
    wire_decode(w.out, &p);
    assert_true(p.transmit == (civil_to_ntp(START + 5700) & ~UINT64_C(1)));
    assert_memory_equal(before, w.out, WIRE_TRANSMIT);
}

/* As when there is next to no time between them, or a rate turns them around. */
static void test_stamped_anew_not_before_it_came(void **state)
{
    (void)state;
    struct world w;
    struct ntp_packet p;
    begin(&w);
    assert_int_equal(request(&w, 0), WIRE_SIZE);
    for (int64_t reading = START - 3; reading < START + 2; reading++) {
        reply_restamp(&w.handler.snapshot, reading, w.out);
        wire_decode(w.out, &p);
        assert_true(p.receive == (civil_to_ntp(START) | 1));
        assert_true(p.transmit > p.receive && !(p.transmit & 1));
    }
}

/* A step may have been made between what was published and the reading: it is not used. */
static void test_a15_a_step_before_it_leaves(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    assert_int_equal(request(&w, 1000), WIRE_SIZE);
    struct snapshot announced = w.snapshot;
    announced.transition = true;
    w.clock.publish = &announced; /* while the clock is read */
    w.clock.shows += 3600 * NS_PER_S;
    assert_false(handler_reread(&w.handler));
    assert_true(w.handler.now == START);
    assert_int_equal(request(&w, 1000), 0);
    assert_false(w.handler.timely);
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

static void test_a15_no_answer_while_stepping(void **state)
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
static void test_a15_a_request_that_waited_through_a_step(void **state)
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
static void test_a15_a_step_while_looking(void **state)
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
        cmocka_unit_test(test_stamped_anew),
        cmocka_unit_test(test_stamped_anew_not_before_it_came),
        cmocka_unit_test(test_a15_a_step_before_it_leaves),
        cmocka_unit_test(test_stamps_of_unknown_generation),
        cmocka_unit_test(test_a15_no_answer_while_stepping),
        cmocka_unit_test(test_a15_a_request_that_waited_through_a_step),
        cmocka_unit_test(test_a15_a_step_while_looking),
        cmocka_unit_test(test_two_handlers_share_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
