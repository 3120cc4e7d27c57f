/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/resource.h>

#include "status_world.h"

/* Rows F2 and F4 of the faults: who storms the status socket. */

/* Connects and says `text`, until all places are taken. */
static void fill_places(struct world *w, int fd[STATUS_SOCKET_CLIENTS], const char *text)
{
    for (int i = 0; i < STATUS_SOCKET_CLIENTS; i++) {
        fd[i] = dial(w);
        assert_true(fd[i] >= 0);
        work(w);
        tell(fd[i], text);
        work(w);
    }
    assert_int_equal(counts(w).clients, STATUS_SOCKET_CLIENTS);
}

static void close_all(struct world *w, const int fd[STATUS_SOCKET_CLIENTS])
{
    for (int i = 0; i < STATUS_SOCKET_CLIENTS; i++)
        close(fd[i]);
    work(w);
}

/* Those who watch, and those who were just answered, keep their places. */
static void f2_too_many_are_refused(void **state)
{
    struct world *w = *state;
    int fd[STATUS_SOCKET_CLIENTS], more[5];
    char buf[65536];
    w->padding = 100; /* so that it fits where nobody reads */
    fill_places(w, fd, "watch\n");
    for (int i = 0; i < 5; i++) {
        more[i] = dial(w);
        work(w);
        assert_non_null(strstr(hear(more[i], buf, sizeof buf), "too many clients"));
        assert_null(hear(more[i], buf, sizeof buf));
        close(more[i]);
    }
    assert_int_equal(counts(w).refused, 5);
    assert_int_equal(counts(w).displaced, 0);
    tell(fd[3], "version\n");
    work(w);
    assert_non_null(strstr(hear(fd[3], buf, sizeof buf), "release"));
    close_all(w, fd);
    assert_int_equal(counts(w).clients, 0);
    int again = dial(w);
    work(w);
    assert_int_equal(counts(w).clients, 1);
    close(again);
}

/* Who asks is answered, whoever else holds a place without asking. */
static void f2_the_silent_make_room(void **state)
{
    static const char *const texts[] = {"", "stat"};
    struct world *w = *state;
    int fd[STATUS_SOCKET_CLIENTS];
    char buf[65536];
    for (size_t i = 0; i < 2; i++) {
        fill_places(w, fd, texts[i]);
        int honest = dial(w);
        tell(honest, "version\n");
        work(w);
        assert_non_null(strstr(hear(honest, buf, sizeof buf), "release"));
        assert_null(hear(fd[0], buf, sizeof buf)); /* it was there first */
        assert_string_equal(hear(fd[1], buf, sizeof buf), "");
        assert_int_equal(counts(w).displaced, i + 1);
        assert_int_equal(counts(w).refused, 0);
        close(honest);
        close_all(w, fd);
        assert_int_equal(counts(w).clients, 0);
    }
}

/* Without a descriptor left, too; where nobody can make room, the next tick tries again. */
static void f4_no_descriptors(void **state)
{
    struct world *w = *state;
    struct rlimit before, less;
    char buf[65536];
    int silent = dial(w), honest = dial(w);
    work(w);
    assert_int_equal(counts(w).clients, 2);
    tell(honest, "version\n");
    work(w);
    assert_non_null(strstr(hear(honest, buf, sizeof buf), "release"));
    int third = dial(w), next = dup(third); /* the kernel gives the least number that is free */
    close(next);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    less = (struct rlimit){(rlim_t)next, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    tell(third, "version\n");
    work(w);
    assert_non_null(strstr(hear(third, buf, sizeof buf), "release"));
    assert_null(hear(silent, buf, sizeof buf));
    assert_int_equal(counts(w).displaced, 1);
    assert_int_equal(counts(w).accept_errors, 1);

    close(silent);
    int fourth = dial(w); /* takes the last one; all others were just answered */
    tell(fourth, "version\n");
    work(w);
    assert_string_equal(hear(fourth, buf, sizeof buf), "");
    assert_int_equal(counts(w).accept_errors, 2);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    work(w);
    assert_string_equal(hear(fourth, buf, sizeof buf), "");
    status_socket_tick(w->socket, loop_now(&w->loop) + SECOND);
    work(w);
    assert_non_null(strstr(hear(fourth, buf, sizeof buf), "release"));
    close(honest);
    close(third);
    close(fourth);
}

static void f2_ten_thousand_connections_leave_nothing(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 10000; i++) {
        int fd = dial(w);
        if (fd >= 0 && i % 3 == 0)
            tell(fd, "status\n");
        if (fd >= 0)
            close(fd);
        assert_int_equal(loop_turn(&w->loop, 0), 0);
    }
    work(w);
    assert_int_equal(counts(w).clients, 0);
}

static void f2_a_slow_reader_is_dropped(void **state)
{
    struct world *w = *state;
    char buf[65536];
    int slow = dial(w), quick = dial(w);
    w->padding = STATUS_LINE_MAX - 10;
    tell(slow, "watch\n");
    tell(quick, "watch\n");
    work(w);
    for (int i = 0; i < 20; i++) {
        if (i > 0)
            status_socket_tick(w->socket, loop_now(&w->loop) + i * SECOND);
        const char *text = "";
        for (int k = 0; k < 40 && text; k++) {
            text = hear(quick, buf, sizeof buf);
            work(w);
        }
        assert_non_null(text);
    }
    assert_int_equal(counts(w).slow, 1);
    assert_int_equal(counts(w).clients, 1);
    close(slow);
    close(quick);
}

/* One that asks and asks and never reads holds one answer, and is dropped in time. */
static void f2_asking_without_reading_is_bounded(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    w->padding = STATUS_LINE_MAX - 10;
    for (int i = 0; i < 1000; i++) {
        if (send(fd, "status\n", 7, MSG_NOSIGNAL) < 0)
            assert_int_equal(errno, EAGAIN);
        assert_int_equal(loop_turn(&w->loop, 0), 0);
    }
    assert_true(counts(w).requests < 20);
    status_socket_tick(w->socket, loop_now(&w->loop) + (STATUS_SOCKET_PATIENCE + 1) * SECOND);
    assert_int_equal(counts(w).slow, 1);
    assert_int_equal(counts(w).clients, 0);
    close(fd);
}

static void f2_a_megabyte_is_no_request(void **state)
{
    struct world *w = *state;
    char buf[1024], *megabyte = malloc(1 << 20);
    int fd = dial(w);
    memset(megabyte, 'a', 1 << 20);
    assert_true(send(fd, megabyte, 1 << 20, MSG_NOSIGNAL) > 256);
    work(w);
    assert_non_null(strstr(hear(fd, buf, sizeof buf), "longer than 256 bytes"));
    assert_null(hear(fd, buf, sizeof buf));
    assert_int_equal(counts(w).oversize, 1);
    assert_int_equal(counts(w).clients, 0);
    close(fd);
    free(megabyte);
}

static void f2_half_a_request_is_not_waited_for(void **state)
{
    struct world *w = *state;
    char buf[256];
    int half = dial(w), silent = dial(w), idle = dial(w);
    tell(half, "stat");
    tell(idle, "version\n");
    work(w);
    int64_t now = loop_now(&w->loop);
    status_socket_tick(w->socket, now + (STATUS_SOCKET_PATIENCE - 1) * SECOND);
    assert_int_equal(counts(w).clients, 3);
    status_socket_tick(w->socket, now + (STATUS_SOCKET_PATIENCE + 1) * SECOND);
    assert_int_equal(counts(w).clients, 1);
    assert_int_equal(counts(w).timeouts, 2);
    assert_null(hear(half, buf, sizeof buf));
    assert_null(hear(silent, buf, sizeof buf));
    status_socket_tick(w->socket, now + (STATUS_SOCKET_IDLE + 1) * SECOND);
    assert_int_equal(counts(w).clients, 0);
    close(half);
    close(silent);
    close(idle);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(f2_too_many_are_refused),     TEST(f2_the_silent_make_room),
        TEST(f4_no_descriptors),           TEST(f2_ten_thousand_connections_leave_nothing),
        TEST(f2_a_slow_reader_is_dropped), TEST(f2_asking_without_reading_is_bounded),
        TEST(f2_a_megabyte_is_no_request), TEST(f2_half_a_request_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
