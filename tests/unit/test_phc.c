/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver_world.h"
#include "refclock/civil.h"

#define START (INT64_C(1795521600) * NS_PER_S)
#define MS    INT64_C(1000000)
#define US    INT64_C(1000)

/* ---- from readings to an offset ---- */

static void the_shortest_reading_counts(void **state)
{
    (void)state;
    const struct phc_reading r[] = {
        {1000, 50000, 3000}, {4000, 52600, 5000}, {6000, 50700, 9000}, {9000, 60000, 8000}};
    struct phc_offset o;
    assert_int_equal(phc_offset_best(r, 4, &o), 0);
    assert_int_equal(o.system, 4500);
    assert_int_equal(o.phc, 52600);
    assert_float_equal(o.error, 500e-9, 1e-15);
    assert_int_equal(phc_offset_best(r + 3, 1, &o), -1); /* the clock went back */
    assert_int_equal(phc_offset_best(r, 0, &o), -1);
}

static void one_moment_has_no_delay(void **state)
{
    (void)state;
    const struct phc_reading r = {7000, 50000, 7000};
    struct phc_offset o;
    assert_int_equal(phc_offset_best(&r, 1, &o), 0);
    assert_int_equal(o.system, 7000);
    assert_float_equal(o.error, 0, 0);
}

/* A PHC 37 s ahead that runs 50 ppm fast. */
static struct phc_offset at(int64_t system)
{
    int64_t since = system - START;
    return (struct phc_offset){.system = system,
                               .phc = START + 37 * NS_PER_S + since + since / 20000};
}

static void a_stamp_is_carried_with_the_rate(void **state)
{
    (void)state;
    struct phc_offset before = at(START + NS_PER_S), now = at(START + 2 * NS_PER_S);
    int64_t edge = START + 2 * NS_PER_S - 300 * MS;
    int64_t stamp = at(edge).phc;
    assert_true(llabs(phc_offset_carry(&now, &before, stamp) - edge) <= 2);
    assert_in_range(llabs(phc_offset_carry(&now, NULL, stamp) - edge), 14000, 16000);
    assert_true(phc_offset_carry(&now, &before, now.phc) == now.system);
}

static void a_clock_that_was_set_has_no_rate(void **state)
{
    (void)state;
    struct phc_offset before = at(START + NS_PER_S), now = at(START + 2 * NS_PER_S);
    before.phc -= NS_PER_S / 2;
    int64_t stamp = now.phc - 10 * MS;
    assert_true(phc_offset_carry(&now, &before, stamp) == now.system - 10 * MS);
    before = now; /* twice at the same moment */
    assert_true(phc_offset_carry(&now, &before, stamp) == now.system - 10 * MS);
}

/* ---- drivers with a made-up clock ---- */

struct bench {
    struct driver_world world;
    struct phc phc;
    struct phc_input input;
    int opened, compared;
    int64_t ahead; /* of true time, ns */
    int64_t delay; /* of a reading, ns */
    bool absent, gone, refused;
    int pipe[2];
};

static struct bench *bench_of(struct phc *p)
{
    return (struct bench *)((char *)p - offsetof(struct bench, phc));
}

static int made_compare(struct phc *p, struct phc_offset *out, struct err *err)
{
    struct bench *b = bench_of(p);
    b->compared++;
    if (b->gone)
        return err_set(err, "", "", "gone");
    *out = (struct phc_offset){
        .system = clock_now(&b->world.clock.clock),
        .phc = b->world.loop.truth + b->ahead,
        .error = (double)b->delay * 0.5e-9,
    };
    return 0;
}

static int made_listen(struct phc *p, const struct phc_input *input, struct err *err)
{
    struct bench *b = bench_of(p);
    b->input = *input;
    return b->refused ? err_errno(err, "", "a udev rule", "cannot have pin 1 stamp edges", EPERM)
                      : 0;
}

static int made_stamp(struct phc *p, int64_t *stamp, struct err *err)
{
    struct bench *b = bench_of(p);
    if (b->gone)
        return err_set(err, "", "", "gone");
    return read(b->pipe[0], stamp, sizeof *stamp) == sizeof *stamp;
}

static int made_fd(const struct phc *p)
{
    return ((const struct bench *)((const char *)p - offsetof(struct bench, phc)))->pipe[0];
}

static void made_close(struct phc *p)
{
    bench_of(p)->opened--;
}

static const struct phc_ops made_ops = {
    .compare = made_compare,
    .listen = made_listen,
    .stamp = made_stamp,
    .fd = made_fd,
    .close = made_close,
};

static int made_open(const struct driver_env *env, const char *path, struct phc **out,
                     struct err *err)
{
    struct bench *b = env->arg;
    if (b->absent)
        return err_set(err, path, "is it there?", "no such device");
    b->opened++;
    b->phc.ops = &made_ops;
    *out = &b->phc;
    return 0;
}

static struct bench *a_bench(const char *driver)
{
    struct bench *b = calloc(1, sizeof *b);
    assert_int_equal(pipe2(b->pipe, O_NONBLOCK), 0);
    world_init(&b->world, driver, "/dev/ptp0", START);
    world_option(&b->world, "uncertainty", 0, 1e-6);
    b->world.env.open_phc = made_open;
    b->world.env.arg = b;
    b->delay = 4 * US;
    return b;
}

static int set_up_phc(void **state)
{
    struct bench *b = a_bench("phc");
    int64_t tai = 37;
    for (const struct option_row *row = b->world.driver->ops->options; row->word; row++)
        if (!strcmp(row->word, "tai"))
            memcpy((char *)b->world.driver + row->offset, &tai, sizeof tai);
    b->ahead = 37 * NS_PER_S;
    *state = b;
    return 0;
}

static int set_up_extts(void **state)
{
    *state = a_bench("extts");
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    assert_int_equal(b->opened, 0);
    close(b->pipe[0]);
    close(b->pipe[1]);
    free(b);
    return 0;
}

static int open_driver(struct bench *b, struct err *err)
{
    return b->world.driver->ops->open(b->world.driver, err);
}

static void a_clock_on_tai_gives_samples(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 10 * NS_PER_S);
    assert_in_range(b->world.samples, 10, 11);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_true(llabs(b->world.sample.truth - b->world.sample.local) <= 2);
    assert_float_equal(b->world.sample.uncertainty, 3e-6, 1e-12);
    assert_true(b->world.sample.pulse);
}

static void a_clock_on_utc(void **state)
{
    struct bench *b = *state;
    int utc = 1;
    const struct option_row *row = b->world.driver->ops->options;
    assert_string_equal(row->choices[utc], "utc");
    memcpy((char *)b->world.driver + row->offset, &utc, sizeof utc);
    b->ahead = 0;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 2 * NS_PER_S);
    assert_true(llabs(b->world.sample.truth - b->world.sample.local) <= 2);
}

static void a_clock_that_nobody_set_is_not_believed(void **state)
{
    struct bench *b = *state;
    b->ahead = -START; /* since the machine's start */
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 5 * NS_PER_S);
    assert_int_equal(b->world.samples, 0);
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    assert_non_null(strstr(b->world.err.todo, "ptp4l"));
    assert_true(world_count(&b->world, "early") >= 5);
}

static void c8_a_clock_goes_and_comes_back(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 3 * NS_PER_S);
    b->gone = true;
    world_run(&b->world, 5 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_string_equal(b->world.err.thing, "/dev/ptp0");
    assert_int_equal(b->opened, 0);
    b->gone = false;
    world_run(&b->world, 15 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_int_equal(world_count(&b->world, "reopened"), 1);
}

static void e8_a_clock_that_is_absent_at_the_start(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    b->absent = true;
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.todo, "is it there?");
    b->absent = false;
    world_run(&b->world, 5 * NS_PER_S);
    assert_true(b->world.samples > 0);
}

/* An edge at the true time `when`, now. */
static void stamp(struct bench *b, int64_t when)
{
    int64_t phc = when + b->ahead;
    assert_int_equal(write(b->pipe[1], &phc, sizeof phc), sizeof phc);
    b->world.loop.written = true;
}

static void edges_are_stamped(void **state)
{
    struct bench *b = *state;
    b->ahead = -1000 * NS_PER_S;
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 1; i <= 10; i++) {
        int64_t second = START + i * NS_PER_S;
        world_run(&b->world, second + 2 * MS - b->world.loop.truth);
        stamp(b, second);
        world_run(&b->world, 100 * MS);
    }
    assert_int_equal(b->world.edges, 9); /* all but the first */
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_true(llabs(b->world.edge.local - (START + 10 * NS_PER_S)) <= 2);
    assert_float_equal(b->world.edge.uncertainty, 3e-6, 1e-12);
    assert_int_equal(b->input.channel, 0);
    assert_int_equal(world_count(&b->world, "crowded"), 0);
}

/* Clocks that stamp both edges of a pulse of 100 ms. */
static void the_other_edge_is_left_out(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 1; i <= 10; i++) {
        int64_t second = START + i * NS_PER_S;
        world_run(&b->world, second + 2 * MS - b->world.loop.truth);
        stamp(b, second);
        world_run(&b->world, 101 * MS);
        stamp(b, second + 100 * MS);
        world_run(&b->world, 60 * MS);
    }
    assert_int_equal(b->world.edges, 9);
    assert_int_equal(world_count(&b->world, "crowded"), 10);
    assert_true(llabs(b->world.edge.local - (START + 10 * NS_PER_S)) <= 2);
}

static void e2_a_storm_is_cheap(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 1; i <= 10000; i++) {
        world_run(&b->world, MS);
        stamp(b, b->world.loop.truth - US);
        if (i % 100 == 99) { /* the kernel's queue is short */
            int64_t lost[64];
            (void)!read(b->pipe[0], lost, sizeof lost);
        }
    }
    assert_true(b->compared < 220);
    assert_int_equal(b->world.edges, 0);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.why, "more than one edge"));
}

static void e8_a_pin_that_is_refused(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    b->refused = true;
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.thing, "/dev/ptp0");
    assert_non_null(strstr(err.why, "not permitted"));
    assert_string_equal(err.todo, "a udev rule");
    assert_int_equal(b->opened, 0);
}

static void no_pulse(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 6 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.todo, "fix"));
}

static void e8_what_is_no_hardware_clock(void **state)
{
    (void)state;
    struct phc *phc;
    struct err err = {0};
    assert_int_equal(phc_device_open("/dev/ptp77", &phc, &err), -1);
    assert_string_equal(err.thing, "/dev/ptp77");
    assert_non_null(strstr(err.todo, "/dev/ptp*"));
    assert_int_equal(phc_device_open("/dev/null", &phc, &err), -1);
    assert_string_equal(err.why, "is no PTP hardware clock");
}

#define PHC(test)   cmocka_unit_test_setup_teardown(test, set_up_phc, tear_down)
#define EXTTS(test) cmocka_unit_test_setup_teardown(test, set_up_extts, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shortest_reading_counts),
        cmocka_unit_test(one_moment_has_no_delay),
        cmocka_unit_test(a_stamp_is_carried_with_the_rate),
        cmocka_unit_test(a_clock_that_was_set_has_no_rate),
        PHC(a_clock_on_tai_gives_samples),
        PHC(a_clock_on_utc),
        PHC(a_clock_that_nobody_set_is_not_believed),
        PHC(c8_a_clock_goes_and_comes_back),
        PHC(e8_a_clock_that_is_absent_at_the_start),
        EXTTS(edges_are_stamped),
        EXTTS(the_other_edge_is_left_out),
        EXTTS(e2_a_storm_is_cheap),
        EXTTS(e8_a_pin_that_is_refused),
        EXTTS(no_pulse),
        cmocka_unit_test(e8_what_is_no_hardware_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
