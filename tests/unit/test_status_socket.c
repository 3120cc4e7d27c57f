/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "refclock/loop.h"
#include "server/status/json.h"
#include "server/status/socket.h"

#define SECOND INT64_C(1000000000)

/* The real loop with a status socket in a folder of its own. */
struct world {
    struct clock *clock;
    struct loop loop;
    struct status status;
    struct status_socket *socket;
    char folder[40], path[64];
    size_t padding; /* bytes added to each status: a large one */
};

static char *answer(void *arg, const char *request, int64_t now)
{
    struct world *w = arg;
    (void)now;
    if (w->padding && !strcmp(request, "status")) {
        char *line = malloc(w->padding + 2);
        memset(line, 'x', w->padding);
        memcpy(line + w->padding, "\n", 2);
        return line;
    }
    return status_json_line(&w->status, request);
}

static int open_socket(struct world *w, struct status_socket **out, struct err *err)
{
    struct status_socket_config config = {
        .path = w->path, .loop = &w->loop, .answer = answer, .arg = w};
    return status_socket_open(out, &config, err);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err;
    snprintf(w->folder, sizeof w->folder, "/tmp/test_socket.XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/new/status.sock", w->folder);
    assert_int_equal(clock_reader_open(&w->clock, &err), 0);
    loop_poll_init(&w->loop, w->clock);
    status_init(&w->status);
    assert_int_equal(open_socket(w, &w->socket, &err), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char folder[48];
    status_socket_close(w->socket);
    loop_close(&w->loop);
    clock_close(w->clock);
    assert_int_equal(access(w->path, F_OK), -1); /* it went with the daemon */
    snprintf(folder, sizeof folder, "%s/new", w->folder);
    rmdir(folder);
    rmdir(w->folder);
    free(w);
    return 0;
}

static int dial(const struct world *w)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memcpy(name.sun_path, w->path, sizeof w->path);
    if (connect(fd, (struct sockaddr *)&name, sizeof name)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Lets the loop work until there is nothing more to do. */
static void work(struct world *w)
{
    for (int quiet = 0; quiet < 3;) {
        uint64_t before = w->loop.wakeups;
        int64_t start = w->loop.ops->steady(&w->loop);
        assert_int_equal(loop_turn(&w->loop, start + 1000000), 0);
        assert_int_equal(w->loop.wakeups, before + 1);
        /* a turn that waited its whole millisecond had nothing to do */
        quiet = w->loop.ops->steady(&w->loop) - start >= 1000000 ? quiet + 1 : 0;
    }
}

static void tell(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What the client has been sent; "" nothing yet, NULL: closed. */
static const char *hear(int fd, char *buf, size_t size)
{
    ssize_t n = recv(fd, buf, size - 1, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        return NULL;
    buf[n < 0 ? 0 : n] = 0;
    return buf;
}

static struct status_socket_counts counts(const struct world *w)
{
    struct status_socket_counts c;
    status_socket_counts(w->socket, &c);
    return c;
}

static void a_line_in_an_object_out(void **state)
{
    struct world *w = *state;
    char buf[65536];
    int fd = dial(w);
    assert_true(fd >= 0);
    tell(fd, "version\n");
    work(w);
    assert_non_null(strstr(hear(fd, buf, sizeof buf), "\"release\""));
    tell(fd, "sta");
    work(w);
    assert_string_equal(hear(fd, buf, sizeof buf), "");
    tell(fd, "tus\r\nsources\n");
    work(w);
    const char *first = hear(fd, buf, sizeof buf), *second = strchr(first, '\n') + 1;
    assert_non_null(strstr(first, "\"clock\":"));
    assert_non_null(strstr(second, "\"sources\":[]"));
    tell(fd, "quit\n");
    work(w);
    assert_non_null(strstr(hear(fd, buf, sizeof buf), "\"error\":\"unknown request 'quit'"));
    assert_int_equal(counts(w).requests, 3);
    assert_int_equal(counts(w).unknown, 1);
    assert_int_equal(counts(w).clients, 1);
    close(fd);
    work(w);
    assert_int_equal(counts(w).clients, 0);
}

static void who_may_is_in_the_mode(void **state)
{
    struct world *w = *state;
    struct stat st;
    assert_int_equal(lstat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
}

/* As `echo status | nc -U` does. */
static void half_closed_is_still_answered(void **state)
{
    struct world *w = *state;
    char buf[65536];
    int fd = dial(w);
    tell(fd, "status\nversion\n");
    shutdown(fd, SHUT_WR);
    work(w);
    const char *text = hear(fd, buf, sizeof buf);
    assert_non_null(strstr(strchr(text, '\n'), "release"));
    assert_null(hear(fd, buf, sizeof buf));
    close(fd);

    fd = dial(w);
    tell(fd, "watch\n");
    shutdown(fd, SHUT_WR);
    work(w);
    assert_non_null(strstr(hear(fd, buf, sizeof buf), "clock"));
    status_socket_tick(w->socket, loop_now(&w->loop) + SECOND);
    assert_non_null(strstr(hear(fd, buf, sizeof buf), "clock"));
    close(fd);
    work(w);
    assert_int_equal(counts(w).clients, 0);
}

static void watch_gets_one_each_tick(void **state)
{
    struct world *w = *state;
    char buf[65536];
    int fd = dial(w);
    tell(fd, "watch\n");
    work(w);
    assert_non_null(strstr(hear(fd, buf, sizeof buf), "\"clock\""));
    /* longer than the idle time of others: a watcher only listens */
    for (int i = 1; i <= STATUS_SOCKET_IDLE + 10; i++) {
        status_socket_tick(w->socket, loop_now(&w->loop) + i * SECOND);
        const char *text = hear(fd, buf, sizeof buf);
        assert_non_null(strstr(text, "\"clock\""));
        assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    }
    close(fd);
    work(w);
    assert_int_equal(counts(w).clients, 0);
}

static void too_many_are_refused(void **state)
{
    struct world *w = *state;
    int fd[STATUS_SOCKET_CLIENTS + 5];
    char buf[256];
    for (int i = 0; i < STATUS_SOCKET_CLIENTS + 5; i++) {
        fd[i] = dial(w);
        assert_true(fd[i] >= 0);
        work(w);
    }
    assert_int_equal(counts(w).clients, STATUS_SOCKET_CLIENTS);
    assert_int_equal(counts(w).refused, 5);
    assert_non_null(strstr(hear(fd[STATUS_SOCKET_CLIENTS], buf, sizeof buf), "too many clients"));
    assert_null(hear(fd[STATUS_SOCKET_CLIENTS], buf, sizeof buf));
    tell(fd[3], "version\n");
    work(w);
    assert_non_null(strstr(hear(fd[3], buf, sizeof buf), "release"));
    for (int i = 0; i < STATUS_SOCKET_CLIENTS + 5; i++)
        close(fd[i]);
    work(w);
    assert_int_equal(counts(w).clients, 0);
    int again = dial(w);
    work(w);
    assert_int_equal(counts(w).clients, 1);
    close(again);
}

static void ten_thousand_connections_leave_nothing(void **state)
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

static void a_slow_reader_is_dropped(void **state)
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
static void asking_without_reading_is_bounded(void **state)
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

/* A client that asks without pause gets its share of a second, and does not keep the loop busy. */
static void greed_has_to_wait(void **state)
{
    struct world *w = *state;
    char buf[65536];
    int fd = dial(w);
    for (int i = 0; i < 50; i++)
        tell(fd, "version\n");
    work(w);
    assert_int_equal(counts(w).requests, STATUS_SOCKET_RATE);
    status_socket_tick(w->socket, loop_now(&w->loop) + SECOND);
    work(w);
    assert_int_equal(counts(w).requests, 2 * STATUS_SOCKET_RATE);
    assert_non_null(hear(fd, buf, sizeof buf));
    close(fd);
    work(w);
    assert_int_equal(counts(w).clients, 0);
}

static void a_megabyte_is_no_request(void **state)
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

static void bytes_that_are_no_text_are_answered_safely(void **state)
{
    struct world *w = *state;
    char buf[1024];
    int fd = dial(w);
    assert_int_equal(send(fd, "\0\xff\x1b[2J%n%s\n", 10, MSG_NOSIGNAL), 10);
    assert_int_equal(send(fd, "\n\xff\"%n\n", 6, MSG_NOSIGNAL), 6);
    work(w);
    const char *text = hear(fd, buf, sizeof buf);
    assert_non_null(text);
    for (const char *line = text; *line; line = strchr(line, '\n') + 1) {
        json_t *json = json_loads(line, JSON_DISABLE_EOF_CHECK, NULL);
        assert_non_null(json_object_get(json, "error"));
        json_decref(json);
    }
    close(fd);
}

static void half_a_request_is_not_waited_for(void **state)
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

static void a_dead_socket_is_replaced_a_living_one_not(void **state)
{
    struct world *w = *state;
    struct status_socket *second;
    struct err err;
    struct stat before, after;
    assert_int_equal(lstat(w->path, &before), 0);
    assert_int_equal(open_socket(w, &second, &err), -1);
    assert_string_equal(err.thing, w->path);
    assert_non_null(strstr(err.why, "another program answers"));
    assert_int_equal(lstat(w->path, &after), 0);
    assert_true(before.st_ino == after.st_ino);

    /* a daemon that was killed leaves its socket behind */
    status_socket_close(w->socket);
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    memcpy(name.sun_path, w->path, sizeof w->path);
    int dead = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&name, sizeof name), 0);
    close(dead);
    assert_int_equal(open_socket(w, &w->socket, &err), 0);
    int fd = dial(w);
    assert_true(fd >= 0);
    close(fd);
    work(w);
}

static void a_file_is_never_removed(void **state)
{
    struct world *w = *state;
    struct err err;
    status_socket_close(w->socket);
    int fd = open(w->path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(open_socket(w, &w->socket, &err), -1);
    assert_non_null(strstr(err.why, "not a socket"));
    assert_int_equal(unlink(w->path), 0); /* it was still there */
    assert_int_equal(symlink("/dev/null", w->path), 0);
    assert_int_equal(open_socket(w, &w->socket, &err), -1);
    assert_int_equal(unlink(w->path), 0);

    /* nor what took the place of ours */
    assert_int_equal(open_socket(w, &w->socket, &err), 0);
    assert_int_equal(unlink(w->path), 0);
    fd = open(w->path, O_CREAT | O_WRONLY | O_EXCL, 0600);
    close(fd);
    status_socket_close(w->socket);
    assert_int_equal(unlink(w->path), 0);
    assert_int_equal(open_socket(w, &w->socket, &err), 0);
}

static void a_folder_that_cannot_be_made_is_an_error(void **state)
{
    struct world *w = *state;
    struct status_socket_config config = {
        .path = "/nowhere/at/all/status.sock", .loop = &w->loop, .answer = answer, .arg = w};
    struct status_socket *s;
    struct err err;
    char path[200];
    assert_int_equal(status_socket_open(&s, &config, &err), -1);
    assert_string_equal(err.thing, config.path);
    assert_true(*err.todo);
    memset(path, 'a', sizeof path);
    path[sizeof path - 1] = 0;
    config.path = path;
    assert_int_equal(status_socket_open(&s, &config, &err), -1);
    assert_non_null(strstr(err.why, "longer"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_in_an_object_out),
        TEST(who_may_is_in_the_mode),
        TEST(half_closed_is_still_answered),
        TEST(watch_gets_one_each_tick),
        TEST(too_many_are_refused),
        TEST(ten_thousand_connections_leave_nothing),
        TEST(a_slow_reader_is_dropped),
        TEST(asking_without_reading_is_bounded),
        TEST(greed_has_to_wait),
        TEST(a_megabyte_is_no_request),
        TEST(bytes_that_are_no_text_are_answered_safely),
        TEST(half_a_request_is_not_waited_for),
        TEST(a_dead_socket_is_replaced_a_living_one_not),
        TEST(a_file_is_never_removed),
        TEST(a_folder_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
