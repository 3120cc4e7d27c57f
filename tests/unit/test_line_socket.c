/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What neither the status socket's tests nor those of the control socket see of the two's ground.
 */
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

#include "server/status/line_socket.h"
#include "unix_client.h"

#define SECOND INT64_C(1000000000)

enum { CLIENTS = 2, LINE = 16, PATIENCE = 10, MUCH = 1 << 20 };

/* A socket whose clients get a megabyte for "much", and become a stream by "stream". */
struct world {
    struct clock *clock;
    struct loop loop;
    struct line_socket lines;
    struct line_client client[CLIENTS];
    char request[CLIENTS][LINE];
    char folder[40], path[64];
    int requests;
};

static void on_request(void *arg, struct line_client *c, char *line, int64_t now)
{
    struct world *w = arg;
    (void)now;
    w->requests++;
    if (!strcmp(line, "stream")) {
        line_client_become(c, LINE_STREAMS);
        return;
    }
    char *text = malloc(MUCH + 1);
    memset(text, 'x', MUCH);
    text[MUCH] = 0;
    line_client_say(c, text);
}

static void open_lines(struct world *w, size_t backlog)
{
    struct err err;
    w->lines.config = (struct line_socket_config){.path = w->path,
                                                  .directive = "word",
                                                  .mode = 0600,
                                                  .loop = &w->loop,
                                                  .full = "full",
                                                  .client = w->client,
                                                  .requests = w->request[0],
                                                  .clients = CLIENTS,
                                                  .line = LINE,
                                                  .backlog = backlog,
                                                  .rate = 5,
                                                  .patience = PATIENCE,
                                                  .idle = 300,
                                                  .request = on_request,
                                                  .arg = w};
    assert_int_equal(line_socket_open(&w->lines, &err), 0);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err;
    snprintf(w->folder, sizeof w->folder, "/tmp/test_line.XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/line.sock", w->folder);
    assert_int_equal(clock_reader_open(&w->clock, &err), 0);
    loop_poll_init(&w->loop, w->clock);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    line_socket_close(&w->lines);
    loop_close(&w->loop);
    clock_close(w->clock);
    assert_int_equal(rmdir(w->folder), 0);
    free(w);
    return 0;
}

static void work(struct world *w)
{
    for (int i = 0; i < 20; i++)
        assert_int_equal(loop_turn(&w->loop, w->loop.ops->steady(&w->loop) + 200000), 0);
}

/* Asks for much, `seconds` ago as far as the socket knows, and reads some of it now. */
static void read_some(struct world *w, int fd, int64_t seconds)
{
    char buf[300000]; /* more than half of what the kernel holds, so that there is room again */
    tell(fd, "much\n");
    work(w);
    assert_true(w->client[0].unread > 0);
    w->client[0].since -= seconds * SECOND;
    size_t before = w->client[0].unread;
    for (int i = 0; i < 100 && w->client[0].unread == before; i++) {
        assert_true(recv(fd, buf, sizeof buf, 0) > 0);
        work(w);
    }
    assert_in_range(w->client[0].unread, 1, before - 1);
}

static void who_reads_slowly_is_borne_where_there_may_be_a_backlog(void **state)
{
    struct world *w = *state;
    open_lines(w, 1000);
    int fd = dial_path(w->path);
    read_some(w, fd, PATIENCE + 1);
    line_socket_tick(&w->lines, loop_now(&w->loop));
    assert_int_equal(w->lines.counts.clients, 1);
    line_socket_tick(&w->lines, loop_now(&w->loop) + (PATIENCE + 1) * SECOND);
    assert_int_equal(w->lines.counts.slow, 1);
    assert_int_equal(w->lines.counts.clients, 0);
    close(fd);
}

static void and_is_dropped_where_there_may_be_none(void **state)
{
    struct world *w = *state;
    open_lines(w, 0);
    int fd = dial_path(w->path);
    read_some(w, fd, PATIENCE + 1);
    line_socket_tick(&w->lines, loop_now(&w->loop));
    assert_int_equal(w->lines.counts.slow, 1);
    assert_int_equal(w->lines.counts.clients, 0);
    close(fd);
}

/* More than a line holds, in one that was not finished before the stream began, does no harm. */
static void what_a_streams_reader_says_is_not_heard(void **state)
{
    struct world *w = *state;
    char buf[16];
    open_lines(w, 1000);
    int fd = dial_path(w->path);
    tell(fd, "stream\nmuch\nmu");
    work(w);
    for (int i = 0; i < 10; i++)
        tell(fd, "much and more\nmuch");
    work(w);
    assert_int_equal(w->requests, 1);
    assert_int_equal(w->lines.counts.oversize, 0);
    assert_true(line_client_put(&w->client[0], "abc", 3));
    assert_int_equal(recv(fd, buf, sizeof buf, 0), 3);
    close(fd);
    work(w);
    assert_int_equal(w->lines.counts.clients, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_reads_slowly_is_borne_where_there_may_be_a_backlog),
        TEST(and_is_dropped_where_there_may_be_none),
        TEST(what_a_streams_reader_says_is_not_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
