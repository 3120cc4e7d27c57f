/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
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
#include "tree.h"

#define START (INT64_C(1795521600) * NS_PER_S) /* 2026-11-24T12:00:00Z */
#define MS    INT64_C(1000000)

/* A made-up machine, whose ports are pseudo-terminals, and one pulse line. */
struct bench {
    struct driver_world world;
    struct tree tree;
    int master[4];
    size_t masters;
    char pulse_path[128]; /* that was opened last */
    int pulses_open;
    uint64_t sequence;
    int64_t reading;
};

static int real_port(const struct driver_env *env, const char *path, int baud, struct port **port,
                     struct err *err)
{
    (void)env;
    return port_open(path, baud, port, err);
}

struct fake_pulse {
    struct pulse pulse;
    struct bench *bench;
};

static int fake_fetch(struct pulse *p, struct pulse_stamp *stamp, struct err *err)
{
    const struct bench *b = ((struct fake_pulse *)p)->bench;
    (void)err;
    *stamp = (struct pulse_stamp){.sequence = b->sequence, .reading = b->reading};
    return 0;
}

static void fake_close(struct pulse *p)
{
    ((struct fake_pulse *)p)->bench->pulses_open--;
    free(p);
}

static int fake_pulse(const struct driver_env *env, const char *path, const struct pulse_want *want,
                      struct pulse **out, struct err *err)
{
    static const struct pulse_ops ops = {.fetch = fake_fetch, .close = fake_close};
    struct bench *b = ((struct driver_world *)env->arg)->arg;
    struct fake_pulse *p = calloc(1, sizeof *p);
    (void)want;
    (void)err;
    p->pulse.ops = &ops;
    p->bench = b;
    b->pulses_open++;
    snprintf(b->pulse_path, sizeof b->pulse_path, "%s", path + strlen(b->tree.root));
    *out = &p->pulse;
    return 0;
}

static void set_text(struct driver *d, const char *word, const char *value)
{
    const struct option_row *row = d->ops->options;
    while (strcmp(row->word, word) != 0)
        row++;
    snprintf((char *)d + row->offset, OPTION_TEXT_SIZE, "%s", value);
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    tree_make(&b->tree);
    world_init(&b->world, "auto", "any", START);
    b->world.arg = b;
    b->world.env.open_port = real_port;
    b->world.env.open_pulse = fake_pulse;
    set_text(b->world.driver, "root", b->tree.root);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    world_close(&b->world);
    assert_int_equal(b->pulses_open, 0);
    for (size_t i = 0; i < b->masters; i++)
        close(b->master[i]);
    tree_remove(&b->tree, "");
    free(b);
    return 0;
}

/* Puts a pseudo-terminal at /dev/NAME. Returns its index. */
static int behind(struct bench *b, const char *name)
{
    int slave;
    char real[64], path[80];
    struct termios raw = {0}; /* without echo: what is read at the master was written */
    cfmakeraw(&raw);
    assert_int_equal(openpty(&b->master[b->masters], &slave, real, &raw, NULL), 0);
    close(slave);
    fcntl(b->master[b->masters], F_SETFL, O_NONBLOCK);
    snprintf(path, sizeof path, "/dev/%s", name);
    tree_link(&b->tree, path, real);
    return (int)b->masters++;
}

static int usb_receiver(struct bench *b, const char *name)
{
    tree_usb(&b->tree, name, "1546:01a8", "u-blox\n", "u-blox GNSS receiver\n");
    return behind(b, name);
}

static int pi_header(struct bench *b)
{
    tree_pi4(&b->tree);
    return behind(b, "ttyAMA0");
}

static void open_driver(struct bench *b)
{
    assert_int_equal(b->world.driver->ops->open(b->world.driver, NULL), 0);
}

static void pulse_now(struct bench *b)
{
    b->sequence++;
    b->reading = clock_now(&b->world.clock.clock);
}

/* A second with a pulse, and with a message at each of the ports. */
static void seconds(struct bench *b, int count, int speaks)
{
    for (int i = 0; i < count; i++) {
        char text[256], drain[256];
        struct civil c = civil_from_posix(b->world.loop.truth / NS_PER_S);
        size_t n = sentence_add(text, 0, sizeof text, "GPRMC,%02d%02d%02d.00,A,,,,,,,%02d%02d%02d",
                                c.hour, c.minute, c.second, c.day, c.month, c.year % 100);
        n = sentence_add(text, n, sizeof text, "GPGGA,%02d%02d%02d.00,,,,,1", c.hour, c.minute,
                         c.second);
        pulse_now(b);
        world_run(&b->world, 200 * MS);
        if (speaks >= 0 && b->master[speaks] >= 0)
            assert_int_equal(write(b->master[speaks], text, n), (ssize_t)n);
        b->world.loop.written = true;
        world_run(&b->world, 800 * MS);
        for (size_t m = 0; m < b->masters; m++)
            assert_true(b->master[m] < 0 || read(b->master[m], drain, sizeof drain) <= 0);
    }
}

static void assert_found(const struct bench *b, const char *part)
{
    char text[600];
    b->world.driver->ops->describe(b->world.driver, text, sizeof text);
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

static void unplug(struct bench *b, int port, const char *name)
{
    char path[80];
    close(b->master[port]);
    b->master[port] = -1;
    snprintf(path, sizeof path, "/dev/%s", name);
    tree_remove(&b->tree, path);
    snprintf(path, sizeof path, "/sys/class/tty/%s", name);
    tree_remove(&b->tree, path);
    b->world.loop.written = true;
}

static void a_receiver_at_the_header_with_its_pulse(void **state)
{
    struct bench *b = *state;
    int port = pi_header(b);
    tree_pps(&b->tree, 0, "pps@12.-1", "");
    open_driver(b);
    seconds(b, 8, port);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_in_range(b->world.labels, 5, 8);
    assert_in_range(b->world.edges, 6, 8);
    assert_string_equal(b->pulse_path, "/dev/pps0");
    assert_found(b, "at /dev/ttyAMA0 (/dev/serial0); pulse /dev/pps0: the header's pin pps@12.-1; "
                    "NMEA at 9600 baud, found by listening");
}

static void nothing_is_written_to_a_port(void **state)
{
    struct bench *b = *state;
    int port = usb_receiver(b, "ttyACM0");
    open_driver(b);
    seconds(b, 12, -1); /* reads what came, which must be nothing */
    seconds(b, 5, port);
    assert_int_equal(b->world.health, HEALTH_OK);
}

static void e8_no_receiver_at_all_is_said_and_looked_for(void **state)
{
    struct bench *b = *state;
    open_driver(b);
    seconds(b, 3, -1);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_non_null(strstr(b->world.err.why, "no receiver is found"));
    assert_non_null(strstr(b->world.err.todo, "doctor"));
    int port = usb_receiver(b, "ttyACM0");
    seconds(b, 20, port);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_found(b, "u-blox GNSS receiver (USB 1546:01a8) at /dev/ttyACM0; no pulse");
}

static void e8_a_port_with_a_getty_is_said_and_not_opened(void **state)
{
    struct bench *b = *state;
    pi_header(b);
    tree_process(&b->tree, 612, "agetty", "/sbin/agetty|115200|ttyAMA0", NULL);
    open_driver(b);
    seconds(b, 3, -1);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_non_null(strstr(b->world.err.why, "a login prompt is on it"));
    assert_int_equal(world_count(&b->world, "opened"), 0);
}

static void unplugged_and_plugged_in_at_another_tty(void **state)
{
    struct bench *b = *state;
    int port = usb_receiver(b, "ttyACM0");
    tree_pps(&b->tree, 0, "pps@4.-1", "");
    open_driver(b);
    seconds(b, 6, port);
    assert_int_equal(b->world.health, HEALTH_OK);
    unplug(b, port, "ttyACM0");
    int edges = b->world.edges;
    seconds(b, 5, -1);
    assert_int_equal(b->world.health, HEALTH_CLOSED);
    assert_in_range(b->world.edges - edges, 4, 5); /* the pulses hold the second meanwhile */
    port = usb_receiver(b, "ttyACM3");
    int labels = b->world.labels;
    edges = b->world.edges;
    seconds(b, 20, port);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_in_range(b->world.labels - labels, 5, 20);
    assert_in_range(b->world.edges - edges, 19, 20);
    assert_found(b, "/dev/ttyACM3");
}

static void a_silent_header_is_left_for_a_port_that_speaks(void **state)
{
    struct bench *b = *state;
    pi_header(b);
    int port = usb_receiver(b, "ttyACM0");
    tree_pps(&b->tree, 0, "pps@12.-1", "");
    open_driver(b);
    seconds(b, 1, port);
    assert_found(b, "/dev/ttyAMA0"); /* it has a pulse, so it is the first */
    seconds(b, 24, port);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_found(b, "/dev/ttyACM0; pulse /dev/pps0: pps@12.-1, and no port of its own speaks");
}

static void two_lines_never_take_the_same_port(void **state)
{
    struct bench *b = *state;
    int first = usb_receiver(b, "ttyACM0");
    struct driver_world other;
    world_init(&other, "auto", "any", START);
    other.env = b->world.env;
    set_text(other.driver, "root", b->tree.root);
    open_driver(b);
    assert_int_equal(other.driver->ops->open(other.driver, NULL), 0);
    assert_int_equal(other.health, HEALTH_CLOSED);
    assert_non_null(strstr(other.err.todo, "another program"));
    usb_receiver(b, "ttyACM1");
    seconds(b, 20, first);
    char text[600];
    other.driver->ops->describe(other.driver, text, sizeof text);
    assert_non_null(strstr(text, "/dev/ttyACM1"));
    assert_found(b, "/dev/ttyACM0");
    world_close(&other);
}

static void a_port_that_is_named_is_the_only_one(void **state)
{
    struct bench *b = *state;
    usb_receiver(b, "ttyACM0");
    tree_tty(&b->tree, "ttyS1", "devices/serial8250");
    int port = behind(b, "ttyS1");
    snprintf(b->world.driver->path, sizeof b->world.driver->path, "/dev/ttyS1");
    open_driver(b);
    seconds(b, 6, port);
    assert_int_equal(b->world.health, HEALTH_OK);
    assert_found(b, "the port named /dev/ttyS1");
}

static void a_board_that_is_not_known_is_an_error(void **state)
{
    struct bench *b = *state;
    struct err err;
    set_text(b->world.driver, "profile", "nonesuch");
    assert_int_equal(b->world.driver->ops->open(b->world.driver, &err), -1);
    assert_non_null(strstr(err.why, "no such board"));
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(a_receiver_at_the_header_with_its_pulse),
        WITH(nothing_is_written_to_a_port),
        WITH(e8_no_receiver_at_all_is_said_and_looked_for),
        WITH(e8_a_port_with_a_getty_is_said_and_not_opened),
        WITH(unplugged_and_plugged_in_at_another_tty),
        WITH(a_silent_header_is_left_for_a_port_that_speaks),
        WITH(two_lines_never_take_the_same_port),
        WITH(a_port_that_is_named_is_the_only_one),
        WITH(a_board_that_is_not_known_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
