/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a simulated run recorded, played again: the same state from bytes, pulses and packets. */
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "near.h"

#include "refclock/civil.h"
#include "server/config/line.h"
#include "server/record/record.h"
#include "server/sim/replay.h"
#include "server/sim/world.h"

static const struct log quiet = {.max = LOG_LEVEL_ERROR};

/* A run that somebody listens to. */
struct run {
    struct sim_world world;
    struct record_listener listener;
    char *text; /* the recording */
    size_t size;
    FILE *out;
};

static void take_line(void *arg, const char *text, size_t size)
{
    struct run *r = arg;
    fwrite(text, 1, size, r->out);
}

static void scene(struct scenario *s, const char *const *lines)
{
    scenario_default(s);
    for (; *lines; lines++) {
        struct config_line line = {0};
        struct err err;
        if (config_line_cut(&line, "scene", 1, *lines, strlen(*lines), &err) ||
            scenario_line(s, &line, &err))
            fail_msg("%s: %s", *lines, err.why);
    }
}

static void run_for(struct run *r, double s)
{
    int64_t until = r->world.virtual_loop.truth + llrint(s * 1e9);
    while (r->world.virtual_loop.truth < until)
        assert_int_equal(loop_turn(sim_world_loop(&r->world), until), 0);
}

/* Runs for `before` s, and is listened to for `length` s more. */
static struct run *record_run(const char *const *lines, double before, double length)
{
    static const char conf[] = "threads 0\nlisten none\nstatussocket none\ndriftfile none\n"
                               "leapfile none\n";
    struct run *r = calloc(1, sizeof *r);
    struct scenario s;
    struct err err;
    scene(&s, lines);
    if (sim_world_open(&r->world, &s, false, "conf", conf, &quiet, &err))
        fail_msg("%s: %s", err.thing, err.why);
    run_for(r, before);
    r->out = open_memstream(&r->text, &r->size);
    r->listener = (struct record_listener){.line = take_line, .arg = r};
    record_listen(r->world.daemon->recording, &r->listener);
    run_for(r, length);
    record_unlisten(r->world.daemon->recording, &r->listener);
    fclose(r->out);
    return r;
}

static void free_run(struct run *r)
{
    sim_world_close(&r->world);
    free(r->text);
    free(r);
}

static json_t *replay(char *text, size_t size)
{
    char *shown = NULL;
    size_t shown_size = 0;
    struct err err;
    FILE *in = fmemopen(text, size, "r");
    FILE *out = open_memstream(&shown, &shown_size);
    int bad = sim_replay(in, "test", true, &quiet, out, &err);
    fclose(in);
    fclose(out);
    if (bad)
        fail_msg("%s: %s", err.thing, err.why);
    json_t *json = json_loads(shown, 0, NULL);
    assert_non_null(json);
    free(shown);
    return json;
}

static const char *text_of(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    assert_non_null(text);
    return text;
}

static double number(const json_t *json, const char *name)
{
    return json_number_value(json_object_get(json, name));
}

static const json_t *source_of(const json_t *json, const char *receiver)
{
    const json_t *all = json_object_get(json, "sources"), *one;
    size_t i;
    json_array_foreach(all, i, one) if (!strcmp(text_of(one, "receiver"), receiver)) return one;
    fail_msg("%s was not replayed", receiver);
    return NULL;
}

/* Every source has the verdict that it had, and the same one is used. */
static void same_selection(struct run *r, const json_t *json)
{
    const struct status *s = daemon_status(r->world.daemon);
    for (int i = 0; i < s->source_count; i++) {
        const struct status_source *was = &s->source[i];
        const json_t *is = source_of(json, was->receiver);
        assert_string_equal(text_of(is, "verdict"), was->verdict);
    }
    const struct receiver *leads = refclock_leader(&r->world.daemon->refclock);
    assert_true(json_is_true(json_object_get(source_of(json, leads->config.name), "used")));
}

/* The local time of the last event: the recording's last line. */
static int64_t last_local(const struct run *r)
{
    int64_t latest = INT64_MIN;
    struct err err;
    char *copy = strdup(r->text), *at = NULL;
    for (char *line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at)) {
        struct record_event e;
        assert_int_equal(record_parse(line, "x", &e, &err), 0);
        if (e.kind != RECORD_COMMENT && e.local > latest)
            latest = e.local;
    }
    free(copy);
    return latest;
}

/* What the daemon took for true time at that local time, s after `from`. */
static double said_then(const struct run *r, int64_t local, int64_t from)
{
    struct estimate e;
    discipline_estimate(&r->world.daemon->refclock.discipline, local, &e);
    return (double)(local + e.shift - from) * 1e-9 + e.offset;
}

static void same_time(struct run *r, const json_t *json, double within)
{
    int64_t local = last_local(r), second = local / NS_PER_S * NS_PER_S;
    char date[40];
    /* the text's fraction, against the same second */
    const char *time = text_of(json, "time");
    double is = strtod(strchr(time, '.'), NULL), was;
    civil_iso(second, 0, date, sizeof date);
    was = said_then(r, local, second);
    double whole = floor(was);
    civil_iso(second + (int64_t)whole * NS_PER_S, 0, date, sizeof date);
    assert_memory_equal(time, date, 19);
    print_message("true time differs by %+.1f ns\n", (is - (was - whole)) * 1e9);
    assert_near(is, was - whole, within);
}

static const char *const receiver_and_servers[] = {"seed 5",
                                                   "offset 0.4",
                                                   "protocol both",
                                                   "sensor_noise 0.05",
                                                   "server 1 delay 0.002",
                                                   "server 2 delay 0.01",
                                                   "server 2 asymmetry 0.003",
                                                   "server 3 offset 0.5",
                                                   "server 4 loss 0.3",
                                                   NULL};

static void the_same_state_comes_back(void **state)
{
    (void)state;
    struct run *r = record_run(receiver_and_servers, 0, 3600);
    json_t *json = replay(r->text, r->size);
    assert_int_equal(r->world.daemon->refclock.state, REFCLOCK_LOCKED);
    assert_string_equal(text_of(json, "state"), "locked");
    assert_true(number(json, "pieces") > 3600);
    assert_true(number(json, "packets") > 4 * 10);
    assert_true(number(json, "used") > 3500);
    same_selection(r, json);
    same_time(r, json, 300e-9); /* of 1 us of pulse noise: two filters that began differently */
    json_decref(json);
    free_run(r);
}

/* One that was begun while all was well already, and whose messages were left out: only the bytes
 * can say the second. */
static void bytes_alone_say_the_second(void **state)
{
    (void)state;
    struct run *r = record_run(receiver_and_servers, 1000, 1200);
    char *text = NULL, *copy = strdup(r->text), *at = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    for (char *line = strtok_r(copy, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
        if (*line != 'L')
            fprintf(out, "%s\n", line);
    fclose(out);
    json_t *json = replay(text, size);
    assert_string_equal(text_of(json, "state"), "locked");
    assert_near(number(json, "messages"), 0, 0);
    same_selection(r, json);
    same_time(r, json, 500e-9);
    json_decref(json);
    free(text);
    free(copy);
    free_run(r);
}

/* Without a receiver packets are all that there is. */
static void packets_alone_give_the_time(void **state)
{
    static const char *const lines[] = {"receivers 0",
                                        "offset -3",
                                        "server 1 delay 0.002",
                                        "server 1 jitter 1e-4",
                                        "server 2 delay 0.01",
                                        "server 3 delay 0.02",
                                        "server 3 asymmetry 0.001",
                                        NULL};
    (void)state;
    struct run *r = record_run(lines, 0, 7200);
    json_t *json = replay(r->text, r->size);
    assert_string_equal(text_of(json, "state"), "locked");
    assert_near(number(json, "pulses"), 0, 0);
    assert_true(number(json, "packets") > 100);
    same_selection(r, json);
    same_time(r, json, 2e-6);
    json_decref(json);
    free_run(r);
}

/* Two receivers, each its own pair, of which one says something else. */
static void receivers_are_kept_apart(void **state)
{
    static const char *const lines[] = {"receivers 3", "receiver 1 protocol ubx",
                                        "receiver 3 pull 0..4000 0.01", NULL};
    (void)state;
    struct run *r = record_run(lines, 0, 900);
    json_t *json = replay(r->text, r->size);
    assert_string_equal(text_of(json, "state"), "locked");
    same_selection(r, json);
    same_time(r, json, 300e-9);
    json_decref(json);
    free_run(r);
}

/* Directives that would open something here, and names that would be asked for, are passed over. */
static void a_recording_opens_nothing(void **state)
{
    (void)state;
    char text[] = RECORD_HEAD "\n"
                              "C 1 record /tmp/test_sim_replay.rec\n"
                              "C 1 log /tmp/test_sim_replay.log\n"
                              "C 1 server ntp.example.net iburst\n"
                              "C 1 refclock nmea /dev/null\n"
                              "C 1 refclock shm 77 receiver a\n"
                              "C 1 refclock auto\n"
                              "B 2 0 24\n"
                              "B 3 2 24\n"
                              "Q 4 192.0.2.1 123 0011223344556677\n"
                              "N 5 4 192.0.2.1 123 00\n"
                              "N 5 4 192.0.2.9 123 00\n"
                              "S 6 6 0 1e-3 0 1\n"
                              "E 2000000000 0 2\n";
    json_t *json = replay(text, sizeof text - 1);
    assert_int_not_equal(access("/tmp/test_sim_replay.rec", F_OK), 0);
    assert_int_not_equal(access("/tmp/test_sim_replay.log", F_OK), 0);
    assert_near(number(json, "packets"), 2, 0);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_state_comes_back),   cmocka_unit_test(bytes_alone_say_the_second),
        cmocka_unit_test(packets_alone_give_the_time), cmocka_unit_test(receivers_are_kept_apart),
        cmocka_unit_test(a_recording_opens_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
