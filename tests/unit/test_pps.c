/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "driver_world.h"
#include "refclock/civil.h"

#define START (INT64_C(1795521600) * NS_PER_S)
#define MS    INT64_C(1000000)

/* A line that pulses 300 ms after each true second, in readings of the world's clock. */
struct line {
    struct pulse pulse;
    struct driver_world *world;
    int64_t period;
    int64_t off_from, off_to; /* true times without pulses */
    bool absent, gone, clear;
    int bounces;   /* more edges after each, 100 us apart */
    char path[64]; /* that was opened last */
    int opened;
    int64_t last; /* true time of the newest pulse */
    int64_t last_reading;
    uint64_t sequence;
};

static void more_edges(struct line *l, int64_t since)
{
    for (int i = 1; i <= l->bounces && i * (MS / 10) <= since; i++) {
        l->sequence++;
        l->last_reading += MS / 10;
    }
}

static void catch_up(struct line *l)
{
    int64_t now = l->world->loop.truth;
    for (int64_t next = l->last + l->period; next <= now; next += l->period) {
        l->last = next;
        if (next >= l->off_from && next < l->off_to)
            continue;
        l->sequence++;
        l->last_reading = clock_now(&l->world->clock.clock) - (now - next);
        more_edges(l, now - next);
    }
}

static int line_fetch(struct pulse *p, struct pulse_stamp *s, struct err *err)
{
    struct line *l = (struct line *)p;
    if (l->gone)
        return err_set(err, "", "", "gone");
    catch_up(l);
    *s = (struct pulse_stamp){.sequence = l->sequence, .reading = l->last_reading};
    return 0;
}

static void line_close(struct pulse *p)
{
    ((struct line *)p)->opened--;
}

static const struct pulse_ops line_ops = {.fetch = line_fetch, .close = line_close};

struct bench {
    struct driver_world world;
    struct line line;
};

static int open_line(const struct driver_env *env, const char *path, const struct pulse_want *want,
                     struct pulse **pulse, struct err *err)
{
    struct bench *b = env->arg;
    if (b->line.absent)
        return err_set(err, path, "set it up", "no such device");
    b->line.gone = false;
    b->line.opened++;
    b->line.clear = want->clear;
    snprintf(b->line.path, sizeof b->line.path, "%s", path);
    *pulse = &b->line.pulse;
    return 0;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    world_init(&b->world, "pps", "/dev/pps0", START);
    world_option(&b->world, "uncertainty", 0, 20e-6);
    b->world.env.open_pulse = open_line;
    b->world.env.arg = b;
    b->line = (struct line){
        .pulse = {.ops = &line_ops},
        .world = &b->world,
        .period = NS_PER_S,
        .last = START + 300 * MS - NS_PER_S,
    };
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    assert_int_equal(b->line.opened, 0);
    free(b);
    return 0;
}

static int open_driver(struct bench *b, struct err *err)
{
    return b->world.driver->ops->open(b->world.driver, err);
}

static void every_edge_once(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 100 * NS_PER_S);
    assert_int_equal(b->world.edges, 100);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_int_equal(b->world.healths, 1);
    assert_true(llabs(b->world.edge.local - (START + 99 * NS_PER_S + 300 * MS)) < 2);
    assert_float_equal(b->world.edge.uncertainty, 20e-6, 1e-12);
    assert_int_equal(world_count(&b->world, "missed"), 0);
    assert_int_equal(world_count(&b->world, "extra"), 0);
    assert_true(world_count(&b->world, "fetches") < 140);
    assert_false(b->line.clear);
}

static void latency_is_taken_off(void **state)
{
    struct bench *b = *state;
    world_option(&b->world, "latency", 0, 0.001);
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 2 * NS_PER_S);
    assert_int_equal(b->world.edges, 2);
    assert_true(llabs(b->world.edge.local - (START + NS_PER_S + 299 * MS)) < 2);
}

static void the_clear_edge(void **state)
{
    struct bench *b = *state;
    int clear = 1;
    const struct option_row *row = b->world.driver->ops->options;
    assert_string_equal(row->word, "edge");
    assert_string_equal(row->choices[clear], "clear");
    memcpy((char *)b->world.driver + row->offset, &clear, sizeof clear);
    assert_int_equal(open_driver(b, NULL), 0);
    assert_true(b->line.clear);
}

static void what_is_assumed_is_marked(void **state)
{
    (void)state;
    for (const struct option_row *row = driver_find("pps")->options; row->word; row++)
        if (row->type == OPTION_SECONDS)
            assert_string_equal(row->assumed, "assumed, not measured");
}

static void e2_missed_edges_are_counted_and_the_next_is_found(void **state)
{
    struct bench *b = *state;
    b->line.off_from = START + 10 * NS_PER_S;
    b->line.off_to = START + 12 * NS_PER_S;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 20 * NS_PER_S);
    assert_int_equal(b->world.edges, 18);
    assert_int_equal(world_count(&b->world, "missed"), 2);
    assert_int_equal(b->world.health, HEALTH_OK);
}

static void a_long_outage_and_another_phase(void **state)
{
    struct bench *b = *state;
    b->line.off_from = START + 10 * NS_PER_S;
    b->line.off_to = START + 40 * NS_PER_S;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 30 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_int_equal(b->world.edges, 10);
    b->line.last += 450 * MS;
    world_run(&b->world, 20 * NS_PER_S);
    assert_int_equal(b->world.edges, 20);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_true(world_count(&b->world, "fetches") < 3000);
}

static void e2_a_storm_is_cheap(void **state)
{
    struct bench *b = *state;
    struct timespec began, ended;
    b->line.period = MS / 10;
    assert_int_equal(open_driver(b, NULL), 0);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &began);
    world_run(&b->world, 20 * NS_PER_S);
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ended);
    double cpu =
        (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) * 1e-9;
    print_message("%.4f s of a processor in 20 s\n", cpu);
    assert_true(cpu < 0.05 * 20); /* the world around it included */
    assert_true(world_count(&b->world, "fetches") <= 22);
    assert_true(b->world.edges <= 1);
    assert_true(world_count(&b->world, "extra") > 100000);
}

static void e2_more_than_one_a_second_is_not_used(void **state)
{
    struct bench *b = *state;
    b->line.period = NS_PER_S / 5;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 20 * NS_PER_S);
    assert_true(b->world.edges <= 1); /* the first one, before there was another */
    assert_in_range(world_count(&b->world, "crowded"), 18, 20);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.why, "more than one edge a second"));
    assert_in_range(world_count(&b->world, "extra"), 70, 90);
}

static void e2_two_a_second(void **state)
{
    struct bench *b = *state;
    b->line.period = NS_PER_S / 2;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 20 * NS_PER_S);
    assert_true(b->world.edges <= 1); /* which of them is the second's nobody knows */
    assert_in_range(world_count(&b->world, "crowded"), 18, 20);
    assert_true(world_count(&b->world, "fetches") < 70);
}

/* One edge every 2 s is passed on as it comes. */
static void e2_half_a_hertz(void **state)
{
    struct bench *b = *state;
    b->line.period = 2 * NS_PER_S;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 40 * NS_PER_S);
    assert_in_range(b->world.edges, 19, 21);
    assert_in_range(world_count(&b->world, "missed"), 18, 21);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_true(world_count(&b->world, "fetches") < 600);
}

/* A line keeps the newest edge, the last of the bounces: none is used, until they end. */
static void e2_a_bouncing_edge_is_not_used(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 5 * NS_PER_S);
    b->line.bounces = 3;
    world_run(&b->world, 20 * NS_PER_S);
    assert_in_range(b->world.edges, 5, 6);
    assert_in_range(world_count(&b->world, "extra"), 55, 65);
    b->line.bounces = 0;
    world_run(&b->world, 10 * NS_PER_S);
    assert_in_range(b->world.edges, 14, 16);
    assert_int_equal((b->world.edge.local - START + MS) / MS % 1000, 301);
}

static void c8_opened_again_by_the_name_in_the_configuration(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 3 * NS_PER_S);
    *b->line.path = 0;
    b->line.gone = true;
    world_run(&b->world, 5 * NS_PER_S);
    assert_string_equal(b->line.path, "/dev/pps0"); /* wherever a link of that name leads now */
    assert_int_equal(world_count(&b->world, "reopened"), 1);
}

static void an_old_edge_is_dropped(void **state)
{
    struct bench *b = *state;
    b->line.sequence = 41;
    b->line.last_reading = START - 100 * NS_PER_S;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 100 * MS);
    assert_int_equal(b->world.edges, 0);
    assert_int_equal(world_count(&b->world, "stale"), 1);
    world_run(&b->world, 400 * MS);
    assert_int_equal(b->world.edges, 1);
}

static void a_stamp_of_before_a_step_is_dropped(void **state)
{
    struct bench *b = *state;
    int64_t at;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 5 * NS_PER_S);
    assert_int_equal(b->world.edges, 5);
    /* the pulse comes, then somebody steps the clock, then the pulse is fetched */
    b->world.loop.truth = START + 5 * NS_PER_S + 300 * MS + MS / 2;
    catch_up(&b->line);
    assert_int_equal(clock_step(&b->world.clock.clock, 0.25, &at, NULL), 0);
    world_run(&b->world, 500 * MS);
    assert_int_equal(b->world.edges, 5);
    assert_int_equal(world_count(&b->world, "stale"), 1);
    world_run(&b->world, 3 * NS_PER_S);
    assert_int_equal(b->world.edges, 8);
    /* the local scale knows nothing of the step */
    assert_true(llabs(b->world.edge.local - (START + 8 * NS_PER_S + 300 * MS)) < 3);
}

static void sequence_wraps_at_32_bits(void **state)
{
    struct bench *b = *state;
    b->line.sequence = UINT64_C(0xfffffffd);
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 3 * NS_PER_S);
    b->line.sequence &= UINT32_MAX;
    world_run(&b->world, 7 * NS_PER_S);
    assert_true(b->world.edges >= 9);
    assert_int_equal(world_count(&b->world, "extra"), 0);
}

static void c8_gone_and_back(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 3 * NS_PER_S);
    b->line.gone = b->line.absent = true;
    world_run(&b->world, 30 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_int_equal(b->line.opened, 0);
    assert_string_equal(b->world.err.thing, "/dev/pps0");
    b->line.absent = false;
    int before = b->world.edges;
    world_run(&b->world, 15 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_true(b->world.edges > before + 3);
    assert_int_equal(world_count(&b->world, "reopened"), 1);
}

static void e8_not_there_at_the_start(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    b->line.absent = true;
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.todo, "set it up");
    b->line.absent = false;
    world_run(&b->world, 5 * NS_PER_S);
    assert_true(b->world.edges >= 3);
}

static void no_pulse_at_all(void **state)
{
    struct bench *b = *state;
    b->line.off_from = 0;
    b->line.off_to = INT64_MAX;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 4 * NS_PER_S);
    assert_int_equal(b->world.healths, 0);
    world_run(&b->world, 2 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.todo, "fix"));
    uint64_t before = world_count(&b->world, "fetches");
    world_run(&b->world, 20 * NS_PER_S);
    assert_true(world_count(&b->world, "fetches") - before < 1000);
    world_run(&b->world, 10 * NS_PER_S);
    assert_int_equal(b->world.healths, 1);
}

static void what_is_no_pps_device(void **state)
{
    const struct pulse_want assert_edge = {0};
    (void)state;
    struct pulse *pulse;
    struct err err = {0};
    assert_int_equal(pulse_kernel_open("/dev/nonexistent0", &assert_edge, &pulse, &err), -1);
    assert_string_equal(err.thing, "/dev/nonexistent0");
    assert_non_null(strstr(err.todo, "pps"));
    assert_int_equal(pulse_kernel_open("/dev/null", &assert_edge, &pulse, &err), -1);
    assert_string_equal(err.why, "is no PPS device");
    assert_int_equal(pulse_kernel_open("no-source-of-this-name", &assert_edge, &pulse, &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_edge_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(latency_is_taken_off, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_clear_edge, set_up, tear_down),
        cmocka_unit_test(what_is_assumed_is_marked),
        cmocka_unit_test_setup_teardown(e2_missed_edges_are_counted_and_the_next_is_found, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_long_outage_and_another_phase, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e2_a_storm_is_cheap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e2_more_than_one_a_second_is_not_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e2_two_a_second, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e2_half_a_hertz, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e2_a_bouncing_edge_is_not_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c8_opened_again_by_the_name_in_the_configuration, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(an_old_edge_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stamp_of_before_a_step_is_dropped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sequence_wraps_at_32_bits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c8_gone_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e8_not_there_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_pulse_at_all, set_up, tear_down),
        cmocka_unit_test(what_is_no_pps_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
