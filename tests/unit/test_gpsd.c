/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "driver_world.h"
#include "drivers/gpsd/gpsd_link.h"
#include "refclock/civil.h"

#define START (INT64_C(1795521600) * NS_PER_S)
#define MS    INT64_C(1000000)

/* A driver in virtual time, and a gpsd of our own at a real socket of this machine. */
struct bench {
    struct driver_world world;
    int listener, peer;
    uint16_t port;
    char asked[300];
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof name;
    char path[32];
    b->listener = socket(AF_INET, SOCK_STREAM, 0);
    b->peer = -1;
    assert_int_equal(bind(b->listener, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(listen(b->listener, 4), 0);
    assert_int_equal(getsockname(b->listener, (struct sockaddr *)&name, &size), 0);
    b->port = ntohs(name.sin_port);
    snprintf(path, sizeof path, "localhost:%u", b->port);
    world_init(&b->world, "gpsd", path, START);
    world_option(&b->world, "uncertainty", 0, 20e-6);
    world_option(&b->world, "delay", 1, 0.4);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    close(b->listener);
    if (b->peer >= 0)
        close(b->peer);
    free(b);
    return 0;
}

/* What was sent is there at once on loopback; the driver gets some wake-ups for it. */
static void settle(struct bench *b)
{
    for (int i = 0; i < 20; i++) {
        b->world.loop.written = true;
        loop_turn(&b->world.loop.loop, b->world.loop.truth);
    }
}

static void tell(struct bench *b, const char *text)
{
    size_t size = strlen(text);
    assert_int_equal(send(b->peer, text, size, MSG_NOSIGNAL), size);
    settle(b);
}

static void greet(struct bench *b, const char *version)
{
    struct pollfd p = {.fd = b->listener, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    if (b->peer >= 0)
        close(b->peer);
    b->peer = accept(b->listener, NULL, NULL);
    int at_once = 1;
    setsockopt(b->peer, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    settle(b);
    tell(b, version);
}

#define VERSION_3 \
    "{\"class\":\"VERSION\",\"release\":\"3.22\",\"proto_major\":3,\"proto_minor\":14}\r\n"

static void opened(struct bench *b)
{
    struct err err = {0};
    assert_int_equal(b->world.driver->ops->open(b->world.driver, &err), 0);
    greet(b, VERSION_3);
    struct pollfd p = {.fd = b->peer, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 5000), 1);
    ssize_t got = recv(b->peer, b->asked, sizeof b->asked - 1, 0);
    assert_true(got > 0);
    b->asked[got] = 0;
}

static void fix(struct bench *b, int mode)
{
    char line[200];
    snprintf(line, sizeof line, "{\"class\":\"TPV\",\"device\":\"/dev/a\",\"mode\":%d}\n", mode);
    tell(b, line);
}

/* gpsd stamped `late` ns after the true second that begins now. */
static void timed(struct bench *b, const char *class, int64_t late, const char *more)
{
    char line[300];
    int64_t real = b->world.loop.truth / NS_PER_S, clock = b->world.loop.truth + late;
    snprintf(line, sizeof line,
             "{\"class\":\"%s\",\"device\":\"/dev/a\",\"real_sec\":%lld,\"real_nsec\":0,"
             "\"clock_sec\":%lld,\"clock_nsec\":%lld%s}\n",
             class, (long long)real, (long long)(clock / NS_PER_S), (long long)(clock % NS_PER_S),
             more);
    tell(b, line);
}

/* gpsd was given the device by another name. */
static void a_device_has_many_names(void **state)
{
    struct bench *b = *state;
    const struct option_row *row = b->world.driver->ops->options;
    assert_string_equal(row->word, "device");
    snprintf((char *)b->world.driver + row->offset, OPTION_TEXT_SIZE, "/dev/zero");
    opened(b);
    fix(b, 3);
    tell(b, "{\"class\":\"TPV\",\"device\":\"/dev/null\",\"mode\":3}\n");
    assert_int_equal(world_count(&b->world, "fixes"), 0);
    tell(b, "{\"class\":\"TPV\",\"device\":\"/dev/zero\",\"mode\":3}\n");
    tell(b, "{\"class\":\"TPV\",\"device\":\"/dev/../dev/zero\",\"mode\":3}\n");
    assert_int_equal(world_count(&b->world, "fixes"), 2);
}

/* An old release, a clock that servers have set, and a receiver that is an era behind. */
static void d2_the_clock_puts_the_era_right(void **state)
{
    struct bench *b = *state;
    char line[300];
    const int64_t era = INT64_C(1024) * 7 * 86400;
    b->world.env.era_pivot -= INT64_C(600) * 7 * 86400;
    opened(b);
    for (int i = 0; i < 3; i++)
        fix(b, 3);
    for (int wrong = 0; wrong < 2; wrong++) {
        int64_t clock = b->world.loop.truth, real = clock / NS_PER_S - era + wrong * 86400 * 9;
        snprintf(line, sizeof line,
                 "{\"class\":\"PPS\",\"device\":\"/dev/a\",\"real_sec\":%lld,\"real_nsec\":0,"
                 "\"clock_sec\":%lld,\"clock_nsec\":%lld}\n",
                 (long long)real, (long long)(clock / NS_PER_S), (long long)(clock % NS_PER_S));
        tell(b, line);
    }
    assert_int_equal(b->world.samples, 1);
    assert_true(b->world.sample.truth == START);
    assert_int_equal(world_count(&b->world, "era_moved"), 1);
    assert_int_equal(world_count(&b->world, "bad_date"), 1);
}

static void pulses_are_numbered_samples(void **state)
{
    struct bench *b = *state;
    opened(b);
    assert_string_equal(b->asked, "?WATCH={\"enable\":true,\"json\":true,\"pps\":true};\n");
    fix(b, 3);
    fix(b, 2);
    timed(b, "PPS", 1500, "");
    assert_int_equal(b->world.samples, 0); /* too few fixes yet */
    fix(b, 3);
    timed(b, "PPS", 1500, ",\"qErr\":2500");
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(b->world.sample.truth, START);
    assert_int_equal(b->world.sample.local, START + 1500);
    assert_true(b->world.sample.pulse);
    assert_true(fabs(b->world.sample.uncertainty - 20e-6) < 1e-12);
    assert_int_equal(b->world.health, HEALTH_OK);
    /* beside pulses the messages are not needed */
    timed(b, "TOFF", 1500, "");
    assert_int_equal(b->world.labels, 0);
    char text[200];
    b->world.driver->ops->describe(b->world.driver, text, sizeof text);
    assert_non_null(strstr(text, "gpsd 3.22, protocol 3.14"));
}

static void messages_are_labels(void **state)
{
    struct bench *b = *state;
    opened(b);
    for (int i = 0; i < 3; i++)
        fix(b, 3);
    timed(b, "TOFF", 0, "");
    assert_int_equal(b->world.labels, 1);
    assert_int_equal(b->world.label.second, START / NS_PER_S);
    assert_int_equal(b->world.label.local, START);
    assert_true(b->world.label.delay_min == 0 && b->world.label.delay_max == 0.4);
}

static void a_lost_fix_ends_it(void **state)
{
    struct bench *b = *state;
    opened(b);
    for (int i = 0; i < 3; i++)
        fix(b, 3);
    timed(b, "PPS", 0, "");
    fix(b, 1);
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    timed(b, "PPS", 0, "");
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(world_count(&b->world, "early"), 1);
}

static void stale_stamps_are_dropped(void **state)
{
    struct bench *b = *state;
    opened(b);
    for (int i = 0; i < 3; i++)
        fix(b, 3);
    timed(b, "PPS", -6 * NS_PER_S, "");
    timed(b, "PPS", NS_PER_S, "");
    assert_int_equal(b->world.samples, 0);
    assert_int_equal(world_count(&b->world, "stale"), 2);
}

static void a_partial_sky_keeps_the_satellites(void **state)
{
    struct bench *b = *state;
    opened(b);
    tell(b, "{\"class\":\"SKY\",\"hdop\":1.3}\n");
    assert_int_equal(b->world.skies, 0);
    tell(
        b,
        "{\"class\":\"SKY\",\"satellites\":[{\"PRN\":5,\"used\":true,\"gnssid\":0,\"svid\":5}]}\n");
    tell(b, "{\"class\":\"SKY\",\"hdop\":1.3}\n");
    assert_int_equal(b->world.skies, 2);
    assert_int_equal(b->world.sky.count, 1);
    assert_true(fabs(b->world.sky.hdop - 1.3) < 1e-9);
}

static void gpsd_goes_and_comes(void **state)
{
    struct bench *b = *state;
    opened(b);
    close(b->peer);
    b->peer = -1;
    settle(b);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    world_run(&b->world, 1100 * MS);
    greet(b, VERSION_3);
    for (int i = 0; i < 3; i++)
        fix(b, 3);
    world_run(&b->world, NS_PER_S - b->world.loop.truth % NS_PER_S);
    timed(b, "PPS", 0, "");
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(world_count(&b->world, "connections"), 2);
}

static void nobody_there_is_no_error(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    close(b->listener);
    assert_int_equal(b->world.driver->ops->open(b->world.driver, &err), 0);
    settle(b);
    world_run(&b->world, 2 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_non_null(strstr(b->world.err.todo, "is gpsd running?"));
}

static void what_is_no_gpsd(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    assert_int_equal(b->world.driver->ops->open(b->world.driver, &err), 0);
    greet(b, "SSH-2.0-OpenSSH\r\n");
    for (int i = 0; i < 99; i++)
        tell(b, "x\n");
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_string_equal(b->world.err.why, "what it says is not gpsd's JSON");
    assert_int_equal(world_count(&b->world, "malformed"), 100);
}

static void an_old_protocol_is_refused(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    assert_int_equal(b->world.driver->ops->open(b->world.driver, &err), 0);
    greet(b, "{\"class\":\"VERSION\",\"release\":\"2.90\",\"proto_major\":2,\"proto_minor\":1}\n");
    assert_int_equal(b->world.health, HEALTH_CLOSED);
}

static void an_endless_line_is_passed_over(void **state)
{
    struct bench *b = *state;
    char block[4097];
    opened(b);
    memset(block, 'x', sizeof block - 1);
    block[sizeof block - 1] = 0;
    for (int i = 0; i < 300; i++)
        tell(b, block);
    assert_int_equal(world_count(&b->world, "too_long"), 1);
    tell(b, "\n");
    for (int i = 0; i < 3; i++)
        fix(b, 3);
    timed(b, "PPS", 0, "");
    assert_int_equal(b->world.samples, 1);
}

static void silence(void **state)
{
    struct bench *b = *state;
    opened(b);
    world_run(&b->world, 6 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_SILENT);
    assert_non_null(strstr(b->world.err.todo, "does gpsd hold a receiver"));
}

static void addresses(void **state)
{
    static const struct {
        const char *text;
        int port; /* 0: refused */
    } cases[] = {
        {"localhost", 2947},
        {"localhost:12947", 12947},
        {"127.0.0.1", 2947},
        {"127.3.2.1:1", 1},
        {"::1", 2947},
        {"[::1]", 2947},
        {"[::1]:65535", 65535},
        {"192.0.2.1", 0},
        {"gps.example.org", 0},
        {"localhost:0", 0},
        {"localhost:65536", 0},
        {"localhost:", 0},
        {"localhost:x", 0},
        {"[::1", 0},
        {"[::1]x", 0},
        {"2001:db8::1", 0},
        {"", 0},
        {":2947", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sockaddr_storage name;
        socklen_t size;
        struct err err = {0};
        int failed = gpsd_link_address(cases[i].text, &name, &size, &err);
        assert_int_equal(failed, cases[i].port ? 0 : -1);
        if (!failed)
            assert_int_equal(ntohs(((struct sockaddr_in *)&name)->sin_port), cases[i].port);
        else
            assert_true(*err.why && *err.todo);
    }
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_device_has_many_names),
        T(d2_the_clock_puts_the_era_right),
        T(pulses_are_numbered_samples),
        T(messages_are_labels),
        T(a_lost_fix_ends_it),
        T(stale_stamps_are_dropped),
        T(a_partial_sky_keeps_the_satellites),
        T(gpsd_goes_and_comes),
        cmocka_unit_test_setup_teardown(nobody_there_is_no_error, set_up, tear_down),
        T(what_is_no_gpsd),
        T(an_old_protocol_is_refused),
        T(an_endless_line_is_passed_over),
        T(silence),
        cmocka_unit_test(addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
