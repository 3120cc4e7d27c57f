/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"

#define SECOND INT64_C(1000000000)
#define MS     INT64_C(1000000)
#define START  (INT64_C(1795521600) * SECOND)
#define MANY   100

/* Both kinds of loop have to do the same. The clock is virtual in both. */
struct bench {
    struct loop_virtual virtual_loop; /* its `loop` serves both kinds */
    struct clock_virtual clock;
    struct clock_host host;
    bool real;
    char trace[64]; /* a letter each time that something ran */
    int64_t times[64];
    size_t runs;
    struct loop_timer timer[MANY];
    struct loop_fd fd[4];
    int pipe[4][2];
};

static struct loop *loop_of(struct bench *b)
{
    return &b->virtual_loop.loop;
}

static int64_t truth_of(void *arg)
{
    struct bench *b = arg;
    return b->real ? clock_host_truth(&b->host) : b->virtual_loop.truth;
}

static double no_error(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

static void begin(struct bench *b, bool real)
{
    memset(b, 0, sizeof *b);
    b->real = real;
    b->virtual_loop.truth = START;
    if (real)
        clock_host_start(&b->host);
    clock_virtual_init(&b->clock, truth_of, no_error, b, 0);
    if (real)
        loop_poll_init(loop_of(b), &b->clock.clock);
    else
        loop_virtual_init(&b->virtual_loop, &b->clock.clock, START);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pipe(b->pipe[i]), 0);
}

static void end(struct bench *b)
{
    for (int i = 0; i < 4; i++) {
        close(b->pipe[i][0]);
        close(b->pipe[i][1]);
    }
    loop_close(loop_of(b));
}

static void both(void (*test)(struct bench *))
{
    struct bench b;
    for (int real = 0; real < 2; real++) {
        begin(&b, real);
        test(&b);
        end(&b);
    }
}

/* What depends on which timers are due in one wake-up has an answer in virtual time only: a busy
 * machine wakes up late. */
static void in_virtual_time(void (*test)(struct bench *))
{
    struct bench b;
    begin(&b, false);
    test(&b);
    end(&b);
}

/* Turns until the trace has `runs` letters. */
static void run(struct bench *b, size_t runs)
{
    while (b->runs < runs)
        assert_int_equal(loop_turn(loop_of(b), INT64_MAX), 0);
}

/* ---- handlers: `arg` of a timer is its place in the bench ---- */

static struct bench *bench_of(struct loop_timer *t, int *index)
{
    /* the name's letter is the index */
    *index = t->name[0] - 'a';
    return (struct bench *)((char *)(t - *index) - offsetof(struct bench, timer));
}

static void note(struct bench *b, char letter, int64_t now)
{
    assert_true(b->runs < sizeof b->trace - 1);
    b->times[b->runs] = now;
    b->trace[b->runs++] = letter;
}

static void plain(void *arg, int64_t now)
{
    int i;
    struct bench *b = bench_of(arg, &i);
    note(b, (char)('a' + i), now);
}

static void set(struct bench *b, int i, void (*fire)(void *, int64_t), int64_t delay)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    b->timer[i] = (struct loop_timer){.name = names[i], .fire = fire, .arg = &b->timer[i]};
    loop_after(loop_of(b), &b->timer[i], delay);
}

/* ---- timers ---- */

static void order(struct bench *b)
{
    set(b, 0, plain, 4 * MS);
    set(b, 1, plain, 2 * MS);
    set(b, 2, plain, 6 * MS);
    set(b, 3, plain, -5 * MS);
    set(b, 4, plain, 2 * MS);
    run(b, 5);
    assert_string_equal(b->trace, "dbeac");
    for (size_t i = 1; i < b->runs; i++)
        assert_true(b->times[i] >= b->times[i - 1]);
    assert_true(b->times[4] - b->times[0] >= 6 * MS);
    assert_null(loop_of(b)->timers);
}

static void timers_fire_in_order(void **state)
{
    (void)state;
    both(order);
}

static void move(struct bench *b)
{
    set(b, 0, plain, MS);
    set(b, 1, plain, 2 * MS);
    loop_after(loop_of(b), &b->timer[0], 3 * MS);
    loop_after(loop_of(b), &b->timer[0], 3 * MS);
    run(b, 2);
    assert_string_equal(b->trace, "ba");
    assert_null(loop_of(b)->timers);
    loop_cancel(loop_of(b), &b->timer[0]);
    loop_cancel(loop_of(b), &b->timer[0]);
}

static void setting_again_moves(void **state)
{
    (void)state;
    both(move);
}

/* Cancels its neighbours, those that are due in the same wake-up too, and sets itself once more. */
static void canceller(void *arg, int64_t now)
{
    int i;
    struct bench *b = bench_of(arg, &i);
    note(b, (char)('a' + i), now);
    loop_cancel(loop_of(b), &b->timer[1]);
    loop_cancel(loop_of(b), &b->timer[2]);
    loop_cancel(loop_of(b), &b->timer[0]); /* itself: does nothing */
    if (b->runs < 3)
        loop_after(loop_of(b), &b->timer[0], MS);
}

static void cancel(struct bench *b)
{
    set(b, 0, canceller, MS);
    set(b, 1, plain, MS);
    set(b, 2, plain, 2 * MS);
    set(b, 3, plain, 4 * MS);
    run(b, 4);
    assert_string_equal(b->trace, "aaad");
}

static void timers_are_cancelled_in_handlers(void **state)
{
    (void)state;
    in_virtual_time(cancel);
}

/* A timer set for now in a handler must not keep descriptors and others from running. */
static void eager(void *arg, int64_t now)
{
    int i;
    struct bench *b = bench_of(arg, &i);
    note(b, (char)('a' + i), now);
    if (b->runs < 20)
        loop_after(loop_of(b), &b->timer[0], 0);
}

static void again(struct bench *b)
{
    set(b, 0, eager, 0);
    set(b, 1, plain, 0);
    run(b, 20);
    assert_int_equal(b->trace[1], 'b');
}

static void a_timer_that_sets_itself(void **state)
{
    (void)state;
    in_virtual_time(again);
}

static void stopper(void *arg, int64_t now)
{
    int i;
    struct bench *b = bench_of(arg, &i);
    note(b, (char)('a' + i), now);
    loop_stop(loop_of(b));
}

static void stop(struct bench *b)
{
    set(b, 0, plain, MS);
    set(b, 1, stopper, 2 * MS);
    set(b, 2, plain, 2 * MS);
    assert_int_equal(loop_run(loop_of(b)), 0);
    assert_string_equal(b->trace, "ab");
    loop_of(b)->stop = false;
    run(b, 3);
    assert_string_equal(b->trace, "abc");
}

static void stopping(void **state)
{
    (void)state;
    in_virtual_time(stop);
}

/* ---- descriptors ---- */

static void on_byte(void *arg, int64_t now, short revents)
{
    struct loop_fd *f = arg;
    int i = f->name[0] - '0';
    struct bench *b = (struct bench *)((char *)(f - i) - offsetof(struct bench, fd));
    char byte;
    assert_true(revents & POLLIN);
    assert_int_equal(read(f->fd, &byte, 1), 1);
    note(b, (char)('0' + i), now);
    if (byte == 'u') /* all others go */
        for (int k = 0; k < 4; k++)
            if (k != i)
                loop_unwatch(loop_of(b), &b->fd[k]);
    if (byte == 'm') /* itself */
        loop_unwatch(loop_of(b), f);
}

static void watch(struct bench *b)
{
    static const char *const names[] = {"0", "1", "2", "3"};
    for (int i = 0; i < 4; i++) {
        b->fd[i] = (struct loop_fd){.name = names[i],
                                    .fd = b->pipe[i][0],
                                    .events = POLLIN,
                                    .ready = on_byte,
                                    .arg = &b->fd[i]};
        loop_watch(loop_of(b), &b->fd[i]);
    }
}

static void put(struct bench *b, int i, char byte)
{
    assert_int_equal(write(b->pipe[i][1], &byte, 1), 1);
    b->virtual_loop.written = true;
}

static void bytes(struct bench *b)
{
    watch(b);
    put(b, 2, 'x');
    put(b, 0, 'x');
    run(b, 2);
    assert_non_null(strchr(b->trace, '0'));
    assert_non_null(strchr(b->trace, '2'));
    put(b, 3, 'x');
    run(b, 3);
    assert_int_equal(b->trace[2], '3');
    /* not wanted: not called */
    b->fd[3].events = 0;
    put(b, 3, 'x');
    set(b, 0, plain, MS);
    run(b, 4);
    assert_int_equal(b->trace[3], 'a');
    b->fd[3].events = POLLIN;
    b->virtual_loop.written = true;
    run(b, 5);
    assert_int_equal(b->trace[4], '3');
}

static void descriptors_are_served(void **state)
{
    (void)state;
    both(bytes);
}

static void unwatch(struct bench *b)
{
    watch(b);
    for (int i = 0; i < 4; i++)
        put(b, i, 'u');
    run(b, 1);
    set(b, 0, plain, MS);
    run(b, 2);
    assert_int_equal(b->trace[1], 'a'); /* the other three were ready, and are gone */
    assert_int_equal(loop_of(b)->fd_count, 1);
    int left = b->trace[0] - '0';
    put(b, left, 'm');
    run(b, 3);
    assert_int_equal(loop_of(b)->fd_count, 0);
    assert_null(loop_of(b)->fds);
    loop_unwatch(loop_of(b), &b->fd[left]);
    assert_int_equal(loop_of(b)->fd_count, 0);
}

static void unwatching_in_handlers(void **state)
{
    (void)state;
    both(unwatch);
}

/* ---- virtual time ---- */

static void virtual_time_jumps(void **state)
{
    (void)state;
    struct bench b;
    begin(&b, false);
    set(&b, 0, plain, 86400 * SECOND);
    assert_int_equal(loop_turn(loop_of(&b), INT64_MAX), 0);
    assert_int_equal(b.runs, 1);
    assert_int_equal(b.virtual_loop.truth, START + 86400 * SECOND);
    assert_int_equal(b.times[0], START + 86400 * SECOND);
    assert_int_equal(loop_now(loop_of(&b)), b.times[0]);
    /* not past the time that it may wait to */
    set(&b, 0, plain, SECOND);
    assert_int_equal(loop_turn(loop_of(&b), b.virtual_loop.truth + MS), 0);
    assert_int_equal(b.runs, 1);
    /* what was written is read before time goes on */
    watch(&b);
    put(&b, 1, 'x');
    int64_t before = b.virtual_loop.truth;
    run(&b, 2);
    assert_int_equal(b.trace[1], '1');
    assert_int_equal(b.virtual_loop.truth, before);
    run(&b, 3);
    end(&b);
}

static void on_jump(void *arg, int64_t now, int64_t step)
{
    struct bench *b = arg;
    note(b, 'J', now);
    /* in real time the clock and the raw one are not read at the same moment */
    assert_true(llabs(step - 7 * SECOND) <= (b->real ? MS : 0));
}

static void disturb(void *arg, int64_t now)
{
    int i;
    struct bench *b = bench_of(arg, &i);
    note(b, (char)('a' + i), now);
    clock_virtual_disturb(&b->clock, 7);
}

/* It is told before any other handler runs, and moves neither timers nor the local scale. */
static void foreign_steps(struct bench *b)
{
    loop_of(b)->jumped = on_jump;
    loop_of(b)->jumped_arg = b;
    set(b, 0, disturb, 2 * MS);
    set(b, 1, plain, 4 * MS);
    run(b, 3);
    assert_string_equal(b->trace, "aJb");
    assert_true(b->times[2] - b->times[0] > MS && b->times[2] - b->times[0] < SECOND);
    assert_int_equal(b->clock.clock.generation, 1);
}

static void steps_by_others(void **state)
{
    (void)state;
    in_virtual_time(foreign_steps);
}

/* A hundred timers of pseudo-random times fire in their order. */
static void hundred(void *arg, int64_t now)
{
    int64_t *last = arg;
    assert_true(now >= *last);
    *last = now;
}

static void many_timers(void **state)
{
    (void)state;
    struct bench b;
    int64_t last = 0;
    begin(&b, false);
    for (int i = 0; i < MANY; i++) {
        b.timer[i] = (struct loop_timer){.name = "many", .fire = hundred, .arg = &last};
        loop_after(loop_of(&b), &b.timer[i], i * 7919 % 101 * MS);
    }
    while (loop_of(&b)->timers)
        assert_int_equal(loop_turn(loop_of(&b), INT64_MAX), 0);
    assert_int_equal(last, START + 100 * MS);
    end(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_in_order),
        cmocka_unit_test(setting_again_moves),
        cmocka_unit_test(timers_are_cancelled_in_handlers),
        cmocka_unit_test(a_timer_that_sets_itself),
        cmocka_unit_test(stopping),
        cmocka_unit_test(descriptors_are_served),
        cmocka_unit_test(unwatching_in_handlers),
        cmocka_unit_test(virtual_time_jumps),
        cmocka_unit_test(steps_by_others),
        cmocka_unit_test(many_timers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
