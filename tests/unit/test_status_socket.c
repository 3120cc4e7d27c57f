/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "status_world.h"

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
        TEST(greed_has_to_wait),
        TEST(bytes_that_are_no_text_are_answered_safely),
        TEST(a_dead_socket_is_replaced_a_living_one_not),
        TEST(a_file_is_never_removed),
        TEST(a_folder_that_cannot_be_made_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
