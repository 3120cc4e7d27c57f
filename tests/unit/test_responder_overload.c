/* SPDX-License-Identifier: GPL-2.0-or-later */
/* More comes than can be answered: it is seen, and what the kernel drops is counted. */
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
#include "server/responder/overload.h"
#include "tests/unit/responder_world.h"

#define MS INT64_C(1000000)

/* So many ms of full batches, one each, whose oldest had waited so long. */
static void serve(struct overload *o, int64_t *now, int ms, int64_t waited)
{
    for (int i = 0; i < ms; i++)
        overload_look(o, true, waited, *now += MS);
}

static void test_what_stands(void **state)
{
    (void)state;
    struct overload o = {0};
    int64_t now = 1000 * MS;
    serve(&o, &now, 100, 3 * MS); /* a pause, or a burst, is made up for in that time */
    assert_int_equal(o.last, 0);
    serve(&o, &now, 1, 3 * MS);
    assert_int_equal(o.last, now);
    serve(&o, &now, 50, 3 * MS);
    assert_int_equal(o.last, now);
    overload_look(&o, false, 3 * MS, now + MS); /* that emptied it */
    serve(&o, &now, 100, 3 * MS);
    assert_int_equal(o.last, now - 100 * MS);
}

static void test_what_passes(void **state)
{
    (void)state;
    struct overload o = {0};
    int64_t now = 1000 * MS;
    serve(&o, &now, 1000, OVERLOAD_LONG - 1); /* busy, and short */
    for (int i = 0; i < 20; i++) {
        serve(&o, &now, 99, 3 * MS);
        overload_look(&o, i % 2 != 0, MS, now += MS); /* empty, or short again */
    }
    assert_int_equal(o.last, 0);
}

static void test_clock_stepped_back(void **state)
{
    (void)state;
    struct overload o = {0};
    int64_t now = 100000 * MS;
    serve(&o, &now, 50, 3 * MS);
    now -= 90000 * MS;
    serve(&o, &now, 100, 3 * MS);
    assert_int_equal(o.last, 0);
    serve(&o, &now, 1, 3 * MS);
    assert_int_equal(o.last, now);
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

static void test_overload(void **state)
{
    (void)state;
    struct world w;
    begin_local(&w, 0);
    int fd = client("127.0.0.1");
    send_many(&w, fd, MANY);
    uint64_t fit = drain(&w);
    assert_in_range(fit, 1, MANY - 1);
    assert_int_equal(fit + counts(&w).dropped, MANY); /* none is lost without being counted */
    assert_int_equal(counts(&w).overload, 0);         /* all at once is no overload */

    /* for longer, each time more than one turn of the loop serves, and it waits */
    int64_t begin = clock_now(&w.clock);
    while (!counts(&w).overload && clock_now(&w.clock) < begin + WAIT_MS * MS) {
        send_many(&w, fd, 1000);
        poll(NULL, 0, 3);
        turn(&w);
    }
    assert_true(counts(&w).overload > begin);
    close(fd);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_stands),
        cmocka_unit_test(test_what_passes),
        cmocka_unit_test(test_clock_stepped_back),
        cmocka_unit_test(test_overload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
