/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <math.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/config/config.h"
#include "server/options.h"

static int parse(struct config *c, struct config_errors *errors, const char *text)
{
    return config_parse(c, "test.conf", text, strlen(text), errors);
}

/* What --check prints; to be freed. */
static char *checked(const struct config *c)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    assert_non_null(f);
    config_check_print(f, c);
    fclose(f);
    return text;
}

static void empty_file_gives_the_defaults(void **state)
{
    struct config c;
    struct config_errors errors;
    (void)state;
    assert_int_equal(parse(&c, &errors, ""), 0);
    assert_int_equal(c.threads, CONFIG_THREADS_AUTO);
    assert_int_equal(c.clock, CONFIG_CLOCK_SYSTEM);
    assert_string_equal(c.statussocket, "/run/timeball/status.sock");
    assert_string_equal(c.driftfile, "/var/lib/timeball/drift");
    assert_string_equal(c.log, "stderr");
    assert_int_equal(c.log_level, LOG_LEVEL_INFO);
    assert_true(c.steplimit == 0.5 && c.holdover == 0.001);
    assert_int_equal(c.refclock_count, 0);
    assert_int_equal(c.listen_count, 2);
    assert_int_equal(c.listen[0].name.ss_family, AF_INET);
    assert_int_equal(c.listen[1].name.ss_family, AF_INET6);
    assert_int_equal(ntohs(((struct sockaddr_in6 *)&c.listen[1].name)->sin6_port), 123);
    assert_int_equal(c.given, 0);
    config_free(&c);
}

static const double *seconds_at(const struct config_refclock *r, const struct option_row *row)
{
    const void *at = (const char *)r->driver + row->offset;
    return at;
}

static void every_directive_is_read(void **state)
{
    struct config c;
    struct config_errors errors;
    (void)state;
    assert_int_equal(parse(&c, &errors,
                           "# a comment\r\n\r\n  threads 4 # of them\n\tclock\tnone\n"
                           "listen 127.0.0.1 port 11123\nlisten ::1 port 11123\n"
                           "statussocket none\ndriftfile \"/tmp/a drift\"\n"
                           "log /var/log/timeball.log level debug\nsteplimit 1.5e-1\n"
                           "holdover 0.01\nrefclock pps /dev/pps0 edge clear latency 11e-6\n"
                           "refclock nmea /dev/ttyS0 delay 0.1..0.25"),
                     0);
    assert_int_equal(c.threads, 4);
    assert_int_equal(c.clock, CONFIG_CLOCK_NONE);
    assert_int_equal(c.listen_count, 2);
    assert_string_equal(c.listen[1].address, "::1");
    assert_int_equal(ntohs(((struct sockaddr_in *)&c.listen[0].name)->sin_port), 11123);
    assert_string_equal(c.statussocket, "");
    assert_string_equal(c.driftfile, "/tmp/a drift");
    assert_string_equal(c.log, "/var/log/timeball.log");
    assert_int_equal(c.log_level, LOG_LEVEL_DEBUG);
    assert_true(c.steplimit == 0.15 && c.holdover == 0.01);
    assert_int_equal(c.refclock_count, 2);
    const struct config_refclock *pps = &c.refclock[0], *nmea = &c.refclock[1];
    assert_string_equal(pps->ops->name, "pps");
    assert_ptr_equal(pps->driver->ops, pps->ops);
    assert_string_equal(pps->driver->path, "/dev/pps0");
    assert_true(config_refclock_given(pps, "latency"));
    assert_false(config_refclock_given(pps, "uncertainty"));
    const struct option_row *row = options_find(pps->ops->options, "latency");
    assert_true(seconds_at(pps, row)[0] == 11e-6);
    row = options_find(pps->ops->options, "uncertainty");
    assert_true(seconds_at(pps, row)[0] == 20e-6);
    row = options_find(nmea->ops->options, "delay");
    assert_true(seconds_at(nmea, row)[1] == 0.25);
    config_free(&c);
    assert_int_equal(c.refclock_count, 0);
}

static void feeds_are_read(void **state)
{
    struct config c;
    struct config_errors errors;
    char name[OPTION_TEXT_SIZE + 16];
    (void)state;
    assert_int_equal(
        parse(&c, &errors, "feed shm 2\nfeed sock /run/chrony.tb.sock\nrefclock shm 1\nfeed shm 0"),
        0);
    assert_int_equal(c.feed_count, 3);
    assert_string_equal(config_feed_name(&c.feed[0], name, sizeof name), "shm 2");
    assert_string_equal(config_feed_name(&c.feed[1], name, sizeof name),
                        "sock /run/chrony.tb.sock");
    config_free(&c);
}

/* Two that steer one clock is what --check warns of. */
static void feeds_beside_a_steered_clock_are_remarked(void **state)
{
    static const char *const texts[] = {"clock system\nfeed shm 2", "clock none\nfeed shm 2"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct config c;
        struct config_errors errors;
        char *text = NULL;
        size_t size = 0;
        assert_int_equal(parse(&c, &errors, texts[i]), 0);
        FILE *out = open_memstream(&text, &size);
        config_check_print(out, &c);
        fclose(out);
        assert_non_null(strstr(text, "feed shm 2"));
        assert_int_equal(strstr(text, "chronyd -x") != NULL, i == 0);
        free(text);
        config_free(&c);
    }
}

static void listen_none_listens_nowhere(void **state)
{
    struct config c;
    struct config_errors errors;
    (void)state;
    assert_int_equal(parse(&c, &errors, "listen none\nthreads 0"), 0);
    assert_int_equal(c.listen_count, 0);
    assert_int_equal(c.threads, 0);
    config_free(&c);
}

/* A file, and what its only error must say. */
static const struct {
    const char *text, *thing, *says;
} bad[] = {
    {"treads 2", "test.conf:1", "did you mean 'threads'?"},
    {"\n\nTHREADS 2", "test.conf:3", "did you mean 'threads'?"},
    {"feed pipe 2", "test.conf:1", "write feed shm N, or feed sock PATH"},
    {"feed shm", "test.conf:1", "feed shm: the value is missing"},
    {"feed shm 256", "test.conf:1", "out of range"},
    {"feed shm 2 3", "test.conf:1", "delete what follows it"},
    {"feed shm 2\n\nfeed shm 2", "test.conf:3", "named twice (line 1)"},
    {"feed sock /a\nrefclock sock /a", "test.conf:1", "a refclock line reads this feed"},
    {"feed shm 7\nrefclock shm 7", "test.conf:1", "a refclock line reads this feed"},
    {"xyzzy", "test.conf:1", "unknown word 'xyzzy'"},
    {"threads", "test.conf:1", "write threads N|auto"},
    {"threads two", "test.conf:1", "'two' is not a number"},
    {"threads 2.5", "test.conf:1", "not a number"},
    {"threads 2x", "test.conf:1", "'2x' is not a number"},
    {"threads 0x10", "test.conf:1", "not a number"},
    {"threads 65", "test.conf:1", "out of range"},
    {"threads -1", "test.conf:1", "0 to 64"},
    {"threads 99999999999999999999", "test.conf:1", "too large"},
    {"threads 2 3", "test.conf:1", "unknown word '3'"},
    {"threads 2\nthreads 2", "test.conf:2", "given twice (test.conf:1)"},
    {"steplimit nan", "test.conf:1", "not a number"},
    {"steplimit inf", "test.conf:1", "not a number"},
    {"steplimit 1e400", "test.conf:1", "too large"},
    {"steplimit 1e", "test.conf:1", "not a number"},
    {"steplimit 1..2", "test.conf:1", "not a number"},
    {"steplimit 0", "test.conf:1", "out of range"},
    {"steplimit -1", "test.conf:1", "out of range"},
    {"clock maybe", "test.conf:1", "system|none"},
    {"log", "test.conf:1", "write log"},
    {"log stderr level loud", "test.conf:1", "'loud'"},
    {"log stderr level", "test.conf:1", "the value is missing"},
    {"log stderr levl info", "test.conf:1", "did you mean 'level'?"},
    {"log stderr level info level info", "test.conf:1", "given twice"},
    {"statussocket \"\"", "test.conf:1", "is empty"},
    {"driftfile \"/a", "test.conf:1", "open quote"},
    {"driftfile /a\"b", "test.conf:1", "quote inside a word"},
    {"driftfile \"/a\"b", "test.conf:1", "quote inside a word"},
    {"driftfile /a\x01", "test.conf:1", "control character 0x01"},
    {"listen example.org", "test.conf:1", "not an IP address"},
    {"listen 123", "test.conf:1", "not an IP address"},
    {"listen 1.2.3.4 port 0", "test.conf:1", "1 to 65535"},
    {"listen 1.2.3.4 port", "test.conf:1", "port: the value is missing"},
    {"listen ::\nlisten 0::0", "test.conf:2", "named twice"},
    {"listen none\nlisten ::", "test.conf:2", "listen none"},
    {"listen ::\nlisten none", "test.conf:2", "listen none"},
    {"listen none port 5", "test.conf:1", "no options"},
    {"refclock", "test.conf:1", "DRIVER PATH"},
    {"refclock nema /dev/ttyS0", "test.conf:1", "did you mean 'nmea'?"},
    {"refclock sundial /dev/sun", "test.conf:1", "known: "},
    {"refclock pps", "test.conf:1", "the path is missing"},
    {"refclock pps /dev/pps0\nrefclock pps /dev/pps0", "test.conf:2", "line 1"},
    {"refclock pps /dev/pps0 edge both", "test.conf:1", "assert|clear"},
    {"refclock pps /dev/pps0 latency", "test.conf:1", "value is missing"},
    {"refclock pps /dev/pps0 latency 20us", "test.conf:1", "'20us' is not a number"},
    {"refclock pps /dev/pps0 latncy 1", "test.conf:1", "did you mean 'latency'?"},
    {"refclock nmea /dev/x delay 0.5", "test.conf:1", "MIN..MAX"},
    {"refclock nmea /dev/x delay 0.5..0.1", "test.conf:1", "smaller"},
    {"refclock nmea /dev/x delay 0.5...0.6", "test.conf:1", ""},
    {"refclock nmea /dev/x delay ..0.6", "test.conf:1", "not a number"},
    {"refclock nmea /dev/x delay 0.1..9", "test.conf:1", "out of range"},
};

static void what_is_wrong_is_said_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct config c;
        struct config_errors errors;
        char line[640];
        int result = parse(&c, &errors, bad[i].text);
        if (result != -1 || errors.count != 1)
            fail_msg("'%s': result %d, %zu errors", bad[i].text, result, errors.count);
        err_line(&errors.err[0], line, sizeof line);
        if (strcmp(errors.err[0].thing, bad[i].thing) || !strstr(line, bad[i].says))
            fail_msg("'%s' gave '%s', not '%s'", bad[i].text, line, bad[i].says);
        if (!*errors.err[0].todo)
            fail_msg("'%s' gave '%s': nothing to do", bad[i].text, line);
        assert_int_equal(c.refclock_count, 0);
    }
}

static void long_things_are_errors(void **state)
{
    static const char *const before[] = {"driftfile ", "statussocket ", "refclock pps ", "", "#"};
    static const size_t length[] = {256, 108, 256, 2000, 1100};
    struct config c;
    struct config_errors errors;
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        char text[2200];
        size_t n = (size_t)snprintf(text, sizeof text, "%s", before[i]);
        memset(text + n, 'a', length[i]);
        text[n + length[i]] = 0;
        assert_int_equal(parse(&c, &errors, text), -1);
        assert_non_null(strstr(errors.err[0].why, "longer than"));
        text[n + (i < 2 ? length[i] - 1 : 3)] = 0;
        assert_int_equal(parse(&c, &errors, text), i == 3 ? -1 : 0);
        config_free(&c);
    }
    assert_int_equal(config_parse(&c, "test.conf", "threads 2\0\n", 11, &errors), -1);
    assert_string_equal(errors.err[0].why, "NUL byte");
    assert_int_equal(parse(&c, &errors,
                           "log a b c d e f g h i j k l m n o p q r s t u v w x y z "
                           "a b c d e f g h i j k"),
                     -1);
    assert_non_null(strstr(errors.err[0].why, "more than 32 words"));
}

static void all_errors_are_told_up_to_twenty(void **state)
{
    struct config c;
    struct config_errors errors;
    char text[1024];
    size_t n = 0;
    (void)state;
    assert_int_equal(parse(&c, &errors, "threads x\nrefclock pps /dev/pps0\nclock y\n"), -1);
    assert_int_equal(errors.count, 2);
    assert_string_equal(errors.err[1].thing, "test.conf:3");
    assert_int_equal(c.refclock_count, 0);
    for (int i = 0; i < 25; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "nonsense\n");
    assert_int_equal(parse(&c, &errors, text), -1);
    assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
    assert_int_equal(errors.more, 5);
}

static void a_hostile_word_cannot_drive_the_terminal(void **state)
{
    struct config c;
    struct config_errors errors;
    (void)state;
    assert_int_equal(parse(&c, &errors, "th\033[2Jreads 1"), -1);
    assert_null(strchr(errors.err[0].why, '\033'));
}

static void check_prints_what_reads_back_to_the_same(void **state)
{
    static const char *const texts[] = {
        "",
        "listen none\nstatussocket none\ndriftfile none\nlog none\nthreads 0\nclock none",
        ("refclock pps /dev/pps0 latency 0.3\nrefclock nmea \"/dev/a b\" delay 0.1..0.3\n"
         "listen 127.0.0.1 port 11123\nlog syslog level error\nholdover 0.1"),
        "driftfile /a#b\nstatussocket \"#c\"",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct config c, again;
        struct config_errors errors;
        assert_int_equal(parse(&c, &errors, texts[i]), 0);
        char *first = checked(&c);
        if (parse(&again, &errors, first))
            fail_msg("%s: %s", errors.err[0].thing, errors.err[0].why);
        assert_int_equal(again.threads, c.threads);
        assert_int_equal(again.clock, c.clock);
        assert_int_equal(again.listen_count, c.listen_count);
        assert_int_equal(again.refclock_count, c.refclock_count);
        assert_string_equal(again.statussocket, c.statussocket);
        assert_string_equal(again.driftfile, c.driftfile);
        assert_string_equal(again.log, c.log);
        for (size_t k = 0; k < c.refclock_count; k++) {
            assert_string_equal(again.refclock[k].driver->path, c.refclock[k].driver->path);
            assert_int_equal(again.refclock[k].given, c.refclock[k].given);
        }
        free(first);
        config_free(&c);
        config_free(&again);
    }
}

static void check_says_what_nobody_measured(void **state)
{
    struct config c;
    struct config_errors errors;
    (void)state;
    assert_int_equal(parse(&c, &errors, "refclock pps /dev/pps0"), 0);
    char *text = checked(&c);
    assert_non_null(strstr(text, "refclock pps /dev/pps0 # default: edge assert"));
    assert_non_null(strstr(text, "latency 0 (assumed, not measured)"));
    assert_non_null(strstr(text, "threads auto # default"));
    free(text);
    config_free(&c);
    assert_int_equal(parse(&c, &errors, "refclock pps /dev/pps0 latency 1e-6 uncertainty 1e-7"), 0);
    text = checked(&c);
    assert_null(strstr(text, "assumed"));
    free(text);
    config_free(&c);
}

static int load(const char *path, struct config_errors *errors)
{
    struct config c;
    int result = config_load(&c, path, errors);
    config_free(&c);
    return result;
}

static void files_that_are_none_are_errors(void **state)
{
    struct config_errors errors;
    char folder[] = "/tmp/test_config.XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/conf", folder);

    assert_int_equal(load(path, &errors), -1);
    assert_string_equal(errors.err[0].thing, path);
    assert_non_null(strstr(errors.err[0].why, "No such file"));
    assert_int_equal(load(folder, &errors), -1);
    assert_non_null(strstr(errors.err[0].why, "directory"));
    assert_int_equal(load("/dev/null", &errors), 0);

    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(load(path, &errors), -1); /* and does not wait for a writer */
    assert_int_equal(unlink(path), 0);

    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "threads 3\n", 10), 10);
    assert_int_equal(load(path, &errors), 0);
    assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
    assert_int_equal(load(path, &errors), -1);
    assert_non_null(strstr(errors.err[0].why, "larger than"));
    if (geteuid()) {
        assert_int_equal(fchmod(fd, 0), 0);
        assert_int_equal(load(path, &errors), -1);
        assert_non_null(strstr(errors.err[0].why, "denied"));
    }
    close(fd);
    unlink(path);
    rmdir(folder);
}

static void numbers_are_whole_words(void **state)
{
    static const struct {
        const char *text;
        int how;
        double value;
    } tests[] = {
        {"1", 0, 1},
        {"-0.5", 0, -0.5},
        {"+2e3", 0, 2000},
        {".5", 0, 0.5},
        {"", NUMBER_SYNTAX, 0},
        {" 1", NUMBER_SYNTAX, 0},
        {"1 ", NUMBER_SYNTAX, 0},
        {"0x1", NUMBER_SYNTAX, 0},
        {"nan", NUMBER_SYNTAX, 0},
        {"1e999", NUMBER_OVERFLOW, 0},
        {"-1e999", NUMBER_OVERFLOW, 0},
        {"1e-999", 0, 0},
        {"e", NUMBER_SYNTAX, 0},
        {"-", NUMBER_SYNTAX, 0},
        {"1,5", NUMBER_SYNTAX, 0},
    };
    int64_t whole;
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        double value = 0;
        assert_int_equal(number_double(tests[i].text, &value), tests[i].how);
        assert_true(value == tests[i].value);
    }
    assert_int_equal(number_int("-9223372036854775808", &whole), 0);
    assert_true(whole == INT64_MIN);
    assert_int_equal(number_int("9223372036854775808", &whole), NUMBER_OVERFLOW);
    assert_int_equal(number_int("+-1", &whole), NUMBER_SYNTAX);
}

static void keys_are_named_trusted_and_given_to_servers(void **state)
{
    struct config c, again;
    struct config_errors errors;
    (void)state;
    assert_int_equal(parse(&c, &errors,
                           "keys /etc/ntp.keys allowmd5\ntrustedkey 1 5 (10 ... 20)\n"
                           "trustedkey ( 30...31 ) 4294967295\nserver a key 5\npool b key 10\n"
                           "server c\n"),
                     0);
    assert_string_equal(c.keys.file, "/etc/ntp.keys");
    assert_true(c.keys.md5);
    assert_int_equal(c.keys.ranges, 5);
    assert_true(c.keys.trusted[2].from == 10 && c.keys.trusted[2].to == 20);
    assert_true(c.keys.trusted[3].from == 30 && c.keys.trusted[3].to == 31);
    assert_true(c.keys.trusted[4].from == 4294967295 && c.keys.trusted[4].to == 4294967295);
    assert_true(c.server[0].key == 5 && c.server[1].key == 10 && c.server[2].key < 1);
    char *text = checked(&c);
    assert_int_equal(parse(&again, &errors, text), 0);
    assert_memory_equal(&c.keys, &again.keys, sizeof c.keys);
    assert_true(again.server[0].key == 5 && again.server[1].key < 1 && again.server[2].key == 10);
    free(text);
    config_free(&c);
    config_free(&again);
    static const char *const wrong[] = {
        "trustedkey 0",   "trustedkey x",         "trustedkey 4294967296", "trustedkey (1 ... )",
        "trustedkey 1,2", "trustedkey (2 ... 1)", "trustedkey (1 - 2)",    "trustedkey (1 ... 2",
        "trustedkey -1",  "server a key 0",       "server a key x",        "keys a b",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!parse(&c, &errors, wrong[i]))
            fail_msg("accepted: %s", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(empty_file_gives_the_defaults),
        cmocka_unit_test(every_directive_is_read),
        cmocka_unit_test(feeds_are_read),
        cmocka_unit_test(feeds_beside_a_steered_clock_are_remarked),
        cmocka_unit_test(listen_none_listens_nowhere),
        cmocka_unit_test(what_is_wrong_is_said_with_its_line),
        cmocka_unit_test(long_things_are_errors),
        cmocka_unit_test(all_errors_are_told_up_to_twenty),
        cmocka_unit_test(a_hostile_word_cannot_drive_the_terminal),
        cmocka_unit_test(check_prints_what_reads_back_to_the_same),
        cmocka_unit_test(check_says_what_nobody_measured),
        cmocka_unit_test(files_that_are_none_are_errors),
        cmocka_unit_test(numbers_are_whole_words),
        cmocka_unit_test(keys_are_named_trusted_and_given_to_servers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
