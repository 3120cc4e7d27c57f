/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <math.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver_world.h"
#include "refclock/civil.h"
#include "sentence.h"
#include "ubx_bytes.h"

#define START (INT64_C(1795521600) * NS_PER_S) /* 2026-11-24T12:00:00Z */
#define MS    INT64_C(1000000)

struct bench {
    struct driver_world world;
    char folder[32], link[64];
    int master; /* -1: unplugged */
};

static int open_real_port(const struct driver_env *env, const char *path, int baud,
                          struct port **port, struct err *err)
{
    (void)env;
    assert_int_equal(baud, 9600);
    return port_open(path, baud, port, err);
}

static void plug_in(struct bench *b)
{
    int slave;
    char name[64];
    assert_int_equal(openpty(&b->master, &slave, name, NULL, NULL), 0);
    close(slave);
    assert_int_equal(symlink(name, b->link), 0);
}

static void unplug(struct bench *b)
{
    close(b->master);
    unlink(b->link);
    b->master = -1;
    b->world.loop.written = true;
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    snprintf(b->folder, sizeof b->folder, "/tmp/test_nmea_XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->link, sizeof b->link, "%s/gps0", b->folder);
    plug_in(b);
    world_init(&b->world, "nmea", b->link, START);
    b->world.env.open_port = open_real_port;
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    if (b->master >= 0)
        unplug(b);
    rmdir(b->folder);
    free(b);
    return 0;
}

static int open_driver(struct bench *b, struct err *err)
{
    return b->world.driver->ops->open(b->world.driver, err);
}

static void send(struct bench *b, const char *text, size_t length)
{
    assert_int_equal(write(b->master, text, length), (ssize_t)length);
    b->world.loop.written = true;
}

/* The sentences of the present second, and the rest of the second. */
static void a_second(struct bench *b, char status, int quality)
{
    char text[256];
    size_t length = 0;
    struct civil c = civil_from_posix(b->world.loop.truth / NS_PER_S);
    length = sentence_add(text, length, sizeof text, "GPRMC,%02d%02d%02d.00,%c,,,,,,,%02d%02d%02d",
                          c.hour, c.minute, c.second, status, c.day, c.month, c.year % 100);
    length = sentence_add(text, length, sizeof text, "GPGGA,%02d%02d%02d.00,,,,,%d", c.hour,
                          c.minute, c.second, quality);
    int64_t second = b->world.loop.truth / NS_PER_S;
    world_run(&b->world, 200 * MS);
    send(b, text, length / 2);
    world_run(&b->world, 50 * MS);
    send(b, text + length / 2, length - length / 2);
    world_run(&b->world, (second + 1) * NS_PER_S - b->world.loop.truth);
}

static void labels_with_the_first_bytes_time(void **state)
{
    struct bench *b = *state;
    world_option(&b->world, "delay", 0, 0.1);
    world_option(&b->world, "delay", 1, 0.3);
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 7; i++)
        a_second(b, 'A', 1);
    assert_int_equal(b->world.labels, 5); /* from the third that agrees */
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_int_equal(b->world.healths, 1);
    const struct timelabel *l = &b->world.label;
    assert_true(l->second == START / NS_PER_S + 6);
    assert_int_equal(l->nsec, 0);
    assert_true(l->local == START + 6 * NS_PER_S + 200 * MS);
    assert_float_equal(l->delay_min, 0.1, 1e-12);
    assert_float_equal(l->delay_max, 0.3, 1e-12);
    assert_int_equal(l->leap, LEAP_UNKNOWN);
    assert_int_equal(world_count(&b->world, "epochs"), 7);
    assert_int_equal(world_count(&b->world, "unconfirmed"), 2);
    assert_int_equal(world_count(&b->world, "sentences"), 14);
}

/* The same port without any sentence: UBX, in portions, with a leap second announced. */
static void ubx_alone(void **state)
{
    struct bench *b = *state;
    static const enum health states[] = {HEALTH_CLOSED, HEALTH_CLOSED, HEALTH_OK, HEALTH_NO_FIX,
                                         HEALTH_NO_FIX, HEALTH_NO_FIX, HEALTH_OK};
    static struct bytes bytes;
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 7; i++) {
        struct civil c = civil_from_posix(START / NS_PER_S + i);
        const struct said s = {.itow = i * 1000,
                               .year = c.year,
                               .month = c.month,
                               .day = c.day,
                               .hour = c.hour,
                               .minute = c.minute,
                               .second = c.second,
                               .nano = -250,
                               .valid = 7,
                               .fix = 3,
                               .flags = i != 3};
        bytes.length = 0;
        bytes_timels(&bytes, i * 1000, 2, 18, 1, 3600 - i, 3);
        bytes_pvt(&bytes, &s);
        bytes_tp(&bytes, i * 1000, 3141, 3);
        world_run(&b->world, 200 * MS);
        send(b, (const char *)bytes.at, 50);
        world_run(&b->world, 50 * MS);
        send(b, (const char *)bytes.at + 50, bytes.length - 50);
        world_run(&b->world, 750 * MS);
        assert_int_equal(b->world.health, states[i]);
    }
    const struct timelabel *l = &b->world.label;
    assert_int_equal(b->world.labels, 2);
    assert_true(l->second == START / NS_PER_S + 5 && l->nsec == 999999750);
    assert_true(l->local == START + 6 * NS_PER_S + 200 * MS);
    assert_int_equal(l->leap, LEAP_INSERT);
    assert_int_equal(world_count(&b->world, "ubx"), 21);
    assert_int_equal(world_count(&b->world, "epochs"), 6);
    assert_int_equal(world_count(&b->world, "no_fix"), 1);
    assert_int_equal(world_count(&b->world, "sawtooth"), 7);
    assert_int_equal(b->world.sawtooths, 7);
    assert_int_equal(b->world.claims, 7);
    assert_true(b->world.claim.confirmed && b->world.claim.tai == 37);
    assert_true(b->world.reports >= 6 && b->world.reports <= 14);
    assert_float_equal(b->world.report.time_accuracy, 0, 1e-12);
}

static void no_fix_and_silence(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    world_run(&b->world, 6 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.why, "nothing received"));
    a_second(b, 'V', 0);
    a_second(b, 'V', 0);
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    assert_int_equal(b->world.labels, 0);
    assert_int_equal(world_count(&b->world, "no_fix"), 2);
    a_second(b, 'A', 1);
    a_second(b, 'A', 1);
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    a_second(b, 'A', 1);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_true(isnan(b->world.label.delay_min));
    for (int i = 0; i < 12; i++) {
        send(b, "\x85\x12*$%n\xff", 7);
        world_run(&b->world, NS_PER_S);
    }
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.why, "no NMEA"));
    assert_int_equal(b->world.healths, 4);
}

static void sentences_without_time(void **state)
{
    struct bench *b = *state;
    char text[128];
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 12; i++) {
        send(b, text, sentence_add(text, 0, sizeof text, "GPGSV,1,1,01,07,30,120,40"));
        world_run(&b->world, NS_PER_S);
    }
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.todo, "RMC"));
}

/* ZDA alone tells the time, and nobody that there is a fix. */
static void no_word_of_a_fix(void **state)
{
    struct bench *b = *state;
    char text[128];
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 12; i++) {
        send(b, text, sentence_add(text, 0, sizeof text, "GPZDA,1200%02d.00,24,11,2026,00,00", i));
        world_run(&b->world, NS_PER_S);
        assert_true(i > 3 || b->world.health == HEALTH_CLOSED);
    }
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    assert_non_null(strstr(b->world.err.why, "does not say whether it has a fix"));
    assert_non_null(strstr(b->world.err.todo, "RMC"));
    assert_int_equal(b->world.labels, 0);
    assert_in_range(world_count(&b->world, "no_word"), 11, 12);
}

/* RMC once a second, and GLL and ZDA five times. */
static void sentences_at_other_rates(void **state)
{
    struct bench *b = *state;
    char text[256];
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 50; i++) {
        int second = i / 5, part = i % 5 * 2;
        size_t n = 0;
        if (!part)
            n = sentence_add(text, n, sizeof text, "GNRMC,1200%02d.000,A,,,,,,,241126,,,A", second);
        n = sentence_add(text, n, sizeof text, "GNGLL,,,,,1200%02d.%d00,A,A", second, part);
        n = sentence_add(text, n, sizeof text, "GNZDA,1200%02d.%d00,24,11,2026,,", second, part);
        send(b, text, n);
        world_run(&b->world, NS_PER_S / 5);
    }
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_int_equal(b->world.healths, 1);
    assert_int_equal(b->world.labels, 8);
    assert_int_equal(b->world.label.nsec, 0);
}

static void c3_no_checksums_are_said(void **state)
{
    struct bench *b = *state;
    static const char text[] = "$GPRMC,120000,A,,,,,,,241126,,,A\r\n";
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 12; i++) {
        send(b, text, sizeof text - 1);
        world_run(&b->world, NS_PER_S);
    }
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.why, "without checksums"));
    assert_int_equal(world_count(&b->world, "sentences"), 0);
}

/* An old release at a machine whose clock servers have set; the receiver is an era behind. */
static void d2_the_clock_puts_the_era_right(void **state)
{
    struct bench *b = *state;
    char text[256], found[200];
    const int64_t era = INT64_C(1024) * 7 * 86400;
    b->world.env.era_pivot -= INT64_C(600) * 7 * 86400;
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 8; i++) {
        struct civil c = civil_from_posix(b->world.loop.truth / NS_PER_S - era);
        size_t n = sentence_add(text, 0, sizeof text, "GPRMC,%02d%02d%02d,A,,,,,,,%02d%02d%02d",
                                c.hour, c.minute, c.second, c.day, c.month, c.year % 100);
        send(b, text, n);
        world_run(&b->world, NS_PER_S);
    }
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_true(b->world.label.second == START / NS_PER_S + 7);
    assert_int_equal(world_count(&b->world, "too_early"), 1);
    b->world.driver->ops->describe(b->world.driver, found, sizeof found);
    assert_non_null(strstr(found, "1024 weeks back, and put right"));
}

static void a_fix_without_a_date(void **state)
{
    struct bench *b = *state;
    char text[128];
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 3; i++) {
        send(b, text, sentence_add(text, 0, sizeof text, "GPGGA,12000%d,,,,,1", i));
        world_run(&b->world, NS_PER_S);
    }
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    assert_non_null(strstr(b->world.err.why, "date"));
    assert_int_equal(b->world.labels, 0);
}

static void c8_unplugged_and_plugged_in_again(void **state)
{
    struct bench *b = *state;
    assert_int_equal(open_driver(b, NULL), 0);
    for (int i = 0; i < 4; i++)
        a_second(b, 'A', 1);
    assert_int_equal(b->world.labels, 2);
    unplug(b);
    world_run(&b->world, NS_PER_S / 2);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_string_equal(b->world.err.thing, b->link);
    world_run(&b->world, 60 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_true(b->world.healths <= 3); /* gone; not there */
    plug_in(b);
    world_run(&b->world, 10 * NS_PER_S);
    b->world.loop.truth = (b->world.loop.truth / NS_PER_S + 1) * NS_PER_S;
    for (int i = 0; i < 3; i++)
        a_second(b, 'A', 1);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_int_equal(b->world.labels, 3);
    assert_int_equal(world_count(&b->world, "reopened"), 1);
}

static void a_device_that_is_not_there_at_the_start(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    unplug(b);
    assert_int_equal(open_driver(b, &err), -1);
    assert_non_null(strstr(err.todo, "plugged in"));
    plug_in(b);
    world_run(&b->world, 2 * NS_PER_S); /* the caller goes on: it is tried again */
    for (int i = 0; i < 3; i++)
        a_second(b, 'A', 1);
    assert_int_equal(b->world.labels, 1);
}

/* The port shows what it was set to; at any other rate there is noise. */
static void a_burst_at(struct bench *b, speed_t speed)
{
    struct termios tio;
    char noise[200];
    assert_int_equal(tcgetattr(b->master, &tio), 0);
    if (cfgetospeed(&tio) == speed) {
        a_second(b, 'A', 1);
        return;
    }
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * 151 + 128);
    send(b, noise, sizeof noise);
    world_run(&b->world, NS_PER_S);
}

static void c6_wrong_baud_noise_then_the_right_baud(void **state)
{
    struct bench *b = *state;
    struct termios tio;
    char text[200];
    int seconds = 0;
    assert_int_equal(open_driver(b, NULL), 0);
    for (; seconds < 20 && !world_count(&b->world, "sentences"); seconds++)
        a_burst_at(b, B38400);
    assert_in_range(seconds, 2, 9);
    assert_int_equal(tcgetattr(b->master, &tio), 0);
    assert_int_equal(cfgetospeed(&tio), B38400);
    assert_int_equal(world_count(&b->world, "sentences"), 2);
    a_burst_at(b, B38400);
    a_burst_at(b, B38400);
    assert_int_equal(b->world.labels, 1);
    assert_int_equal(b->world.health, HEALTH_OK);
    b->world.driver->ops->describe(b->world.driver, text, sizeof text);
    assert_string_equal(text, "NMEA at 38400 baud, found by listening");
    /* somebody sets the receiver to another rate */
    for (seconds = 0; seconds < 30 && cfgetospeed(&tio) != B115200; seconds++) {
        a_burst_at(b, B115200);
        assert_int_equal(tcgetattr(b->master, &tio), 0);
    }
    int labels = b->world.labels;
    for (int i = 0; i < 5; i++)
        a_burst_at(b, B115200);
    assert_true(b->world.labels >= labels + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(labels_with_the_first_bytes_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ubx_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_fix_and_silence, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sentences_without_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_word_of_a_fix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sentences_at_other_rates, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c3_no_checksums_are_said, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d2_the_clock_puts_the_era_right, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fix_without_a_date, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c8_unplugged_and_plugged_in_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_device_that_is_not_there_at_the_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c6_wrong_baud_noise_then_the_right_baud, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
