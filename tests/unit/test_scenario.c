/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "near.h"
#include "server/sim/scenario.h"

static int load_bytes(struct scenario *s, const char *text, size_t size,
                      struct config_errors *errors)
{
    char path[] = "/tmp/timeball-scn-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
    int result = scenario_load(s, path, errors);
    for (size_t i = 0; i < errors->count; i++)
        assert_non_null(strstr(errors->err[i].thing, path));
    unlink(path);
    return result;
}

static int load(struct scenario *s, const char *text, struct config_errors *errors)
{
    return load_bytes(s, text, strlen(text), errors);
}

static void an_empty_one_is_the_defaults(void **state)
{
    (void)state;
    struct scenario s, defaults;
    struct config_errors errors;
    scenario_default(&defaults);
    assert_int_equal(load(&s, "# nothing\n\n   \n", &errors), 0);
    assert_memory_equal(&s, &defaults, sizeof s);
    assert_near(s.length, 3600, 0);
    assert_near(s.receiver->pulse.noise, 1e-6, 1e-18);
    assert_int_equal(s.disturbs, 0);
}

static void every_kind_of_word(void **state)
{
    (void)state;
    struct scenario s;
    struct config_errors errors;
    assert_int_equal(load(&s,
                          "length 7200 # two hours\n"
                          "seed 42\n"
                          "start 2038-01-19\n"
                          "offset -1e9\n"
                          "freq -30e-6\n"
                          "pulse_noise 50e-9\n"
                          "message_jitter_kind one-sided\n"
                          "outage 100..200\n"
                          "outage 300..400.5\n"
                          "wrong 10..12\n"
                          "wrong 20..22 -18 0.5\n"
                          "pull 5..6 1e-3 1e-7\n"
                          "receiver 2 protocol ubx\n"
                          "receiver 2 no_pulse 7..8\n"
                          "leap -1\n"
                          "pause 3 60\n"
                          "freeze 4 61\n"
                          "disturb 50 -3600\n"
                          "conf clock none\n"
                          "conf driftfile none\n",
                          &errors),
                     0);
    assert_near(s.length, 7200, 0);
    assert_int_equal(s.seed, 42);
    assert_string_equal(s.start, "2038-01-19");
    assert_near(s.offset, -1e9, 0);
    assert_near(s.oscillator.freq, -30e-6, 0);
    assert_near(s.receiver->pulse.noise, 50e-9, 0);
    assert_int_equal(s.receiver->message_jitter_kind, SIM_ONE_SIDED);
    assert_near(s.receiver->outage[1].to, 400.5, 0);
    assert_near(s.receiver->wrong[0].from, 10, 0);
    assert_near(s.receiver->wrong[0].by, 1, 0);
    assert_near(s.receiver->wrong[1].by, -18, 0);
    assert_near(s.receiver->wrong[1].rate, 0.5, 0);
    assert_near(s.receiver->pull[0].rate, 1e-7, 0);
    assert_int_equal(s.receivers, 2);
    assert_int_equal(s.receiver->protocol, SIM_NMEA);
    assert_int_equal(s.receiver[1].protocol, SIM_UBX);
    assert_near(s.receiver[1].no_pulse[0].to, 8, 0);
    assert_near(s.receiver->no_pulse[0].to, 0, 0);
    assert_int_equal(s.utc.leap, -1);
    assert_int_equal(s.pauses, 2);
    assert_true(!s.pause[0].frozen && s.pause[1].frozen);
    assert_int_equal(s.disturbs, 1);
    assert_near(s.disturb[0].offset, -3600, 0);
    assert_string_equal(s.conf, "clock none\ndriftfile none\n");
}

/* Each names its line, says why, and nothing is half taken. */
static void what_is_wrong(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "lenght 3600",
        "length",
        "length 3600 7",
        "length 1e300",
        "length nan",
        "length -5",
        "length 9",
        "seed 1.5",
        "seed -1",
        "seed 99999999999999999999",
        "start 2026-02-30",
        "start today",
        "freq 1",
        "pulse_noise -1",
        "missing 1.1",
        "message_jitter_kind blue",
        "outage",
        "outage 5",
        "outage 5..",
        "outage 9..5",
        "outage 5..5",
        "outage -1..5",
        "outage 1..2 3..4",
        "outage a..b",
        "disturb 5",
        "disturb x 1",
        "disturb 5 nan",
        "disturb 1e300 1",
        "disturb 1 1e300",
        "disturb -1 1",
        "disturb 1 2 3",
        "conf \"open",
        "offset 1e10",
        "start 2026-02-03T25:00:00",
        "start 2026-02-03T12:00",
        "receiver 2",
        "receiver 0 missing 0.1",
        "receiver 9 missing 0.1",
        "receiver 2 seed 4",
        "pull 1..2",
        "pull 1..2 x",
        "rate 1..2 0",
        "no_fix 1..2 3",
        "leap 2",
        "pause 5",
        "freeze 5 -1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct scenario s;
        struct config_errors errors;
        char text[200];
        snprintf(text, sizeof text, "# first\n%s\n", bad[i]);
        if (load(&s, text, &errors) != -1)
            print_error("'%s' was taken\n", bad[i]);
        assert_int_equal(load(&s, text, &errors), -1);
        assert_int_equal(errors.count, 1);
        assert_true(*errors.err[0].why);
        /* a bad date is found at the end; all others have their line */
        assert_true(strstr(errors.err[0].thing, ":2") || !strncmp(bad[i], "start", 5));
    }
}

static void too_many(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int most;
    } rows[] = {{"outage 1..2\n", SIM_SPANS},
                {"disturb 1 1\n", SCENARIO_DISTURBS},
                {"conf log-a-word-of-some-length-that-fills-the-room-soon "
                 "log-a-word-of-some-length-that-fills-the-room-soon\n",
                 SCENARIO_CONF / 102}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct scenario s;
        struct config_errors errors;
        size_t size = strlen(rows[i].line);
        char *text = calloc((size_t)rows[i].most + 2, size + 1);
        for (int n = 0; n < rows[i].most; n++)
            memcpy(text + (size_t)n * size, rows[i].line, size);
        assert_int_equal(load(&s, text, &errors), 0);
        memcpy(text + (size_t)rows[i].most * size, rows[i].line, size);
        assert_int_equal(load(&s, text, &errors), -1);
        free(text);
    }
}

static void hostile_files(void **state)
{
    (void)state;
    struct scenario s;
    struct config_errors errors;
    assert_int_equal(load_bytes(&s, "length 3600\0\nfoo\n", 17, &errors), -1);
    assert_int_equal(load_bytes(&s, "\xff\xfe\x01\n", 4, &errors), -1);
    char *big = malloc(300000);
    memset(big, 'a', 300000);
    assert_int_equal(load_bytes(&s, big, 300000, &errors), -1);
    assert_int_equal(errors.count, 1);
    /* thousands of errors: some are kept, the rest is counted */
    for (size_t i = 0; i < 300000; i++)
        big[i] = i % 2 ? '\n' : 'a';
    assert_int_equal(load_bytes(&s, big, 300000, &errors), -1);
    assert_true(errors.count > 0 && errors.count <= CONFIG_ERRORS_MAX && errors.more > 100);
    free(big);
    assert_int_equal(scenario_load(&s, "/nonexistent.scn", &errors), -1);
    assert_non_null(strstr(errors.err[0].why, "No such file"));
    assert_int_equal(scenario_load(&s, "/tmp", &errors), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_one_is_the_defaults),
        cmocka_unit_test(every_kind_of_word),
        cmocka_unit_test(what_is_wrong),
        cmocka_unit_test(too_many),
        cmocka_unit_test(hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
