/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The program timeballctl against a status socket that a child process serves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "refclock/loop.h"
#include "server/status/json.h"
#include "server/status/socket.h"

struct server {
    char folder[40], path[64];
    pid_t child;
};

static char *answer(void *arg, const char *request, int64_t now)
{
    (void)now;
    return status_json_line(arg, request);
}

/* Another program that listens there, with an answer of its own. */
static char *nonsense(void *arg, const char *request, int64_t now)
{
    (void)arg;
    (void)request;
    (void)now;
    return strdup("HTTP/1.1 400 Bad Request \033[2J\n");
}

struct child {
    struct loop loop;
    struct loop_timer tick;
    struct status_socket *socket;
};

static void tick(void *arg, int64_t now)
{
    struct child *c = arg;
    status_socket_tick(c->socket, now);
    loop_after(&c->loop, &c->tick, INT64_C(50000000));
}

static void serve(const char *path, struct status_socket_config config, int ready)
{
    struct clock *clock;
    struct child c = {.tick = {.name = "tick", .fire = tick, .arg = &c}};
    if (clock_reader_open(&clock, NULL))
        _exit(1);
    loop_poll_init(&c.loop, clock);
    config.path = path;
    config.loop = &c.loop;
    if (status_socket_open(&c.socket, &config, NULL))
        _exit(1);
    c.tick.due = INT64_MAX;
    tick(&c, loop_now(&c.loop));
    if (write(ready, "r", 1) != 1)
        _exit(1);
    loop_run(&c.loop);
    _exit(1);
}

static void start(struct server *s, struct status_socket_config config)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    snprintf(s->folder, sizeof s->folder, "/tmp/test_ctl.XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    snprintf(s->path, sizeof s->path, "%s/s", s->folder);
    s->child = fork();
    assert_true(s->child >= 0);
    if (!s->child) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(s->path, config, ready[1]);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
}

static void stop(struct server *s)
{
    if (s->child <= 0)
        return;
    kill(s->child, SIGKILL);
    waitpid(s->child, NULL, 0);
    s->child = 0;
    unlink(s->path);
    rmdir(s->folder);
}

static int setup(void **state)
{
    *state = calloc(1, sizeof(struct server)); /* so that a test that fails is stopped too */
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    stop(*state);
    free(*state);
    return 0;
}

/* Runs timeballctl with these words: it must print `part` and exit with `code`. */
static void expect(int code, const char *part, const char *words)
{
    char command[640], text[65536];
    snprintf(command, sizeof command, "timeout 20 %s %s 2>&1", TIMEBALLCTL, words);
    FILE *f = popen(command, "r"); /* NOLINT(cert-env33-c): a test's own words */
    assert_non_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    int status = pclose(f);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != code || !strstr(text, part))
        fail_msg("%s: status %d, expected exit %d and '%s': %s", words, status, code, part, text);
}

#define EXPECT(code, part, ...)                     \
    do {                                            \
        char words[400];                            \
        snprintf(words, sizeof words, __VA_ARGS__); \
        expect(code, part, words);                  \
    } while (0)

static void commands_and_exit_codes(void **state)
{
    struct server *s = *state;
    struct status status;
    status_init(&status);
    status.clock.stratum = 1;
    status.clock.state = STATUS_LOCKED;
    status.time = status.clock.reftime = INT64_C(1795521600123456789);
    status.bound = 1e-3;
    snprintf(status.clock.sentence, sizeof status.clock.sentence, "All is well.");
    start(s, (struct status_socket_config){.answer = answer, .arg = &status});
    EXPECT(0, "All is well.", "-s %s status", s->path);
    EXPECT(0, "\"clock\":{", "status --json -s %s", s->path);
    EXPECT(0, "no sources", "-s %s sources", s->path);
    EXPECT(0, "no satellites", "-s %s satellites", s->path);
    EXPECT(0, "2026-11-24T12:00:00.1", "-s %s now", s->path);
    EXPECT(0, "\"earliest\":\"2026-11-24T12:00:00.122456789Z\"", "-s %s now --json", s->path);
    EXPECT(0, "locked  stratum 1", "-s %s watch | head -n 3", s->path);
    EXPECT(0, "", "-s %s wait", s->path);
    EXPECT(1, "not within 900 us yet; its error bound: 1.00 ms",
           "-s %s wait --error 0.9ms --for 0.1", s->path);
    stop(s);

    status.clock.stratum = 16;
    start(s, (struct status_socket_config){.answer = answer, .arg = &status});
    EXPECT(2, "All is well.", "-s %s status", s->path);
    EXPECT(2, "2026-11-24", "-s %s now", s->path);
    EXPECT(1, "not within", "-s %s wait --error 1s --for 0.1", s->path);
    EXPECT(0, "no sources", "-s %s sources", s->path);
    stop(s);
}

static void errors_say_what_to_do(void **state)
{
    struct server *s = *state;
    EXPECT(1, "is timeballd running?", "-s /nowhere/status.sock status");
    EXPECT(1, "-s", "-s %0200d status", 0);
    EXPECT(1, "is timeballd running?", "-s /nowhere/status.sock wait --for 10ms");
    EXPECT(1, "timeballctl: waiting: ", "-s /nowhere/status.sock wait --for 10ms");
    EXPECT(1, "write it like 1ms", "wait --error 1m");
    EXPECT(1, "write it like 1ms", "wait --error 0");
    EXPECT(1, "--help", "frobnicate");
    EXPECT(1, "did you mean 'status'?", "statu");
    EXPECT(1, "--help", "--frobnicate status");
    EXPECT(1, "a command is missing", "--json");
    EXPECT(1, "no more words", "status twice");
    EXPECT(1, "--date", "epochs /dev/null");
    EXPECT(1, "not a date", "epochs --date 2026-02-30 /dev/null");
    EXPECT(1, "is not a file", "epochs --date 2026-02-20 /tmp");
    EXPECT(1, "No such file", "-c /nowhere/conf status");
    EXPECT(0, "usage:", "--help");
    EXPECT(0, "usage:", "help");
    EXPECT(0, TIMEBALL_VERSION, "--version");
    start(s, (struct status_socket_config){.answer = nonsense});
    EXPECT(1, "not an answer: HTTP", "-s %s status", s->path);
    EXPECT(1, "Bad Request ?[2J", "-s %s status", s->path); /* cannot drive the terminal */
    EXPECT(1, "not an answer", "-s %s watch", s->path);
    stop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(commands_and_exit_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_say_what_to_do, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
