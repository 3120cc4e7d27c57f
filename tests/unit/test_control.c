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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refclock/loop.h"
#include "server/daemon/control.h"
#include "unix_client.h"

#define SECOND INT64_C(1000000000)

/* The real loop with a control socket in a folder of its own. */
struct world {
    struct clock *clock;
    struct loop loop;
    struct log log;
    struct control *control;
    struct control_client *waiting; /* of "wait" */
    int gone, lines;
    char folder[40], path[64], said[1024];
};

static void note_line(void *arg, enum log_level level, const char *line)
{
    struct world *w = arg;
    (void)level;
    w->lines++;
    snprintf(w->said, sizeof w->said, "%s", line);
}

static int run_count(void *arg, struct control_client *c, const char *const *words, size_t count,
                     struct err *err)
{
    char line[64];
    (void)arg;
    if (count && !strcmp(words[0], "bad"))
        return err_set(err, "count", "try something else", "cannot count that");
    for (size_t i = 0; i < count; i++)
        control_say(c, words[i], false, false);
    snprintf(line, sizeof line, "%zu words", count);
    control_say(c, line, true, false);
    return 0;
}

static int run_wait(void *arg, struct control_client *c, const char *const *words, size_t count,
                    struct err *err)
{
    (void)words;
    (void)count;
    (void)err;
    ((struct world *)arg)->waiting = c;
    return 0;
}

static void on_gone(void *arg)
{
    ((struct world *)arg)->gone++;
}

static int run_stream(void *arg, struct control_client *c, const char *const *words, size_t count,
                      struct err *err)
{
    ((struct world *)arg)->waiting = c;
    (void)words;
    (void)count;
    (void)err;
    control_stream(c, on_gone, arg);
    return 0;
}

static const struct control_command commands[] = {
    {"count", "", "", run_count},
    {"wait", "", "", run_wait},
    {"stream", "", "", run_stream},
    {0},
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    struct err err;
    snprintf(w->folder, sizeof w->folder, "/tmp/test_control.XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/control.sock", w->folder);
    assert_int_equal(clock_reader_open(&w->clock, &err), 0);
    loop_poll_init(&w->loop, w->clock);
    w->log = (struct log){.max = LOG_LEVEL_INFO, .write = note_line, .arg = w};
    struct control_config config = {
        .path = w->path, .loop = &w->loop, .log = &w->log, .commands = commands, .arg = w};
    assert_int_equal(control_open(&w->control, &config, &err), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    control_close(w->control);
    loop_close(&w->loop);
    clock_close(w->clock);
    assert_int_equal(access(w->path, F_OK), -1);
    rmdir(w->folder);
    free(w);
    return 0;
}

static int dial(const struct world *w)
{
    int fd = dial_path(w->path);
    assert_true(fd >= 0);
    return fd;
}

static void work(struct world *w)
{
    for (int i = 0; i < 20; i++)
        assert_int_equal(loop_turn(&w->loop, w->loop.ops->steady(&w->loop) + 200000), 0);
}

static const char *heard(int fd)
{
    static _Thread_local char buf[65536];
    return hear(fd, buf, sizeof buf);
}

static struct status_control counts(const struct world *w)
{
    struct status_control c;
    control_counts(w->control, &c);
    return c;
}

static void it_is_for_its_owner_alone(void **state)
{
    struct world *w = *state;
    struct stat st;
    assert_int_equal(stat(w->path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Whoever gets past the file's mode is asked who he is. */
static void a_stranger_is_refused(void **state)
{
    struct world *w = *state;
    int status = 0;
    if (geteuid())
        skip(); /* only root can become somebody else */
    assert_int_equal(chmod(w->folder, 0755), 0);
    assert_int_equal(chmod(w->path, 0666), 0);
    pid_t child = fork();
    if (!child) {
        char buf[200] = "";
        struct sockaddr_un name = {.sun_family = AF_UNIX};
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        memcpy(name.sun_path, w->path, sizeof w->path);
        _exit(setuid(65534) || connect(fd, (struct sockaddr *)&name, sizeof name) ||
              recv(fd, buf, sizeof buf - 1, 0) <= 0 || !strstr(buf, "only root") ||
              recv(fd, buf, sizeof buf, 0) != 0);
    }
    for (int i = 0; i < 500 && !waitpid(child, &status, WNOHANG); i++)
        work(w);
    assert_int_equal(status, 0);
    assert_int_equal(counts(w).strangers, 1);
    assert_int_equal(counts(w).socket.clients, 0);
    assert_non_null(strstr(w->said, "refused"));
}

static void a_command_is_answered_and_logged(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    char wanted[80];
    tell(fd, "count one  two\r\n");
    work(w);
    assert_string_equal(heard(fd),
                        "{\"version\":1,\"line\":\"one\",\"last\":false,\"failed\":false}\n"
                        "{\"version\":1,\"line\":\"two\",\"last\":false,\"failed\":false}\n"
                        "{\"version\":1,\"line\":\"2 words\",\"last\":true,\"failed\":false}\n");
    snprintf(wanted, sizeof wanted, "control: uid %ld, pid %ld: count one  two", (long)geteuid(),
             (long)getpid());
    assert_memory_equal(w->said, wanted, strlen(wanted));
    tell(fd, "count bad\n");
    work(w);
    assert_string_equal(heard(fd), "{\"version\":1,\"error\":\"count: cannot count that; try "
                                   "something else\"}\n");
    tell(fd, "dance\n");
    work(w);
    assert_non_null(strstr(heard(fd), "unknown command 'dance'; known: count wait stream"));
    tell(fd, "\n");
    work(w);
    assert_non_null(strstr(heard(fd), "unknown command ''"));
    tell(fd, "count 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n");
    work(w);
    assert_non_null(strstr(heard(fd), "too many words"));
    assert_int_equal(counts(w).failed, 3);
    close(fd);
}

static void bytes_that_are_no_text_do_no_harm(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    tell(fd, "count \xff\xfe\x1b[2J\"\\\n");
    work(w);
    assert_non_null(strstr(heard(fd), "\"line\":\"???[2J\\\"\\\\\""));
    assert_null(strchr(w->said, '\x1b'));
    close(fd);
}

static void an_answer_may_come_late(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    tell(fd, "wait\ncount\n");
    work(w);
    assert_string_equal(heard(fd), "");
    control_say(w->waiting, "done", true, true);
    work(w);
    const char *said = heard(fd); /* the second request waited for the first one's end */
    assert_non_null(strstr(said, "\"done\",\"last\":true,\"failed\":true}\n{"));
    assert_non_null(strstr(said, "0 words"));
    close(fd);
}

static void who_leaves_meanwhile_hears_nothing(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    tell(fd, "wait\n");
    work(w);
    struct control_client *first = w->waiting;
    close(fd);
    work(w);
    assert_int_equal(counts(w).socket.clients, 0);
    fd = dial(w);
    tell(fd, "wait\n");
    work(w);
    assert_ptr_not_equal(w->waiting, first); /* its place is kept until the end of the request */
    control_say(first, "nobody hears this", true, false);
    work(w);
    assert_string_equal(heard(fd), "");
    control_say(w->waiting, "this", true, false);
    work(w);
    assert_non_null(strstr(heard(fd), "this"));
    close(fd);
}

static void a_stream_goes_to_a_reader(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    tell(fd, "stream\n");
    work(w);
    assert_string_equal(heard(fd), "{\"version\":1,\"stream\":true}\n");
    assert_true(control_send(w->waiting, "abc", 3));
    work(w);
    assert_string_equal(heard(fd), "abc");
    control_send(w->waiting, "def", 3);
    work(w);
    assert_string_equal(heard(fd), "def");
    assert_int_equal(w->gone, 0);
    close(fd);
}

static void a_reader_that_leaves_ends_its_stream(void **state)
{
    struct world *w = *state;
    int fd = dial(w);
    tell(fd, "stream\n");
    work(w);
    close(fd);
    work(w);
    assert_int_equal(w->gone, 1);
}

static void a_stream_is_not_waited_for(void **state)
{
    struct world *w = *state;
    static const char block[4096];
    int fd = dial(w), blocks = 0;
    tell(fd, "stream\n");
    work(w);
    while (blocks < 10000 && control_send(w->waiting, block, sizeof block))
        blocks++;
    assert_in_range(blocks, CONTROL_BACKLOG / (int)sizeof block, 1000);
    assert_int_equal(w->gone, 1);
    assert_int_equal(counts(w).socket.slow, 1);
    close(fd);
}

static void there_are_bounds(void **state)
{
    struct world *w = *state;
    int fd[CONTROL_CLIENTS + 1];
    char longest[CONTROL_LINE + 1];
    for (int i = 0; i <= CONTROL_CLIENTS; i++) {
        fd[i] = dial(w);
        work(w);
    }
    assert_non_null(strstr(heard(fd[CONTROL_CLIENTS]), "too many clients"));
    assert_int_equal(counts(w).socket.refused, 1);
    memset(longest, 'x', sizeof longest);
    assert_int_equal(send(fd[0], longest, CONTROL_LINE, MSG_NOSIGNAL), CONTROL_LINE);
    work(w);
    assert_non_null(strstr(heard(fd[0]), "longer than 512"));
    assert_null(heard(fd[0]));
    for (int i = 0; i < CONTROL_RATE + 5; i++)
        tell(fd[1], "count\n");
    work(w);
    assert_int_equal(counts(w).socket.requests, CONTROL_RATE);
    control_tick(w->control, loop_now(&w->loop));
    work(w);
    assert_int_equal(counts(w).socket.requests, CONTROL_RATE + 5);
    tell(fd[2], "half a req");
    work(w);
    control_tick(w->control, loop_now(&w->loop) + (CONTROL_PATIENCE + 1) * SECOND);
    assert_null(heard(fd[2])); /* and all that asked nothing at all */
    assert_int_equal(counts(w).socket.clients, 1);
    for (int i = 0; i <= CONTROL_CLIENTS; i++)
        close(fd[i]);
    work(w);
}

#define WITH_WORLD(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(it_is_for_its_owner_alone),
        WITH_WORLD(a_stranger_is_refused),
        WITH_WORLD(a_command_is_answered_and_logged),
        WITH_WORLD(bytes_that_are_no_text_do_no_harm),
        WITH_WORLD(an_answer_may_come_late),
        WITH_WORLD(who_leaves_meanwhile_hears_nothing),
        WITH_WORLD(a_stream_goes_to_a_reader),
        WITH_WORLD(a_reader_that_leaves_ends_its_stream),
        WITH_WORLD(a_stream_is_not_waited_for),
        WITH_WORLD(there_are_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
