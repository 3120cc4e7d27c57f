/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Row F4 of the faults: no memory. Each allocation of the project and of jansson fails once, in its
 * turn; the linker puts the functions below in the place of the C library's (--wrap). The sanitizer
 * sees what is left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/sim/world.h"
#include "server/status/json.h"

static struct {
    long countdown; /* the allocation that fails; 0: none */
    bool on;        /* all that follow fail, too */
    long failed;
} want;

static bool fails(void)
{
    if (want.countdown > 0 && --want.countdown == 0) {
        want.failed++;
        want.countdown = want.on; /* the next one, too */
        errno = ENOMEM;
        return true;
    }
    return false;
}

/* The `n`th allocation from now fails, or with `on` each from it on. */
static void starve(long n, bool on)
{
    want.countdown = n;
    want.on = on;
    want.failed = 0;
}

/* How many have failed; none does from now on. */
static long feed(void)
{
    long failed = want.failed;
    starve(0, false);
    return failed;
}

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker makes the names
 */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);
int __real_posix_memalign(void **out, size_t alignment, size_t size);
int __wrap_posix_memalign(void **out, size_t alignment, size_t size);
FILE *__real_open_memstream(char **text, size_t *size);
FILE *__wrap_open_memstream(char **text, size_t *size);

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}

char *__wrap_strdup(const char *text)
{
    return fails() ? NULL : __real_strdup(text);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

int __wrap_posix_memalign(void **out, size_t alignment, size_t size)
{
    return fails() ? ENOMEM : __real_posix_memalign(out, alignment, size);
}

FILE *__wrap_open_memstream(char **text, size_t *size)
{
    return fails() ? NULL : __real_open_memstream(text, size);
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static const struct log quiet = {.max = LOG_LEVEL_ERROR};

struct bench {
    struct sim_world world; /* first: the daemon's `arg` */
    struct scenario scenario;
    char folder[40], text[4096];
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    strcpy(b->folder, "/tmp/timeball-f4-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    scenario_default(&b->scenario);
    b->scenario.receivers = 1;
    b->scenario.servers = 1;
    b->scenario.server[0] =
        (struct sim_server_config){.stratum = 1, .dispersion = 1e-4, .delay = 1e-3, .jitter = 1e-4};
    unsigned pid = (unsigned)getpid(); /* an address of its own, for tests that run beside it */
    snprintf(b->scenario.conf, sizeof b->scenario.conf,
             "listen 127.%u.%u.%u port 11123\nthreads 0\nratelimit 1024\nstatussocket %s/status\n"
             "controlsocket %s/control\nserver 192.0.2.1 iburst\nrestrict default limited kod\n"
             "restrict 192.0.2.0 mask 255.255.255.0 ignore\n",
             pid >> 16 & 255, pid >> 8 & 255, pid & 255, b->folder, b->folder);
    json_set_alloc_funcs(malloc, free); /* this file's, by the linker */
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    assert_int_equal(rmdir(b->folder), 0); /* nothing was left */
    free(b);
    return 0;
}

static int open_world(struct bench *b, struct err *err)
{
    memset(&b->world, 0, sizeof b->world);
    return sim_world_open(&b->world, &b->scenario, false, "conf", "", &quiet, err);
}

static void run(struct bench *b, int64_t seconds)
{
    int64_t until = b->world.virtual_loop.truth + seconds * NS_PER_S;
    while (b->world.virtual_loop.truth < until)
        assert_int_equal(loop_turn(sim_world_loop(&b->world), until), 0);
}

/* The start fails with a reason, and nothing stays open; or it does without. */
static void f4_at_the_start(void **state)
{
    struct bench *b = *state;
    int refused = 0, without = 0;
    long failed = 1;
    for (long n = 1; failed; n++) {
        struct err err = {0};
        starve(n, false);
        int bad = open_world(b, &err);
        failed = feed();
        refused += bad != 0;
        without += !bad && failed;
        if (bad && !*err.why)
            fail_msg("allocation %ld: no reason", n);
        if (bad)
            continue;
        run(b, 2);
        sim_world_close(&b->world);
    }
    print_message("%d starts failed, %d did without\n", refused, without);
    assert_true(refused > 10);
}

/* While it runs: the clock stays locked, whatever cannot be had. */
static void f4_while_it_runs(void **state)
{
    struct bench *b = *state;
    struct err err;
    if (open_world(b, &err))
        fail_msg("%s: %s", err.thing, err.why);
    run(b, 60);
    const struct refclock *r = &b->world.daemon->refclock;
    assert_int_equal(r->state, REFCLOCK_LOCKED);
    starve(1, true);
    run(b, 300);
    (void)feed();
    assert_int_equal(r->state, REFCLOCK_LOCKED);
    run(b, 10);
    assert_int_equal(r->state, REFCLOCK_LOCKED);
    sim_world_close(&b->world);
}

struct end {
    int fd[2];
    struct loop_fd io;
    int calls;
};

static void count_call(void *arg, int64_t now, short revents)
{
    struct end *e = arg;
    char byte;
    (void)now;
    (void)revents;
    e->calls += read(e->fd[0], &byte, 1) == 1;
}

static void watch_ends(struct loop *l, struct end *ends, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pipe(ends[i].fd), 0);
        ends[i].io = (struct loop_fd){.name = "end",
                                      .fd = ends[i].fd[0],
                                      .events = POLLIN,
                                      .ready = count_call,
                                      .arg = &ends[i]};
        loop_watch(l, &ends[i].io);
        assert_int_equal(write(ends[i].fd[1], "x", 1), 1);
    }
}

/* Those who were there first are served, the others as soon as there is memory. */
static void f4_a_loop_without_memory(void **state)
{
    struct end ends[30] = {0};
    struct loop loop;
    struct clock *clock;
    struct err err;
    (void)state;
    assert_int_equal(clock_reader_open(&clock, &err), 0);
    loop_poll_init(&loop, clock);
    watch_ends(&loop, ends, 1);
    assert_int_equal(loop_turn(&loop, 0), 0);
    assert_int_equal(ends[0].calls, 1);
    assert_int_equal(write(ends[0].fd[1], "x", 1), 1);
    watch_ends(&loop, ends + 1, 29);
    starve(1, true);
    assert_int_equal(loop_turn(&loop, 0), 0);
    assert_true(feed() > 0);
    assert_int_equal(ends[0].calls, 2);
    assert_int_equal(ends[29].calls, 0);
    assert_int_equal(loop_turn(&loop, 0), 0);
    assert_int_equal(ends[29].calls, 1);
    for (size_t i = 0; i < 30; i++) {
        loop_unwatch(&loop, &ends[i].io);
        close(ends[i].fd[0]);
        close(ends[i].fd[1]);
    }
    loop_close(&loop);
    clock_close(clock);
}

/* An answer on the status socket is whole, or there is none. */
static void f4_answers(void **state)
{
    static const char *const words[] = {"status", "sources", "satellites", "clients", "version"};
    struct bench *b = *state;
    struct err err;
    if (open_world(b, &err))
        fail_msg("%s: %s", err.thing, err.why);
    run(b, 60);
    const struct status *s = daemon_status(b->world.daemon);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        long failed = 1, whole = 0;
        char *good = status_json_line(s, words[i]);
        assert_non_null(good);
        for (long n = 1; failed; n++) {
            starve(n, false);
            char *line = status_json_line(s, words[i]);
            failed = feed();
            whole += line != NULL;
            if (line)
                assert_string_equal(line, good);
            free(line);
        }
        assert_true(whole >= 1);
        free(good);
    }
    sim_world_close(&b->world);
}

static int read_text(void *arg, struct config *c, struct config_errors *errors)
{
    struct bench *b = arg;
    return config_parse(c, "conf", b->text, strlen(b->text), errors);
}

/* A reload is done as a whole, or not at all, and then says so. */
static void f4_reload(void **state)
{
    struct bench *b = *state;
    struct err err;
    if (open_world(b, &err))
        fail_msg("%s: %s", err.thing, err.why);
    struct daemon *d = b->world.daemon;
    d->world.read_config = read_text;
    run(b, 60);
    int refused = 0;
    long failed = 1;
    for (long n = 1; failed; n++) {
        snprintf(b->text, sizeof b->text, "%sserver 192.0.2.%ld\nholdover %ld\n", b->world.conf,
                 3 + n % 2, 1 + n % 2);
        double before = d->config->holdover;
        starve(n, false);
        int bad = reload_now(d, NULL, NULL);
        failed = feed();
        refused += bad != 0;
        assert_true(d->config->holdover == (bad ? before : (double)(1 + n % 2)));
        run(b, 1);
        assert_int_equal(d->refclock.state, REFCLOCK_LOCKED);
    }
    print_message("%d reloads were refused\n", refused);
    assert_true(refused > 5);
    sim_world_close(&b->world);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(f4_at_the_start), TEST(f4_while_it_runs), TEST(f4_a_loop_without_memory),
        TEST(f4_answers),      TEST(f4_reload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
