/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "near.h"
#include "server/drift/drift.h"

#define SECOND  INT64_C(1000000000)
#define WRITTEN (INT64_C(1795521600) * SECOND)

struct folder {
    char path[32], file[64], next[64], other[64];
};

static int set_up(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    strcpy(f->path, "/tmp/timeball-drift-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof f->file, "%s/drift", f->path);
    snprintf(f->next, sizeof f->next, "%s/drift.new", f->path);
    snprintf(f->other, sizeof f->other, "%s/other", f->path);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    (void)unlink(f->file);
    (void)unlink(f->next);
    (void)unlink(f->other);
    assert_int_equal(rmdir(f->path), 0);
    free(f);
    return 0;
}

static void put(const char *path, const char *text, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    close(fd);
}

static size_t get(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n = read(fd, text, size - 1);
    close(fd);
    assert_true(n >= 0);
    text[n] = 0;
    return (size_t)n;
}

static struct drift example(void)
{
    return (struct drift){.memory = {.known = true,
                                     .freq = -21.123456789e-6,
                                     .freq_error = 3.5e-9,
                                     .pulse = 1.25e-6,
                                     .k1 = 0.0123,
                                     .k2 = 4.5e-5,
                                     .k3 = 1e-9,
                                     .walk_fm = 2e-10},
                          .written = WRITTEN};
}

static struct drift warm(void)
{
    struct drift d = example();
    d.memory.thermal = true;
    d.memory.celsius = 41.5;
    d.memory.sums = (struct memory_sums){
        .kk = 12.5, .ks = -0.25, .ss = 0.01, .kf = -3e-7, .sf = 1e-9, .ff = 1e-13, .blocks = 77};
    return d;
}

/* Numbers are written with twelve digits. */
static void assert_same(const struct drift *a, const struct drift *b)
{
    const struct memory *x = &a->memory, *y = &b->memory;
    const double pairs[][2] = {
        {x->freq, y->freq},
        {x->freq_error, y->freq_error},
        {x->pulse, y->pulse},
        {x->k1, y->k1},
        {x->k2, y->k2},
        {x->k3, y->k3},
        {x->sums.kk, y->sums.kk},
        {x->sums.ks, y->sums.ks},
        {x->sums.ss, y->sums.ss},
        {x->sums.kf, y->sums.kf},
        {x->sums.sf, y->sums.sf},
        {x->sums.ff, y->sums.ff},
        {x->sums.blocks, y->sums.blocks},
        {x->celsius, y->celsius},
        {x->walk_fm, y->walk_fm},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_near(pairs[i][0], pairs[i][1], 1e-11 * fabs(pairs[i][1]));
    assert_int_equal(x->thermal, y->thermal);
    assert_true(x->known && y->known);
    assert_int_equal(a->written, b->written);
}

static void there_and_back(void **state)
{
    const struct folder *f = *state;
    struct drift in[] = {example(), warm(), example()}, out;
    struct err err;
    assert_int_equal(drift_read(f->file, &out, &err), 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(drift_write(f->file, &in[i], &err), 0);
        assert_int_equal(drift_read(f->file, &out, &err), 1);
        assert_same(&out, &in[i]);
        assert_int_equal(access(f->next, F_OK), -1);
    }
}

static struct drift with_delays(void)
{
    struct drift d = example();
    d.delays = 2;
    d.delay[0] = (struct memory_delay){.low = 1.05, .high = 1.15};
    strcpy(d.delay[0].name, "nmea /dev/serial0");
    strcpy(d.delay[0].model, "NEO\tM8T\nfrequency_ppm 7");
    d.delay[1] = (struct memory_delay){.name = "left", .high = 0.75};
    return d;
}

static void d7_delays_there_and_back(void **state)
{
    const struct folder *f = *state;
    struct drift in = with_delays(), out;
    struct err err;
    assert_int_equal(drift_write(f->file, &in, &err), 0);
    assert_int_equal(drift_read(f->file, &out, &err), 1);
    assert_same(&out, &in);
    assert_int_equal(out.delays, 2);
    assert_int_equal(out.damaged, 0);
    assert_string_equal(out.delay[0].name, "nmea /dev/serial0");
    assert_string_equal(out.delay[0].model, "NEO?M8T?frequency_ppm 7"); /* one line */
    assert_near(out.delay[0].low, 1.05, 1e-6);
    assert_near(out.delay[0].high, 1.15, 1e-6);
    assert_string_equal(out.delay[1].name, "left");
    assert_string_equal(out.delay[1].model, "");
    in.delays = MEMORY_DELAYS;
    for (int i = 0; i < MEMORY_DELAYS; i++) {
        memset(in.delay[i].name, 'a' + i, sizeof in.delay[i].name - 1);
        memset(in.delay[i].model, 'm', sizeof in.delay[i].model - 1);
    }
    assert_int_equal(drift_write(f->file, &in, &err), 0);
    assert_int_equal(drift_read(f->file, &out, &err), 1); /* the most that there can be */
    assert_int_equal(out.delays, MEMORY_DELAYS);
}

/* Lines about delays that are none take nothing else with them. */
static void d7_damaged_delays(void **state)
{
    static const char *const bad[] = {
        "delay\n",
        "delay 1 2\n",
        "delay 1.2 1.1\tnmea\t-\n",
        "delay nan 1\tnmea\t-\n",
        "delay 0.1 inf\tnmea\t-\n",
        "delay -0.1 0.1\tnmea\t-\n",
        "delay 0.1 0.91\tnmea\t-\n",
        "delay 2.9 3.1\tnmea\t-\n",
        "delay 0.1 0.2\t\t-\n",
        "delay 0.1 0.2\tnmea\n",
        "delay 0.1 0.2\tnmea\t\n",
        "delay 0.1 0.2\tnmea\t-\tmore\n",
        "delay 0.1 0.2\tleft\t-\n", /* twice */
        "delay 0.1 0.2\tn\x7f\t-\n",
    };
    const struct folder *f = *state;
    struct drift in = with_delays(), out;
    struct err err;
    char text[4096];
    assert_int_equal(drift_write(f->file, &in, &err), 0);
    size_t size = get(f->file, text, sizeof text);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(text + size, sizeof text - size, "%s", bad[i]);
        put(f->file, text, strlen(text));
        assert_int_equal(drift_read(f->file, &out, &err), 1);
        assert_same(&out, &in);
        assert_int_equal(out.delays, 2);
        if (strncmp(bad[i], "delay ", 6) == 0)
            assert_int_equal(out.damaged, 1);
    }
}

/* A file that is torn anywhere is refused, and replaced by the next one. */
static void f3_torn(void **state)
{
    const struct folder *f = *state;
    struct drift in = warm(), out = {.written = 7};
    struct err err;
    char text[2048];
    assert_int_equal(drift_write(f->file, &in, &err), 0);
    size_t size = get(f->file, text, sizeof text);
    const char *fit = strstr(text, "celsius");
    assert_non_null(fit);
    for (size_t n = 0; n < size; n += 5) {
        put(f->file, text, n);
        memset(&out, 0, sizeof out);
        if (drift_read(f->file, &out, &err) == 1) {
            /* at the end of a line that is one of the temperature's: those are all or none */
            assert_true(text + n >= fit && text[n - 1] == '\n');
            assert_false(out.memory.thermal);
            continue;
        }
        assert_int_equal(out.written, 0);
        assert_true(*err.why && *err.todo && strstr(err.thing, "drift"));
        if (n > 40) {
            assert_int_equal(drift_write(f->file, &in, &err), 0);
            assert_int_equal(drift_read(f->file, &out, &err), 1);
        }
    }
}

static void f3_values_that_no_clock_has(void **state)
{
    const struct folder *f = *state;
    static const char *const words[] = {"frequency_ppm", "error_ppm",      "pulse_noise_us",
                                        "gain_phase",    "gain_frequency", "walk_fm",
                                        "written",       "celsius",        "fit_kk"};
    static const char *const values[] = {"nan", "inf",   "-inf", "1e300", "-1e300", "1e999", "0x10",
                                         "",    "1 000", "ten",  "--1",   "1e",     "1,5"};
    struct drift in = warm(), out;
    struct err err;
    char text[2048], bad[4096];
    assert_int_equal(drift_write(f->file, &in, &err), 0);
    (void)get(f->file, text, sizeof text);
    for (size_t w = 0; w < sizeof words / sizeof *words; w++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            const char *line = strstr(text, words[w]), *end = strchr(line, '\n');
            if (!strcmp(values[v], "1 000"))
                continue; /* reads as 1: the rest of the line is nobody's */
            snprintf(bad, sizeof bad, "%.*s%s %s%s", (int)(line - text), text, words[w], values[v],
                     end);
            put(f->file, bad, strlen(bad));
            if (drift_read(f->file, &out, &err) != -1)
                print_error("%s %s was taken\n", words[w], values[v]);
            assert_int_equal(drift_read(f->file, &out, &err), -1);
        }
}

static void f3_a_file_that_is_not_ours(void **state)
{
    const struct folder *f = *state;
    static const char *const theirs[] = {
        "-21.5 0.02\n", /* chronyd's, ntpd's */
        "#!/bin/sh\nrm -rf /\n",
        "# timeball drift file, version 2\nfrequency_ppm 5\n",
    };
    struct drift d = example(), out;
    struct err err;
    char text[2048];
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++) {
        put(f->file, theirs[i], strlen(theirs[i]));
        assert_int_equal(drift_read(f->file, &out, &err), -1);
        assert_int_equal(drift_write(f->file, &d, &err), -1);
        (void)get(f->file, text, sizeof text);
        assert_string_equal(text, theirs[i]);
    }
    /* binary, and too long */
    static char big[100000];
    memset(big, 'x', sizeof big);
    put(f->file, big, sizeof big);
    assert_int_equal(drift_read(f->file, &out, &err), -1);
    assert_int_equal(drift_write(f->file, &d, &err), -1);
    put(f->file, "# timeball drift file, version 1\n\0", 34);
    assert_int_equal(drift_read(f->file, &out, &err), -1);
    /* an empty one is nobody's */
    put(f->file, "", 0);
    assert_int_equal(drift_read(f->file, &out, &err), -1);
    assert_int_equal(drift_write(f->file, &d, &err), 0);
    assert_int_equal(drift_read(f->file, &out, &err), 1);
}

static void f3_links_are_not_followed(void **state)
{
    const struct folder *f = *state;
    struct drift d = example(), out;
    struct err err;
    char text[64];
    put(f->other, "precious\n", 9);
    assert_int_equal(symlink(f->other, f->file), 0);
    assert_int_equal(drift_read(f->file, &out, &err), -1);
    assert_int_equal(drift_write(f->file, &d, &err), -1);
    (void)unlink(f->file);
    /* nor that of the new file */
    assert_int_equal(symlink(f->other, f->next), 0);
    assert_int_equal(drift_write(f->file, &d, &err), 0);
    assert_int_equal(drift_read(f->file, &out, &err), 1);
    (void)get(f->other, text, sizeof text);
    assert_string_equal(text, "precious\n");
    /* a folder, a device */
    assert_int_equal(drift_read(f->path, &out, &err), -1);
    assert_int_equal(drift_write(f->path, &d, &err), -1);
    assert_int_equal(drift_read("/dev/zero", &out, &err), -1);
}

static void f3_a_place_where_nothing_can_be_written(void **state)
{
    (void)state;
    struct drift d = example(), out;
    struct err err;
    assert_int_equal(drift_write("/nonexistent/drift", &d, &err), -1);
    assert_true(*err.todo && strstr(err.why, "No such file"));
    assert_int_equal(drift_write("/proc/drift", &d, &err), -1);
    assert_int_equal(drift_read("/nonexistent/drift", &out, &err), 0);
    char path[5000];
    memset(path, 'a', sizeof path);
    path[0] = '/';
    path[sizeof path - 1] = 0;
    assert_int_equal(drift_write(path, &d, &err), -1);
}

static void what_is_written_can_be_read(void **state)
{
    const struct folder *f = *state;
    struct drift d = {.written = 0}, out;
    struct err err;
    d.memory.freq_error = 1e-30;
    d.memory.freq = 500e-6;
    assert_int_equal(drift_write(f->file, &d, &err), 0);
    assert_int_equal(drift_read(f->file, &out, &err), 1);
    assert_true(out.memory.freq_error > 0);
}

/* The older, the less sure. */
static void age(void **state)
{
    (void)state;
    struct drift d = example(), now = d, day = d, year = d, future = d;
    drift_age(&now, WRITTEN);
    assert_near(now.memory.freq_error, d.memory.freq_error, 1e-15);
    drift_age(&day, WRITTEN + 86400 * SECOND);
    assert_near(day.memory.freq_error, hypot(3.5e-9, 2e-10 * sqrt(86400)), 1e-12);
    drift_age(&year, WRITTEN + 10 * INT64_C(31536000) * SECOND);
    assert_true(year.memory.freq_error > day.memory.freq_error);
    drift_age(&future, 0); /* a clock that was not set yet */
    assert_near(future.memory.freq_error, day.memory.freq_error, 1e-12);
}

/* Damaged, or from a release that is in use for longer than an era of 1024 weeks. */
static void d1_a_file_from_beyond_the_era(void **state)
{
    (void)state;
    const struct drift d = example();
    assert_true(drift_believed(&d, WRITTEN + SECOND, 0));
    assert_true(drift_believed(&d, WRITTEN + SECOND, WRITTEN + 5 * SECOND));
    assert_false(drift_believed(&d, WRITTEN, 0)); /* a clock that was not set yet */
    assert_false(drift_believed(&d, WRITTEN - 86400 * SECOND, WRITTEN - SECOND));
    assert_true(drift_believed(&d, WRITTEN - 86400 * SECOND, WRITTEN));
}

static enum drift_found look(const struct folder *f, struct drift *d, const char **keep)
{
    struct err err;
    memset(d, 0, sizeof *d);
    enum drift_found found = drift_find(f->other, f->file, d, keep, &err);
    assert_int_equal(*err.why != 0, found == DRIFT_NONE && access(f->other, F_OK) == 0);
    return found;
}

/* `driftfile` of an ntp.conf: its number is read, the file stays as it is. */
static void the_number_of_ntpd_is_where_we_start(void **state)
{
    const struct folder *f = *state;
    static const struct {
        const char *text;
        double ppm;
    } numbers[] = {{"13.778\n", 13.778}, {"-21.5", -21.5}, {"0.000\n", 0}, {"+500.000 \n", 500}};
    struct drift d, in = example();
    const char *keep;
    struct err err;
    char text[64];
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        put(f->other, numbers[i].text, strlen(numbers[i].text));
        assert_int_equal(look(f, &d, &keep), DRIFT_NUMBER);
        assert_true(d.memory.known && !d.memory.thermal && d.memory.pulse == 0);
        assert_near(d.memory.freq, numbers[i].ppm * 1e-6, 1e-12);
        assert_near(d.memory.freq_error, 1e-6, 1e-12);
        assert_string_equal(keep, f->file);
    }
    /* its age is unknown, and costs nothing */
    drift_age(&d, WRITTEN);
    assert_near(d.memory.freq_error, 1e-6, 1e-12);
    /* what we learn goes elsewhere, and is known better from then on */
    assert_int_equal(drift_write(keep, &in, &err), 0);
    (void)get(f->other, text, sizeof text);
    assert_string_equal(text, numbers[3].text);
    assert_int_equal(look(f, &d, &keep), DRIFT_OURS);
    assert_same(&d, &in);
    assert_string_equal(keep, f->file);
}

static void f3_a_file_that_is_nobodys_number(void **state)
{
    const struct folder *f = *state;
    static const char *const texts[] = {
        "-21.5 0.02\n", "nan\n",       "1e300\n", "501\n",   "0x10\n",
        "inf",          "#!/bin/sh\n", "1\n2\n",  "ppm 5\n",
    };
    struct drift d;
    const char *keep;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put(f->other, texts[i], strlen(texts[i]));
        assert_int_equal(look(f, &d, &keep), DRIFT_NONE);
        assert_false(d.memory.known);
        assert_string_equal(keep, f->file);
    }
}

static void a_name_of_our_own_is_kept(void **state)
{
    const struct folder *f = *state;
    struct drift d, in = warm();
    const char *keep;
    struct err err;
    assert_int_equal(look(f, &d, &keep), DRIFT_NONE); /* absent: it will be made */
    assert_string_equal(keep, f->other);
    assert_int_equal(drift_write(f->other, &in, &err), 0);
    assert_int_equal(look(f, &d, &keep), DRIFT_OURS);
    assert_same(&d, &in);
    assert_string_equal(keep, f->other);
    put(f->other, "# timeball drift file, version 1\nwritten", 40); /* torn: made anew in place */
    assert_int_equal(look(f, &d, &keep), DRIFT_NONE);
    assert_string_equal(keep, f->other);
    /* a folder that is not there: what was learned has a place all the same */
    assert_int_equal(drift_find("/nonexistent/ntp.drift", f->file, &d, &keep, &err), DRIFT_NONE);
    assert_string_equal(keep, f->file);
    assert_int_equal(err.why[0], 0);
    assert_int_equal(drift_find(f->file, f->file, &d, &keep, &err), DRIFT_NONE);
    assert_string_equal(keep, f->file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d7_delays_there_and_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d7_damaged_delays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(f3_torn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(f3_values_that_no_clock_has, set_up, tear_down),
        cmocka_unit_test_setup_teardown(f3_a_file_that_is_not_ours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(f3_links_are_not_followed, set_up, tear_down),
        cmocka_unit_test(f3_a_place_where_nothing_can_be_written),
        cmocka_unit_test_setup_teardown(what_is_written_can_be_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_number_of_ntpd_is_where_we_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(f3_a_file_that_is_nobodys_number, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_name_of_our_own_is_kept, set_up, tear_down),
        cmocka_unit_test(age),
        cmocka_unit_test(d1_a_file_from_beyond_the_era),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
