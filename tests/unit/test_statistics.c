/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config/config.h"
#include "server/daemon/statistics.h"

#define SECOND INT64_C(1000000000)
#define NOON   INT64_C(1795521600) /* 2026-11-24 12:00:00 */

/* ---- a log, a folder, a status ---- */

struct rig {
    struct log log;
    int lines;
    char last[600];
    struct config config;
    struct statistics statistics;
    struct status status;
    char folder[64];
};

static void write_line(void *arg, enum log_level level, const char *text)
{
    struct rig *r = arg;
    (void)level;
    r->lines++;
    snprintf(r->last, sizeof r->last, "%s", text);
}

static void add_source(struct status *s, const char *driver, const char *path, const char *address)
{
    struct status_source *to = &s->source[s->source_count++];
    *to = (struct status_source){.says = 1.5e-6, .bound = 2e-5, .jitter = 3e-7, .reach = 255};
    status_text(to->driver, sizeof to->driver, driver);
    status_text(to->path, sizeof to->path, path);
    status_text(to->peer.address, sizeof to->peer.address, address);
    status_text(to->verdict, sizeof to->verdict, "standby");
}

static int set_up(void **state)
{
    struct rig *r = calloc(1, sizeof *r);
    struct config_errors errors;
    char text[300];
    strcpy(r->folder, "/tmp/timeball-statistics-XXXXXX");
    assert_non_null(mkdtemp(r->folder));
    r->log = (struct log){.max = LOG_LEVEL_INFO, .write = write_line, .arg = r};
    int n = snprintf(text, sizeof text, "statsdir %s/\nstatistics loopstats peerstats clockstats\n",
                     r->folder);
    assert_int_equal(config_parse(&r->config, "ntp.conf", text, (size_t)n, &errors), 0);
    statistics_init(&r->statistics, &r->config.statistics, &r->log, 0);
    status_init(&r->status);
    r->status.time = NOON * SECOND + 250 * 1000000;
    r->status.clock.state = STATUS_LOCKED;
    r->status.clock.offset = -1.25e-6;
    r->status.clock.frequency = -13.778e-6;
    r->status.clock.frequency_error = 2e-9;
    r->status.clock.noise_pulse = 8e-7;
    add_source(&r->status, "pps", "/dev/pps0", "");
    r->status.source[0].used = true;
    status_count(&r->status.source[0].counters, "edges", 64);
    add_source(&r->status, "server", "ntp.example.org", "192.0.2.1");
    r->status.source[1].peer.delay = 0.0125;
    *state = r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    char path[400];
    DIR *d = opendir(r->folder);
    for (const struct dirent *e; d && (e = readdir(d));) {
        snprintf(path, sizeof path, "%s/%s", r->folder, e->d_name);
        (void)unlink(path);
    }
    if (d)
        closedir(d);
    (void)rmdir(r->folder);
    config_free(&r->config);
    free(r);
    return 0;
}

static const char *path_of(const struct rig *r, const char *name)
{
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", r->folder, name);
    return path;
}

static void must_hold(const struct rig *r, const char *name, const char *wanted)
{
    char text[2000] = "";
    int fd = open(path_of(r, name), O_RDONLY);
    if (fd < 0)
        fail_msg("%s is not there", name);
    ssize_t n = read(fd, text, sizeof text - 1);
    close(fd);
    assert_true(n >= 0);
    assert_string_equal(text, wanted);
}

/* ---- tests ---- */

static void the_formats_are_those_of_ntpd(void **state)
{
    struct rig *r = *state;
    statistics_write(&r->statistics, &r->status);
    must_hold(r, "loopstats.20261124",
              "61368 43200.250 -0.000001250 -13.778000 0.000000800 0.002000 4\n");
    must_hold(r, "peerstats.20261124",
              "61368 43200.250 PPS(0) 9700 0.000001500 0.000000000 0.000020000 0.000000300\n"
              "61368 43200.250 192.0.2.1 9400 0.000001500 0.012500000 0.000020000 0.000000300\n");
    must_hold(r, "clockstats.20261124", "61368 43200.250 PPS(0) edges=64\n");
    assert_int_equal(r->lines, 0);
}

static void only_what_is_new_and_believed_is_written(void **state)
{
    struct rig *r = *state;
    r->status.clock.state = STATUS_NUMBERING;
    r->status.source[0].age = 16;
    r->status.source[1].age = NAN;
    r->config.statistics.set[STATISTICS_CLOCK].on = false;
    statistics_write(&r->statistics, &r->status);
    assert_int_equal(access(path_of(r, "loopstats.20261124"), F_OK), -1);
    assert_int_equal(access(path_of(r, "peerstats.20261124"), F_OK), -1);
    assert_int_equal(access(path_of(r, "clockstats.20261124"), F_OK), -1);
}

static void it_is_due_every_16_seconds(void **state)
{
    struct rig *r = *state;
    int due = 0;
    for (int s = 1; s <= 64; s++)
        due += statistics_due(&r->statistics, s * SECOND);
    assert_int_equal(due, 4);
    assert_true(statistics_due(&r->statistics, 1000 * SECOND)); /* after a suspension: once */
    assert_false(statistics_due(&r->statistics, 1001 * SECOND));
    r->config.statistics.off = true;
    assert_false(statistics_due(&r->statistics, 2000 * SECOND));
}

/* The name without a date is the file of today; what stood there alone is kept. */
static void the_day_changes(void **state)
{
    struct rig *r = *state;
    struct stat day, plain;
    char kept[64];
    int fd = open(path_of(r, "loopstats"), O_CREAT | O_WRONLY, 0644);
    assert_int_equal(write(fd, "old\n", 4), 4);
    close(fd);
    statistics_write(&r->statistics, &r->status);
    snprintf(kept, sizeof kept, "loopstats.C%d", (int)getpid());
    must_hold(r, kept, "old\n");
    for (int i = 0; i < 2; i++) {
        const char *name = i ? "loopstats.20261125" : "loopstats.20261124";
        assert_int_equal(stat(path_of(r, name), &day), 0);
        assert_int_equal(stat(path_of(r, "loopstats"), &plain), 0);
        assert_int_equal(day.st_ino, plain.st_ino);
        r->status.time += 12 * 3600 * SECOND;
        statistics_write(&r->statistics, &r->status);
    }
    assert_int_equal(stat(path_of(r, "loopstats.20261124"), &day), 0);
    assert_int_equal(day.st_nlink, 1);
}

static void names_follow_the_type(void **state)
{
    struct config_statistics_file f = {.file = "loops"};
    static const char *const names[] = {
        [STATISTICS_NONE] = "loops",         [STATISTICS_PID] = "loops.77",
        [STATISTICS_DAY] = "loops.20261124", [STATISTICS_MONTH] = "loops.202611",
        [STATISTICS_YEAR] = "loops.2026",
    };
    char buf[64];
    (void)state;
    for (int i = STATISTICS_NONE; i <= STATISTICS_YEAR; i++) {
        f.type = i;
        assert_string_equal(statistics_file(&f, NOON * SECOND, 77, buf, sizeof buf), names[i]);
    }
}

/* One line when it begins to fail, one when it works again. */
static void f3_a_folder_that_is_not_there_costs_one_line(void **state)
{
    struct rig *r = *state;
    char away[80];
    r->config.statistics.set[STATISTICS_PEER].on = r->config.statistics.set[STATISTICS_CLOCK].on =
        false;
    snprintf(away, sizeof away, "%s.away", r->folder);
    assert_int_equal(rename(r->folder, away), 0);
    for (int i = 0; i < 20; i++)
        statistics_write(&r->statistics, &r->status);
    assert_int_equal(r->lines, 1);
    assert_non_null(strstr(r->last, "No such file"));
    assert_int_equal(rename(away, r->folder), 0);
    for (int i = 0; i < 3; i++)
        statistics_write(&r->statistics, &r->status);
    assert_int_equal(r->lines, 2);
    assert_non_null(strstr(r->last, "written again"));
}

/* A line is whole, or not there: RLIMIT_FSIZE cuts a write short like a full disk. */
static void f3_a_full_disk_leaves_no_half_line(void **state)
{
    struct rig *r = *state;
    struct rlimit old, small = {.rlim_cur = 100, .rlim_max = RLIM_INFINITY};
    const char *line = "61368 43200.250 -0.000001250 -13.778000 0.000000800 0.002000 4\n";
    r->config.statistics.set[STATISTICS_PEER].on = r->config.statistics.set[STATISTICS_CLOCK].on =
        false;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 5; i++)
        statistics_write(&r->statistics, &r->status);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(r->lines, 1);
    must_hold(r, "loopstats.20261124", line);
}

static void f3_what_is_no_file_is_left_alone(void **state)
{
    struct rig *r = *state;
    r->config.statistics.set[STATISTICS_PEER].on = r->config.statistics.set[STATISTICS_CLOCK].on =
        false;
    assert_int_equal(mkfifo(path_of(r, "loopstats.20261124"), 0600), 0);
    statistics_write(&r->statistics, &r->status); /* and does not wait for a reader */
    assert_int_equal(r->lines, 1);
    assert_int_equal(unlink(path_of(r, "loopstats.20261124")), 0);
    assert_int_equal(symlink("/dev/null", path_of(r, "loopstats.20261124")), 0);
    statistics_write(&r->statistics, &r->status);
    assert_int_equal(r->lines, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_formats_are_those_of_ntpd, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_what_is_new_and_believed_is_written, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(it_is_due_every_16_seconds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_day_changes, set_up, tear_down),
        cmocka_unit_test(names_follow_the_type),
        cmocka_unit_test_setup_teardown(f3_a_folder_that_is_not_there_costs_one_line, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(f3_a_full_disk_leaves_no_half_line, set_up, tear_down),
        cmocka_unit_test_setup_teardown(f3_what_is_no_file_is_left_alone, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
