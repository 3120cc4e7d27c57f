/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A receiver's faults as the driver meets them: bytes from a port that does what it likes. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>

#include <cmocka.h>

#include "driver_world.h"
#include "drivers/receiver/gnss.h"
#include "refclock/civil.h"
#include "refclock/rng.h"
#include "sentence.h"
#include "ubx_bytes.h"

#define START (INT64_C(1795521600) * NS_PER_S) /* 2026-11-24T12:00:00Z */
#define MS    INT64_C(1000000)

struct bench {
    struct driver_world world;
    struct port port;
    int pipe[2];
    size_t most;  /* bytes a read gives */
    bool stutter; /* every second read has nothing */
    bool broken;  /* reads fail */
    unsigned reads, opened, lines;
    char line[400];
    struct log log;
};

static struct bench *bench_of(struct port *p)
{
    return (struct bench *)((char *)p - offsetof(struct bench, port));
}

static int fake_fd(const struct port *p)
{
    return ((const struct bench *)((const char *)p - offsetof(struct bench, port)))->pipe[0];
}

static ssize_t fake_read(struct port *p, void *buf, size_t size, struct err *err)
{
    struct bench *b = bench_of(p);
    if (b->broken)
        return err_set(err, "gps0", "", "Input/output error");
    if (b->stutter && b->reads++ % 2)
        return 0;
    ssize_t n = read(b->pipe[0], buf, b->most < size ? b->most : size);
    return n > 0 ? n : 0;
}

static void fake_close(struct port *p)
{
    (void)p;
}

/* Whatever rate is asked for: what the bytes look like is up to the test. */
static int fake_set_baud(struct port *p, int baud, struct err *err)
{
    (void)p;
    (void)baud;
    (void)err;
    return 0;
}

static const struct port_ops fake_ops = {
    .fd = fake_fd, .read = fake_read, .set_baud = fake_set_baud, .close = fake_close};

static int open_fake(const struct driver_env *env, const char *path, int baud, struct port **out,
                     struct err *err)
{
    struct bench *b = env->arg;
    (void)path;
    (void)baud;
    if (b->broken)
        return err_set(err, "gps0", "plug it in", "No such device");
    b->opened++;
    b->port.ops = &fake_ops;
    *out = &b->port;
    return 0;
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    struct bench *b = arg;
    (void)level;
    b->lines++;
    snprintf(b->line, sizeof b->line, "%s", line);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    world_init(&b->world, "nmea", "gps0", START);
    b->most = 4096;
    b->log = (struct log){.max = LOG_LEVEL_DEBUG, .write = keep_line, .arg = b};
    b->world.env.open_port = open_fake;
    b->world.env.log = &b->log;
    b->world.env.arg = b;
    assert_int_equal(pipe2(b->pipe, O_NONBLOCK), 0);
    assert_int_equal(b->world.driver->ops->open(b->world.driver, NULL), 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    close(b->pipe[0]);
    close(b->pipe[1]);
    free(b);
    return 0;
}

static void send(struct bench *b, const void *bytes, size_t length)
{
    assert_int_equal(write(b->pipe[1], bytes, length), (ssize_t)length);
    b->world.loop.written = true;
}

/* `count` seconds of RMC, 250 ms late; `off`: the date and time are this many seconds wrong. */
static void seconds(struct bench *b, int count, char status, int64_t off)
{
    for (int i = 0; i < count; i++) {
        char text[128];
        int64_t second = b->world.loop.truth / NS_PER_S;
        struct civil c = civil_from_posix(second + off);
        size_t length = sentence_add(
            text, 0, sizeof text, "GNRMC,%02d%02d%02d.00,%c,,,,,,,%02d%02d%02d,,,%c", c.hour,
            c.minute, c.second, status, c.day, c.month, c.year % 100, status == 'A' ? 'A' : 'N');
        world_run(&b->world, 250 * MS);
        send(b, text, length);
        for (int wake = 0; wake < 200; wake++) { /* as poll() does while there are bytes */
            world_run(&b->world, MS);
            b->world.loop.written = true;
        }
        world_run(&b->world, (second + 1) * NS_PER_S - b->world.loop.truth);
    }
}

static void c4_texts_are_logged_escaped_and_seldom(void **state)
{
    struct bench *b = *state;
    char text[160];
    send(b, text, sentence_add(text, 0, sizeof text, "GPTXT,01,01,00,%%n%%s \\ 100%%"));
    world_run(&b->world, NS_PER_S);
    assert_int_equal(b->lines, 1);
    assert_string_equal(b->line, "gps0: the receiver says: %n%s \\x5c 100%");
    assert_string_equal(b->world.report.notice, "%n%s \\x5c 100%");
    for (int i = 0; i < 300; i++) {
        send(b, text, sentence_add(text, 0, sizeof text, "GPTXT,01,01,00,%%n number %d", i));
        world_run(&b->world, NS_PER_S);
    }
    assert_in_range(b->lines, 2, 8);
    assert_string_equal(b->world.report.notice, "%n number 299");
}

/* What a UART at `to` baud makes of bytes sent at `from`: bits sampled where it expects them. */
static size_t garble(const uint8_t *in, size_t size, double from, double to, uint8_t *out,
                     size_t most)
{
    size_t bits = size * 10, got = 0;
    double at = 0, step = from / to; /* in bits of the sender */
    while (at < (double)bits && got < most) {
        size_t now = (size_t)at;
        bool line = now % 10 == 9 || (now % 10 > 0 && in[now / 10] >> (now % 10 - 1) & 1);
        if (line) {
            at += step / 8;
            continue;
        }
        uint8_t byte = 0;
        for (int k = 0; k < 8; k++) {
            size_t bit = (size_t)(at + step * (k + 1.5));
            bool high = bit >= bits || bit % 10 == 9 ||
                        (bit % 10 > 0 && in[bit / 10] >> (bit % 10 - 1) & 1);
            byte |= (uint8_t)(high << k);
        }
        out[got++] = byte;
        at += step * 9.5;
    }
    return got;
}

/* The wrong rate, slower and faster, then the right one: no false message, and a time within 3 s.
 */
static void c6_a_wrong_rate_and_then_the_right_one(void **state)
{
    static const double rates[] = {1200, 4800, 19200, 38400, 57600, 115200, 460800};
    struct bench *b = *state;
    char text[256];
    static uint8_t noise[4096];
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        b->world.labels = 0;
        uint64_t messages = world_count(&b->world, "sentences") + world_count(&b->world, "ubx");
        for (int i = 0; i < 5; i++) {
            size_t length = sentence_add(text, 0, sizeof text,
                                         "GNRMC,12000%d.00,A,4404.1,N,12118.8,W,,,241126,,,A", i);
            length = sentence_add(text, length, sizeof text,
                                  "GNGGA,12000%d.00,4404.1,N,12118.8,W,1,,,,,,,,", i);
            send(b, noise, garble((uint8_t *)text, length, 9600, rates[r], noise, sizeof noise));
            world_run(&b->world, NS_PER_S);
        }
        assert_int_equal(world_count(&b->world, "sentences") + world_count(&b->world, "ubx"),
                         messages);
        assert_int_equal(b->world.labels, 0);
        seconds(b, 3, 'A', 0);
        assert_in_range(b->world.labels, 1, 3);
        assert_true(b->world.label.second == b->world.loop.truth / NS_PER_S - 1);
        seconds(b, 1, 'V', 0);
    }
}

static void c6_noise_with_every_beginning(void **state)
{
    struct bench *b = *state;
    struct rng rng = rng_seeded(3, 3);
    uint8_t noise[500];
    for (int i = 0; i < 200; i++) {
        static const char begins[][4] = {"$GP", "\xb5\x62\x01", "\xd3\x00\x13", "$*\r"};
        for (size_t k = 0; k < sizeof noise; k++)
            noise[k] = (uint8_t)rng_u64(&rng);
        for (size_t k = 0; k + 3 < sizeof noise; k += 50)
            memcpy(noise + k, begins[rng_u64(&rng) % 4], 3);
        send(b, noise, sizeof noise);
        world_run(&b->world, 100 * MS);
    }
    assert_int_equal(b->world.labels, 0);
    b->world.loop.truth = (b->world.loop.truth / NS_PER_S + 1) * NS_PER_S;
    seconds(b, 3 + (int)(STREAM_STALL_NS / NS_PER_S), 'A', 0);
    assert_true(b->world.labels >= 1);
    assert_true(b->world.label.second == b->world.loop.truth / NS_PER_S - 1);
}

/* One byte a read, or thousands, or nothing every other time: the same epochs. */
static void c8_reads_of_any_size(void **state)
{
    struct bench *b = *state;
    static const size_t sizes[] = {1, 2, 7, 64, 4096};
    seconds(b, 2, 'A', 0);
    for (int i = 0; i < 10; i++) {
        b->most = sizes[i % 5];
        b->stutter = i >= 5;
        int before = b->world.labels;
        seconds(b, 4, 'A', 0);
        assert_int_equal(b->world.labels - before, 4);
    }
}

static void c8_an_error_of_the_port(void **state)
{
    struct bench *b = *state;
    seconds(b, 5, 'A', 0);
    assert_int_equal(b->world.labels, 3);
    b->broken = true;
    send(b, "$", 1);
    world_run(&b->world, 30 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_in_range(b->world.healths, 2, 3); /* said once, not at each try */
    b->broken = false;
    world_run(&b->world, 11 * NS_PER_S);
    assert_int_equal(b->opened, 2);
    seconds(b, 3, 'A', 0);
    assert_int_equal(b->world.labels, 4);
    assert_int_equal(b->world.health, HEALTH_OK);
}

/* Before the fix: dates of the firmware that run on; with the fix: one more wrong one. */
static void c10_garbage_dates_of_a_cold_start(void **state)
{
    struct bench *b = *state;
    seconds(b, 20, 'V', -INT64_C(86400) * 4000);
    seconds(b, 20, 'V', -15);
    assert_int_equal(b->world.labels, 0);
    seconds(b, 1, 'A', INT64_C(86400) * 300);
    seconds(b, 1, 'A', -15);
    seconds(b, 2, 'A', 0);
    assert_int_equal(b->world.labels, 0);
    seconds(b, 3, 'A', 0);
    assert_int_equal(b->world.labels, 3);
    assert_true(b->world.label.second == b->world.loop.truth / NS_PER_S - 1);
    seconds(b, 5, 'V', 0); /* the fix is lost, and the time runs on */
    assert_int_equal(b->world.labels, 3);
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    seconds(b, 2, 'A', 0);
    assert_int_equal(b->world.labels, 3);
    seconds(b, 1, 'A', 0);
    assert_int_equal(b->world.labels, 4);
}

/* A correction comes, one is lost, one is marked invalid: nobody's is handed to another pulse. */
static void c13_each_correction_names_its_pulse(void **state)
{
    struct bench *b = *state;
    static struct bytes bytes;
    const int64_t noon_tow = 216000; /* of week 2446 */
    for (int i = 0; i < 20; i++) {
        int before = b->world.sawtooths;
        bytes.length = 0;
        world_run(&b->world, 700 * MS);
        if (i % 5 != 2) {
            bytes_tp(&bytes, (noon_tow + i + 1) * 1000, 100 * i, i % 5 == 4 ? 0x13 : 0x03);
            send(b, bytes.at, bytes.length);
        }
        world_run(&b->world, 300 * MS);
        bool said = i % 5 != 2 && i % 5 != 4;
        assert_int_equal(b->world.sawtooths - before, said);
        if (said) {
            assert_true(b->world.sawtooth.second == START / NS_PER_S + i + 1);
            assert_true(fabs(b->world.sawtooth.error - 100e-12 * i) < 1e-15);
        }
    }
    assert_int_equal(world_count(&b->world, "no_sawtooth"), 4);
}

static void c14_no_second_lost_or_doubled_at_midnight(void **state)
{
    struct bench *b = *state;
    b->world.loop.truth = (START / NS_PER_S + 43200 - 10) * NS_PER_S;
    int64_t before = 0;
    for (int i = 0; i < 20; i++) {
        seconds(b, 1, 'A', 0);
        if (before)
            assert_true(b->world.label.second == before + 1);
        if (b->world.labels)
            before = b->world.label.second;
    }
    assert_int_equal(b->world.labels, 18);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(c4_texts_are_logged_escaped_and_seldom),
        TEST(c6_a_wrong_rate_and_then_the_right_one),
        TEST(c6_noise_with_every_beginning),
        TEST(c8_reads_of_any_size),
        TEST(c8_an_error_of_the_port),
        TEST(c10_garbage_dates_of_a_cold_start),
        TEST(c13_each_correction_names_its_pulse),
        TEST(c14_no_second_lost_or_doubled_at_midnight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
