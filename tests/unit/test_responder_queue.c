/* SPDX-License-Identifier: GPL-2.0-or-later */
/* More comes than can be answered: how much may wait, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/ntp/wire.h"
#include "server/responder/batch.h"
#include "server/responder/queue.h"
#include "tests/unit/responder_world.h"

#define MS INT64_C(1000000)

/* So many ms of full batches, one each, whose oldest had waited so long; what is to be set at last.
 */
static int serve(struct queue *q, int64_t *now, int ms, int64_t waited)
{
    int set = 0;
    for (int i = 0; i < ms; i++) {
        int room = queue_look(q, true, waited, *now += MS);
        set = room ? room : set;
    }
    return set;
}

static void test_what_stands_is_cut(void **state)
{
    (void)state;
    struct queue q;
    int64_t now = 1000 * MS;
    queue_init(&q, QUEUE_ROOM);
    assert_int_equal(serve(&q, &now, 100, 3 * MS), 0); /* a pause, or a burst, is made up for */
    assert_int_equal(q.last, 0);
    assert_int_equal(serve(&q, &now, 1, 3 * MS), QUEUE_CUT_ROOM);
    assert_true(q.cut);
    assert_int_equal(q.last, now);
    assert_int_equal(serve(&q, &now, 500, MS), 0); /* what is cut is not long any more */
    assert_int_equal(q.last, now);
    assert_int_equal(queue_look(&q, false, 0, now += MS), QUEUE_ROOM);
    assert_false(q.cut);
    assert_int_equal(queue_look(&q, false, 0, now += MS), 0);
    assert_int_equal(q.last, now - 2 * MS);
    assert_int_equal(serve(&q, &now, 100, 3 * MS), 0); /* from the beginning */
}

static void test_what_passes_is_left(void **state)
{
    (void)state;
    struct queue q;
    int64_t now = 1000 * MS;
    queue_init(&q, QUEUE_ROOM);
    assert_int_equal(serve(&q, &now, 1000, 2 * MS - 1), 0); /* busy, and short */
    for (int i = 0; i < 20; i++) {
        assert_int_equal(serve(&q, &now, 99, 3 * MS), 0);
        assert_int_equal(queue_look(&q, i % 2 != 0, MS, now += MS), 0); /* empty, or short again */
    }
    assert_int_equal(q.last, 0);
}

/* A machine that gives little room: there is nothing to cut, but it is said. */
static void test_little_room(void **state)
{
    (void)state;
    struct queue q;
    int64_t now = 1000 * MS;
    queue_init(&q, QUEUE_CUT_ROOM);
    assert_int_equal(serve(&q, &now, 200, 3 * MS), 0);
    assert_true(q.cut && q.last == now);
    assert_int_equal(queue_look(&q, false, 0, now += MS), 0);
    assert_false(q.cut);
}

static void test_clock_stepped_back(void **state)
{
    (void)state;
    struct queue q;
    int64_t now = 100000 * MS;
    queue_init(&q, QUEUE_ROOM);
    assert_int_equal(serve(&q, &now, 50, 3 * MS), 0);
    now -= 90000 * MS;
    assert_int_equal(serve(&q, &now, 100, 3 * MS), 0);
    assert_int_equal(serve(&q, &now, 1, 3 * MS), QUEUE_CUT_ROOM);
}

/* ---- the kernel's queue ---- */

#define MANY 3000 /* datagrams, more than any queue holds */

static void send_many(struct world *w, int fd, int count)
{
    uint8_t request[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    union address to = address("127.0.0.1", port_of(w, 0));
    memset(request + 40, 0x77, 8);
    for (int i = 0; i < count; i++)
        send_bytes(fd, &to, request, sizeof request);
}

/* Serves all that waits; its number. */
static uint64_t drain(struct world *w)
{
    struct responder_counts c = counts(w);
    uint64_t first = judged(&c), before;
    do {
        before = judged(&c);
        turn(w);
        c = counts(w);
    } while (judged(&c) > before);
    return before - first;
}

/* How many datagrams fit, by what is answered of more than that; all others are counted. */
static uint64_t room_for(struct world *w, int fd)
{
    uint64_t dropped = counts(w).dropped;
    send_many(w, fd, MANY);
    uint64_t fit = drain(w);
    assert_int_equal(fit + counts(w).dropped - dropped, MANY);
    return fit;
}

static void test_overload(void **state)
{
    (void)state;
    struct world w;
    begin_local(&w, 0);
    int fd = client("127.0.0.1");
    uint64_t room = room_for(&w, fd);
    assert_int_equal(counts(&w).overload, 0); /* all at once is no overload */

    /* for longer, each time more than one turn of the loop serves, and it waits */
    int64_t begin = clock_now(&w.clock);
    while (!counts(&w).overload && clock_now(&w.clock) < begin + WAIT_MS * MS) {
        send_many(&w, fd, 1000);
        poll(NULL, 0, 3);
        turn(&w);
    }
    assert_true(counts(&w).overload > begin);
    uint64_t cut = QUEUE_CUT_ROOM * room / (uint64_t)responder_socket_room(w.stamper);
    uint64_t dropped = counts(&w).dropped;
    send_many(&w, fd, MANY);
    assert_in_range(counts(&w).dropped - dropped, MANY - cut - cut / 2, MANY);
    drain(&w);
    assert_int_equal(room_for(&w, fd), room); /* as before */
    close(fd);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stands_is_cut), cmocka_unit_test(test_what_passes_is_left),
        cmocka_unit_test(test_little_room),        cmocka_unit_test(test_clock_stepped_back),
        cmocka_unit_test(test_overload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
