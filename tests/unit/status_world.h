/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_STATUS_WORLD_H
#define TIMEBALL_TESTS_STATUS_WORLD_H

/* Include it after cmocka.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/loop.h"
#include "server/status/json.h"
#include "server/status/socket.h"
#include "unix_client.h"

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

static inline char *answer(void *arg, const char *request, int64_t now)
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

static inline int open_socket(struct world *w, struct status_socket **out, struct err *err)
{
    struct status_socket_config config = {
        .path = w->path, .loop = &w->loop, .answer = answer, .arg = w};
    return status_socket_open(out, &config, err);
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
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

static inline int dial(const struct world *w)
{
    return dial_path(w->path);
}

/* Lets the loop work until there is nothing more to do. */
static inline void work(struct world *w)
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

static inline struct status_socket_counts counts(const struct world *w)
{
    struct status_socket_counts c;
    status_socket_counts(w->socket, &c);
    return c;
}

#endif
