/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "server/web/http.h"

/* The server in a loop of virtual time, on a free port of 127.0.0.1. */
struct world {
    struct loop_virtual loop;
    struct clock_virtual clock;
    union address address;
    struct http *http;
    int asked; /* times that the callback was called */
};

static struct http_answer answer(void *arg, const char *path, int64_t now)
{
    struct world *w = arg;
    (void)now;
    w->asked++;
    if (strcmp(path, "/") != 0)
        return http_text(404, "not here\n");
    return (struct http_answer){
        .status = 200, .type = "text/html", .body = "<p>here", .size = 7, .stays = true};
}

static double steady(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

static void free_port(union address *a)
{
    socklen_t size = sizeof a->v4;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    *a = (union address){.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}};
    assert_int_equal(bind(fd, &a->any, sizeof a->v4), 0);
    assert_int_equal(getsockname(fd, &a->any, &size), 0);
    close(fd);
}

static int open_http(struct world *w, struct http **http, struct err *err)
{
    struct http_config config = {
        .loop = &w->loop.loop, .listen = &w->address, .answer = answer, .arg = w};
    return http_open(http, &config, err);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err;
    assert_non_null(w);
    free_port(&w->address);
    loop_virtual_init(&w->loop, &w->clock.clock, INT64_C(1800000000) * NS_PER_S);
    clock_virtual_init(&w->clock, loop_virtual_truth, steady, &w->loop, 0);
    assert_int_equal(open_http(w, &w->http, &err), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    http_close(w->http);
    loop_close(&w->loop.loop);
    free(w);
    return 0;
}

/* Lets the server work on what has come, and `seconds` pass. */
static void work(struct world *w, int seconds)
{
    int64_t until = w->loop.truth + (int64_t)seconds * NS_PER_S;
    do {
        for (int i = 0; i < 20; i++) {
            w->loop.written = true;
            assert_int_equal(loop_turn(&w->loop.loop, w->loop.truth), 0);
        }
        if (w->loop.truth < until)
            w->loop.truth += NS_PER_S;
    } while (w->loop.truth < until);
}

static int dial(struct world *w)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, &w->address.any, sizeof w->address.v4), 0);
    return fd;
}

static void tell(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* What has come back; NULL when the connection is closed. */
static const char *hear(struct world *w, int fd, char *buf, size_t size)
{
    ssize_t n = 0;
    size_t have = 0;
    work(w, 0);
    while (have < size - 1 && (n = recv(fd, buf + have, size - 1 - have, MSG_DONTWAIT)) > 0)
        have += (size_t)n;
    buf[have] = 0;
    return have || (n < 0 && errno == EAGAIN) ? buf : NULL;
}

static const char *ask(struct world *w, const char *request, char *buf, size_t size)
{
    int fd = dial(w);
    tell(fd, request);
    const char *said = hear(w, fd, buf, size);
    close(fd);
    return said ? said : "";
}

static void a_page_has_headers_that_keep_it_to_itself(void **state)
{
    char buf[2048];
    const char *said = ask(*state, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", buf, sizeof buf);
    assert_ptr_equal(strstr(said, "HTTP/1.1 200 "), said);
    assert_non_null(strstr(said, "\r\nContent-Type: text/html\r\n"));
    assert_non_null(strstr(said, "\r\nContent-Security-Policy: default-src 'none'; "));
    assert_non_null(strstr(said, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(said, "\r\nCache-Control: no-store\r\n"));
    assert_null(strstr(said, "Access-Control"));
    assert_string_equal(strstr(said, "\r\n\r\n"), "\r\n\r\n<p>here");
}

static void head_has_no_body(void **state)
{
    char buf[2048];
    const char *said = ask(*state, "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", buf, sizeof buf);
    assert_ptr_equal(strstr(said, "HTTP/1.1 200 "), said);
    assert_non_null(strstr(said, "\r\nContent-Length: 7\r\n"));
    assert_string_equal(strstr(said, "\r\n\r\n"), "\r\n\r\n");
}

static void a_connection_is_kept(void **state)
{
    struct world *w = *state;
    char buf[2048];
    int fd = dial(w);
    for (int i = 0; i < 3; i++) {
        tell(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
        const char *said = hear(w, fd, buf, sizeof buf);
        assert_non_null(said);
        assert_ptr_equal(strstr(said, "HTTP/1.1 200 "), said);
        assert_null(strstr(said, "close"));
    }
    close(fd);
}

static void other_methods_are_refused_unasked(void **state)
{
    static const char *const methods[] = {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "CONNECT"};
    struct world *w = *state;
    char buf[2048], request[96];
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        snprintf(request, sizeof request,
                 "%s / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody", methods[i]);
        const char *said = ask(w, request, buf, sizeof buf);
        assert_ptr_equal(strstr(said, "HTTP/1.1 405 "), said);
        assert_non_null(strstr(said, "\r\nAllow: GET, HEAD\r\n"));
    }
    assert_int_equal(w->asked, 0);
}

static void long_and_broken_requests_are_refused(void **state)
{
    struct world *w = *state;
    char buf[2048], *request = calloc(1, 40000);
    assert_non_null(request);
    snprintf(request, 6, "GET /");
    memset(request + 5, 'a', 30000);
    snprintf(request + 30005, 64, " HTTP/1.1\r\nHost: x\r\n\r\n");
    const char *said = ask(w, request, buf, sizeof buf);
    assert_ptr_equal(strstr(said, "HTTP/1.1 4"), said);
    free(request);
    (void)ask(w, "\r\n\x01\x02\xff nonsense\r\n\r\n", buf, sizeof buf);
    assert_int_equal(w->asked, 0);
    said = ask(w, "GET /x HTTP/1.1\r\nHost: x\r\n\r\n", buf, sizeof buf);
    assert_ptr_equal(strstr(said, "HTTP/1.1 404 "), said);
}

static void who_holds_a_request_open_is_dropped(void **state)
{
    struct world *w = *state;
    char buf[2048];
    int fd = dial(w);
    tell(fd, "GET / HTTP/1.1\r\nX-Slow: ");
    for (int i = 0; i < HTTP_PATIENCE; i++) {
        tell(fd, "a");
        work(w, 1);
        assert_non_null(hear(w, fd, buf, sizeof buf));
    }
    work(w, 3);
    assert_null(hear(w, fd, buf, sizeof buf));
    close(fd);
}

static void too_many_from_one_address_leave_room_for_others(void **state)
{
    struct world *w = *state;
    int fd[HTTP_PER_ADDRESS + 8], closed = 0;
    char buf[2048];
    for (int i = 0; i < HTTP_PER_ADDRESS + 8; i++)
        fd[i] = dial(w);
    work(w, 0);
    for (int i = 0; i < HTTP_PER_ADDRESS + 8; i++) {
        closed += !hear(w, fd[i], buf, sizeof buf);
        close(fd[i]);
    }
    assert_int_equal(closed, 8);
    assert_non_null(strstr(ask(w, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", buf, sizeof buf), " 200 "));
}

static void a_taken_port_is_said(void **state)
{
    struct http *second = NULL;
    struct err err;
    assert_int_equal(open_http(*state, &second, &err), -1);
    assert_null(second);
    assert_non_null(strstr(err.thing, "127.0.0.1 port "));
    assert_non_null(strstr(err.todo, "another port with -l"));
}

static void addresses(void **state)
{
    static const char *const wrong[] = {"",       ":",          "8123",         ":8123",
                                        "x:8123", "127.0.0.1:", "127.0.0.1:0",  "127.0.0.1:65536",
                                        "::1",    "[::1]",      "127.0.0.1:1x", "[127.0.0.1]:80",
                                        "[:80",   "]:80",       "1.2.3.4: 80"};
    union address a;
    struct err err;
    char text[INET6_ADDRSTRLEN];
    (void)state;
    assert_int_equal(http_address("127.0.0.1:8123", "-l", &a, &err), 0);
    assert_string_equal(address_text(&a, text, sizeof text), "127.0.0.1");
    assert_int_equal(address_port(&a), 8123);
    assert_int_equal(http_address("[::1]:80", "-l", &a, &err), 0);
    assert_string_equal(address_text(&a, text, sizeof text), "::1");
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(http_address(wrong[i], "-l", &a, &err), -1);
        assert_non_null(strstr(err.todo, "127.0.0.1:8123"));
    }
}

#define IN_WORLD(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_WORLD(a_page_has_headers_that_keep_it_to_itself),
        IN_WORLD(head_has_no_body),
        IN_WORLD(a_connection_is_kept),
        IN_WORLD(other_methods_are_refused_unasked),
        IN_WORLD(long_and_broken_requests_are_refused),
        IN_WORLD(who_holds_a_request_open_is_dropped),
        IN_WORLD(too_many_from_one_address_leave_room_for_others),
        IN_WORLD(a_taken_port_is_said),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
