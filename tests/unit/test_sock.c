/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "driver_world.h"
#include "drivers/sock_layout.h"
#include "drivers/sock_listen.h"
#include "refclock/civil.h"

#define START (INT64_C(1795521600) * NS_PER_S)
#define MS    INT64_C(1000000)

struct bench {
    struct driver_world world;
    char folder[64], path[96];
    int fd;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    snprintf(b->folder, sizeof b->folder, "/tmp/timeball-sock-XXXXXX");
    assert_non_null(mkdtemp(b->folder));
    snprintf(b->path, sizeof b->path, "%s/s", b->folder);
    world_init(&b->world, "sock", b->path, START);
    world_option(&b->world, "uncertainty", 0, 20e-6);
    b->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    close(b->fd);
    unlink(b->path);
    assert_int_equal(rmdir(b->folder), 0);
    free(b);
    return 0;
}

static int open_driver(struct bench *b, struct err *err)
{
    return b->world.driver->ops->open(b->world.driver, err);
}

static struct sockaddr_un name_of(const struct bench *b)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%.100s", b->path);
    return name;
}

static void opened(struct bench *b)
{
    struct err err = {0};
    struct sockaddr_un name = name_of(b);
    assert_int_equal(open_driver(b, &err), 0);
    assert_int_equal(connect(b->fd, (struct sockaddr *)&name, sizeof name), 0);
}

static void send_bytes(struct bench *b, const void *bytes, size_t size)
{
    assert_int_equal(send(b->fd, bytes, size, MSG_DONTWAIT), size);
    b->world.loop.written = true;
    world_run(&b->world, 10 * MS);
}

static void send_sample(struct bench *b, const struct sock_sample *s)
{
    uint8_t bytes[SOCK_SIZE];
    sock_encode(s, bytes);
    send_bytes(b, bytes, sizeof bytes);
}

static void samples_pass(void **state)
{
    struct bench *b = *state;
    opened(b);
    world_run(&b->world, 1500 * MS);
    struct sock_sample s = {.kernel = b->world.loop.truth - 999, .offset = 0.0123, .leap = 1};
    send_sample(b, &s);
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(b->world.sample.truth - b->world.sample.local, 12300000);
    assert_int_equal(b->world.sample.leap, LEAP_INSERT);
    assert_true(b->world.sample.pulse);
    assert_float_equal(b->world.sample.uncertainty, 20e-6, 1e-12);
    assert_int_equal(b->world.health, HEALTH_OK);
    /* years apart, and not a nanosecond lost */
    s.offset = -800000000.25;
    s.kernel = b->world.loop.truth;
    send_sample(b, &s);
    assert_int_equal(b->world.sample.truth - b->world.sample.local,
                     -(INT64_C(800000000) * NS_PER_S + 250 * MS));
}

static void pulses_need_a_number(void **state)
{
    struct bench *b = *state;
    opened(b);
    world_run(&b->world, 1400 * MS);
    /* the system clock showed .3 at the true second */
    struct sock_sample s = {.kernel = START + NS_PER_S + 300 * MS, .offset = -0.3, .pulse = true};
    send_sample(b, &s);
    assert_int_equal(b->world.samples, 0);
    assert_int_equal(b->world.edges, 1);
    assert_true(llabs(b->world.edge.local - s.kernel) <= 1);
    s.offset = 76.7;
    s.kernel += 1000;
    send_sample(b, &s);
    assert_true(llabs(b->world.edge.local - (s.kernel - 1000)) <= 1);
}

static void the_short_form(void **state)
{
    struct bench *b = *state;
    opened(b);
    struct {
        int32_t sec, usec;
        double offset;
        int32_t pulse, leap, pad, magic;
    } narrow = {(int32_t)(START / NS_PER_S), 0, -0.5, 0, 2, 0, SOCK_MAGIC};
    assert_int_equal(sizeof narrow, 32);
    send_bytes(b, &narrow, sizeof narrow);
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(b->world.sample.truth, START - NS_PER_S / 2);
    assert_int_equal(b->world.sample.leap, LEAP_DELETE);
}

static void every_length(void **state)
{
    struct bench *b = *state;
    uint8_t bytes[100];
    int32_t magic = SOCK_MAGIC;
    int good = 0;
    opened(b);
    for (size_t size = 0; size <= sizeof bytes; size++) {
        struct sock_sample s = {.kernel = b->world.loop.truth};
        memset(bytes, 0, sizeof bytes);
        sock_encode(&s, bytes);
        if (size >= 4)
            memcpy(bytes + size - 4, &magic, sizeof magic);
        if (size == 32) { /* its own layout: 1970 is too old */
            memset(bytes, 0, 28);
            good++;
        }
        good += size == 40;
        send_bytes(b, bytes, size);
    }
    assert_int_equal(good, 2);
    assert_int_equal(b->world.samples, 1);
    assert_int_equal(world_count(&b->world, "stale"), 1);
    assert_int_equal(world_count(&b->world, "malformed"), 99);
    assert_int_equal(b->world.healths, 1);
}

static void hostile_fields(void **state)
{
    struct bench *b = *state;
    opened(b);
    struct sock_sample now = {.kernel = START};
    struct {
        size_t offset, size;
        int64_t value;
    } wrong[] = {
        {36, 4, 0},
        {36, 4, SOCK_MAGIC + 1},
        {28, 4, 4},
        {28, 4, -1},
        {8, 8, 1000000},
        {8, 8, -1},
        {0, 8, INT64_MAX},
        {0, 8, -1},
        {16, 8, INT64_C(0x7ff0000000000000)},
        {16, 8, INT64_C(0x7ff8000000000000)},
        {16, 8, INT64_C(0x7fe0000000000000)},
        {16, 8, INT64_C(-1)},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint8_t bytes[SOCK_SIZE];
        sock_encode(&now, bytes);
        memcpy(bytes + wrong[i].offset, &wrong[i].value, wrong[i].size);
        send_bytes(b, bytes, sizeof bytes);
    }
    assert_int_equal(b->world.samples, 0);
    assert_int_equal(world_count(&b->world, "malformed"), sizeof wrong / sizeof *wrong);
}

static void old_future_and_unsynchronised(void **state)
{
    struct bench *b = *state;
    opened(b);
    struct sock_sample s = {.kernel = START - 6 * NS_PER_S};
    send_sample(b, &s);
    s.kernel = START + NS_PER_S;
    send_sample(b, &s);
    assert_int_equal(world_count(&b->world, "stale"), 2);
    s = (struct sock_sample){.kernel = START, .leap = LEAP_UNKNOWN};
    send_sample(b, &s);
    assert_int_equal(b->world.health, HEALTH_NO_FIX);
    assert_int_equal(b->world.samples, 0);
}

static void a_flood_is_bounded(void **state)
{
    struct bench *b = *state;
    int sent = 0;
    opened(b);
    while (send(b->fd, "x", 1, MSG_DONTWAIT) == 1)
        sent++;
    b->world.loop.written = true;
    world_run(&b->world, 100 * MS);
    assert_true(sent > 0);
    assert_int_equal(world_count(&b->world, "malformed"), sent);
}

static void silence(void **state)
{
    struct bench *b = *state;
    opened(b);
    world_run(&b->world, 19 * NS_PER_S);
    assert_int_equal(b->world.healths, 0);
    world_run(&b->world, 2 * NS_PER_S);
    assert_int_equal(b->world.health, HEALTH_SILENT);
}

static void the_file_is_never_open_to_all(void **state)
{
    struct bench *b = *state;
    struct stat st;
    opened(b);
    assert_int_equal(lstat(b->path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    assert_int_equal(st.st_mode & 0777, 0660);
}

static void a_socket_that_was_left_is_replaced(void **state)
{
    struct bench *b = *state;
    struct sockaddr_un name = name_of(b);
    int dead = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(dead, (struct sockaddr *)&name, sizeof name), 0);
    close(dead);
    opened(b);
}

static void one_in_use_is_left_alone(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    struct sock_listen other;
    assert_int_equal(sock_listen_open(&other, b->path, 0600, &err), 0);
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.why, "another program receives on it");
    sock_listen_close(&other);
    /* and taken as soon as it is free */
    world_run(&b->world, 3 * NS_PER_S);
    struct sockaddr_un name = name_of(b);
    assert_int_equal(connect(b->fd, (struct sockaddr *)&name, sizeof name), 0);
}

static void what_is_no_socket_is_left_alone(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    int fd = open(b->path, O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(open_driver(b, &err), -1);
    assert_string_equal(err.why, "exists and is not a socket");
    assert_int_equal(access(b->path, F_OK), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(samples_pass),
        T(pulses_need_a_number),
        T(the_short_form),
        T(every_length),
        T(hostile_fields),
        T(old_future_and_unsynchronised),
        T(a_flood_is_bounded),
        T(silence),
        T(the_file_is_never_open_to_all),
        T(a_socket_that_was_left_is_replaced),
        T(one_in_use_is_left_alone),
        T(what_is_no_socket_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
