/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "refclock/err.h"
#include "refclock/log.h"
#include "server/daemon/logfile.h"

#define SECOND INT64_C(1000000000)

/* ---- err ---- */

static void error_in_one_line(void **state)
{
    (void)state;
    struct err e;
    char line[600];
    assert_int_equal(err_set(&e, "/dev/pps0", "load pps-gpio", "no edge for %d s", 5), -1);
    assert_string_equal(err_line(&e, line, sizeof line),
                        "/dev/pps0: no edge for 5 s; load pps-gpio");
    assert_int_equal(err_set(&e, "", "", "bare"), -1);
    assert_string_equal(err_line(&e, line, sizeof line), "bare");
    assert_int_equal(err_set(&e, NULL, NULL, "bare"), -1);
    assert_string_equal(err_line(&e, line, sizeof line), "bare");
    assert_int_equal(err_set(NULL, "a", "b", "nobody wants to know"), -1);
}

static void error_of_errno(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(err_errno(&e, "f", "t", "opening", ENOENT), -1);
    assert_string_equal(e.why, "opening: No such file or directory");
    assert_int_equal(err_errno(&e, "f", "t", "", EACCES), -1);
    assert_string_equal(e.why, "Permission denied");
    assert_int_equal(err_errno(&e, "f", "t", NULL, EACCES), -1);
    assert_string_equal(e.why, "Permission denied");
    assert_int_equal(err_errno(NULL, "f", "t", NULL, EACCES), -1);
}

static void long_errors_are_cut(void **state)
{
    (void)state;
    char text[5000], line[50];
    struct err e;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    err_set(&e, text, text, "%s", text);
    assert_int_equal(strlen(e.thing), sizeof e.thing - 1);
    assert_int_equal(strlen(e.why), sizeof e.why - 1);
    assert_int_equal(strlen(e.todo), sizeof e.todo - 1);
    assert_int_equal(strlen(err_line(&e, line, sizeof line)), sizeof line - 1);
}

/* ---- log ---- */

struct kept {
    int lines;
    enum log_level level;
    char last[2048];
};

static void keep(void *arg, enum log_level level, const char *line)
{
    struct kept *k = arg;
    k->lines++;
    k->level = level;
    snprintf(k->last, sizeof k->last, "%s", line);
}

static void lines_by_level(void **state)
{
    (void)state;
    struct kept k = {0};
    struct log log = {.max = LOG_LEVEL_NOTICE, .write = keep, .arg = &k};
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++)
        log_say(&log, (enum log_level)level, "at %d", level);
    assert_int_equal(k.lines, 3);
    assert_int_equal(k.level, LOG_LEVEL_NOTICE);
    assert_string_equal(k.last, "at 2");
    log.write = NULL;
    log_say(&log, LOG_LEVEL_ERROR, "to nobody");
    log_say(NULL, LOG_LEVEL_ERROR, "to nobody");
    assert_int_equal(k.lines, 3);
}

static void receiver_text_forges_no_line(void **state)
{
    (void)state;
    struct kept k = {0};
    struct log log = {.max = LOG_LEVEL_DEBUG, .write = keep, .arg = &k};
    log_say(&log, LOG_LEVEL_INFO, "%s", "a\nerror: b\r\x1b[31m\x7f\t%n%s \xc3\xa9");
    assert_string_equal(k.last, "a?error: b??[31m??%n%s \xc3\xa9");
    char text[4000];
    memset(text, '\n', sizeof text - 1);
    text[sizeof text - 1] = 0;
    log_say(&log, LOG_LEVEL_INFO, "%s", text);
    assert_in_range(strlen(k.last), 500, 1023);
    assert_null(strchr(k.last, '\n'));
}

static void one_line_a_minute(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    uint64_t held = 99;
    int said = 0;
    int64_t start = 1795521600 * SECOND;
    assert_true(log_allowed(&limit, start, &held));
    assert_int_equal(held, 0);
    for (int i = 1; i < 600; i++)
        if (log_allowed(&limit, start + i * SECOND / 2, &held)) {
            said++;
            assert_int_equal(held, 119);
        }
    assert_int_equal(said, 4);
    /* another cause has its own limit, and nobody needs to ask for the number */
    struct log_limit other = {0};
    assert_true(log_allowed(&other, start, NULL));
    /* a scale that goes back does not silence it */
    assert_true(log_allowed(&limit, start - 3600 * SECOND, NULL));
    assert_false(log_allowed(&limit, start - 3600 * SECOND + 1, NULL));
}

/* ---- where the daemon's lines go ---- */

static void to_a_file(void **state)
{
    (void)state;
    char path[] = "/tmp/timeball-log-XXXXXX", text[256];
    struct logfile l;
    struct err err;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "before\n", 7), 7);
    assert_int_equal(logfile_open(&l, path, LOG_LEVEL_INFO, &err), 0);
    log_say(&l.log, LOG_LEVEL_INFO, "one");
    log_say(&l.log, LOG_LEVEL_WARNING, "two");
    log_say(&l.log, LOG_LEVEL_DEBUG, "three");
    logfile_close(&l);
    log_say(&l.log, LOG_LEVEL_ERROR, "after the end");
    ssize_t n = pread(fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = 0;
    assert_string_equal(text, "before\none\nwarning: two\n");
    close(fd);
    unlink(path);
}

/* What goes to standard error where JOURNAL_STREAM is its device, `between`, its inode. */
static void to_stderr(const char *between, char *text, size_t size)
{
    char path[] = "/tmp/timeball-log-XXXXXX";
    struct logfile l;
    struct err err;
    struct stat is = {0};
    int fd = mkstemp(path), kept = dup(STDERR_FILENO);
    assert_true(fd >= 0 && kept >= 0 && !fstat(fd, &is));
    snprintf(text, size, "%llu%s%llu", (unsigned long long)is.st_dev, between,
             (unsigned long long)is.st_ino);
    assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
    assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    int bad = logfile_open(&l, "stderr", LOG_LEVEL_DEBUG, &err);
    for (int level = LOG_LEVEL_ERROR; !bad && level <= LOG_LEVEL_DEBUG; level++)
        log_say(&l.log, (enum log_level)level, "<0>line");
    logfile_close(&l);
    dup2(kept, STDERR_FILENO);
    close(kept);
    unsetenv("JOURNAL_STREAM");
    assert_int_equal(bad, 0);
    ssize_t n = pread(fd, text, size - 1, 0);
    assert_true(n > 0);
    text[n] = 0;
    close(fd);
    unlink(path);
}

/* And no receiver's text is taken for a priority (sd-daemon(3)). */
static void to_the_journal(void **state)
{
    (void)state;
    char text[256];
    to_stderr(":", text, sizeof text);
    assert_string_equal(text, "<3>error: <0>line\n<4>warning: <0>line\n<5><0>line\n<6><0>line\n"
                              "<7>debug: <0>line\n");
    to_stderr(":1", text, sizeof text); /* that was of another process's output */
    assert_string_equal(text, "error: <0>line\nwarning: <0>line\n<0>line\n<0>line\n"
                              "debug: <0>line\n");
}

static void nowhere_and_no_file(void **state)
{
    (void)state;
    struct logfile l;
    struct err err;
    assert_int_equal(logfile_open(&l, "", LOG_LEVEL_INFO, &err), 0);
    log_say(&l.log, LOG_LEVEL_ERROR, "unheard");
    logfile_close(&l);
    assert_int_equal(logfile_open(&l, "/nonexistent/x.log", LOG_LEVEL_INFO, &err), -1);
    assert_non_null(strstr(err.why, "No such file"));
    assert_true(*err.todo);
}

static void no_link_is_followed(void **state)
{
    (void)state;
    char folder[] = "/tmp/timeball-log-XXXXXX", path[64], target[64];
    struct logfile l;
    struct err err;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(target, sizeof target, "%s/target", folder);
    assert_int_equal(symlink(target, path), 0);
    assert_int_equal(logfile_open(&l, path, LOG_LEVEL_INFO, &err), -1);
    assert_int_equal(access(target, F_OK), -1);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_in_one_line),
        cmocka_unit_test(error_of_errno),
        cmocka_unit_test(long_errors_are_cut),
        cmocka_unit_test(lines_by_level),
        cmocka_unit_test(receiver_text_forges_no_line),
        cmocka_unit_test(one_line_a_minute),
        cmocka_unit_test(to_a_file),
        cmocka_unit_test(to_the_journal),
        cmocka_unit_test(nowhere_and_no_file),
        cmocka_unit_test(no_link_is_followed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
