/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <pty.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/port/port.h"
#include "drivers/pulse/pulse.h"
#include "drivers/pulse/pulse_sys.h"
#include "drivers/pulse/pulse_wait.h"
#include "drivers/pulse/pulse_width.h"

#define MS INT64_C(1000000)

/* ---- width ---- */

static struct pulse_edge edge(uint64_t sequence, int64_t ms)
{
    return (struct pulse_edge){.sequence = sequence, .at = ms * MS};
}

static void width_of_a_pulse_that_is_fetched_at_once(void **state)
{
    (void)state;
    struct pulse_width w = {0};
    assert_float_equal(pulse_width_next(&w, edge(0, 0), edge(0, 0)), 0, 0);
    assert_float_equal(pulse_width_next(&w, edge(7, 1000), edge(6, 100)), 0, 0);
    assert_float_equal(pulse_width_next(&w, edge(8, 2000), edge(7, 1100)), 0.1, 1e-12);
    assert_float_equal(pulse_width_next(&w, edge(8, 2000), edge(7, 1100)), 0.1, 1e-12);
    assert_float_equal(pulse_width_next(&w, edge(8, 2000), edge(8, 2200)), 0.2, 1e-12);
    assert_float_equal(pulse_width_next(&w, edge(9, 3000), edge(8, 2200)), 0.2, 1e-12);
}

static void width_of_the_inverted_pulse(void **state)
{
    (void)state;
    struct pulse_width w = {0};
    pulse_width_next(&w, edge(3, 1100), edge(3, 1000));
    assert_float_equal(pulse_width_next(&w, edge(4, 2100), edge(4, 2000)), 0.9, 1e-12);
}

static void no_width_after_a_missed_edge(void **state)
{
    (void)state;
    struct pulse_width w = {0};
    pulse_width_next(&w, edge(3, 1000), edge(2, 100));
    assert_float_equal(pulse_width_next(&w, edge(4, 2000), edge(3, 1100)), 0.1, 1e-12);
    assert_float_equal(pulse_width_next(&w, edge(6, 4000), edge(5, 3100)), 0, 0);
    assert_float_equal(pulse_width_next(&w, edge(7, 5000), edge(5, 3100)), 0, 0);
    assert_float_equal(pulse_width_next(&w, edge(8, 6000), edge(0, 0)), 0, 0);
    assert_float_equal(pulse_width_next(&w, edge(9, 7000), edge(9, 60000)), 0, 0);
}

/* ---- a line that a thread waits for ---- */

/* A byte through the pipe is a change of the line. */
struct line {
    int in, out, closed, waits;
    bool up, silent;
    uint64_t changes;
    int failing;
    pthread_mutex_t lock;
};

static int line_wait(void *arg)
{
    struct line *l = arg;
    char byte;
    l->waits++;
    return read(l->in, &byte, 1) == 1 ? 0 : errno;
}

static int line_look(void *arg, bool *up, uint64_t *changes)
{
    struct line *l = arg;
    pthread_mutex_lock(&l->lock);
    *up = l->up;
    *changes = l->silent ? PULSE_CHANGES_UNKNOWN : l->changes;
    int failing = l->failing;
    pthread_mutex_unlock(&l->lock);
    return failing;
}

static void line_close(void *arg)
{
    ((struct line *)arg)->closed++;
}

static void line_change(struct line *l, int times)
{
    pthread_mutex_lock(&l->lock);
    l->changes += (uint64_t)times;
    l->up ^= times & 1;
    pthread_mutex_unlock(&l->lock);
    assert_int_equal(write(l->out, "x", 1), 1);
}

/* Waits for real: a thread is at work. */
static void wait_for(struct pulse *p, uint64_t sequence, struct pulse_stamp *s)
{
    struct err err;
    for (int i = 0; i < 2000; i++) {
        assert_int_equal(pulse_fetch(p, s, &err), 0);
        if (s->sequence == sequence)
            return;
        poll(NULL, 0, 1);
    }
    fail_msg("edge %d did not come", (int)sequence);
}

struct bench {
    struct line line;
    struct clock *clock;
    struct pulse *pulse;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    b->line = (struct line){.in = fds[0], .out = fds[1]};
    pthread_mutex_init(&b->line.lock, NULL);
    assert_int_equal(clock_reader_open(&b->clock, NULL), 0);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    if (b->pulse)
        pulse_close(b->pulse);
    assert_int_equal(b->line.closed, 1);
    close(b->line.in);
    close(b->line.out);
    clock_close(b->clock);
    pthread_mutex_destroy(&b->line.lock);
    free(b);
    return 0;
}

static int open_line(struct bench *b, bool clear, struct err *err)
{
    const struct pulse_want want = {.clear = clear};
    const struct pulse_source source = {
        .wait = line_wait,
        .look = line_look,
        .close = line_close,
        .arg = &b->line,
        .error = 1e-3,
    };
    return pulse_wait_open(&source, &want, b->clock, &b->pulse, err);
}

static void a_thread_stamps_edges(void **state)
{
    struct bench *b = *state;
    struct pulse_stamp s, next;
    assert_int_equal(open_line(b, false, NULL), 0);
    wait_for(b->pulse, 0, &s);
    int64_t before = clock_now(b->clock);
    line_change(&b->line, 1);
    wait_for(b->pulse, 1, &s);
    assert_true(s.reading >= before && s.reading <= clock_now(b->clock));
    assert_float_equal(s.error, 1e-3, 0);
    assert_float_equal(s.width, 0, 0);
    poll(NULL, 0, 20);
    line_change(&b->line, 1); /* back */
    poll(NULL, 0, 50);
    line_change(&b->line, 1);
    wait_for(b->pulse, 2, &next);
    assert_true(next.reading - s.reading >= 70 * MS);
    assert_true(next.width >= 0.02 && next.width < 0.02 + 0.5);
}

static void the_clear_edge(void **state)
{
    struct bench *b = *state;
    struct pulse_stamp s;
    assert_int_equal(open_line(b, true, NULL), 0);
    line_change(&b->line, 1);
    poll(NULL, 0, 20);
    wait_for(b->pulse, 0, &s);
    int64_t before = clock_now(b->clock);
    line_change(&b->line, 1);
    wait_for(b->pulse, 1, &s);
    assert_true(s.reading >= before);
}

static void a_pulse_that_is_over_before_one_looks(void **state)
{
    struct bench *b = *state;
    struct pulse_stamp s;
    assert_int_equal(open_line(b, false, NULL), 0);
    line_change(&b->line, 2);
    wait_for(b->pulse, 1, &s);
    line_change(&b->line, 2);
    wait_for(b->pulse, 2, &s);
}

static void a_line_that_does_not_count(void **state)
{
    struct bench *b = *state;
    struct pulse_stamp s;
    b->line.silent = true;
    assert_int_equal(open_line(b, false, NULL), 0);
    line_change(&b->line, 1);
    wait_for(b->pulse, 1, &s);
    line_change(&b->line, 1);
    poll(NULL, 0, 20);
    line_change(&b->line, 1);
    wait_for(b->pulse, 2, &s);
}

/* CPU time of this process but of this thread, s. */
static double cpu_of_others(void)
{
    struct timespec all, own;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &all);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &own);
    return (double)(all.tv_sec - own.tv_sec) + (double)(all.tv_nsec - own.tv_nsec) * 1e-9;
}

static double wall(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* A change every 100 us for 1.2 s: the thread looks at few of them, in far less than 5 % of the
 * time. CPU time does not depend on who else is busy here. */
static void e2_a_storm_on_a_line_costs_little(void **state)
{
    struct bench *b = *state;
    struct pulse_stamp s;
    double began = wall(), cpu = cpu_of_others();
    assert_int_equal(fcntl(b->line.out, F_SETFL, O_NONBLOCK), 0);
    assert_int_equal(open_line(b, false, NULL), 0);
    for (int i = 0; i < 1200; i++) {
        for (int k = 0; k < 10; k++) {
            pthread_mutex_lock(&b->line.lock);
            b->line.changes++;
            b->line.up = !b->line.up;
            pthread_mutex_unlock(&b->line.lock);
            assert_true(write(b->line.out, "x", 1) == 1 || errno == EAGAIN);
        }
        poll(NULL, 0, 1);
    }
    assert_int_equal(pulse_fetch(b->pulse, &s, NULL), 0);
    pulse_close(b->pulse);
    b->pulse = NULL;
    double share = (cpu_of_others() - cpu) / (wall() - began);
    print_message("%.3f %% of a processor\n", share * 100);
    assert_true(share < 0.05);
    assert_in_range(b->line.waits, 2, 200);
    assert_in_range(s.sequence, 1000, 6000); /* none is forgotten that passed by */
}

static void c8_a_line_that_goes_says_so(void **state)
{
    struct bench *b = *state;
    struct pulse_stamp s;
    struct err err = {0};
    assert_int_equal(open_line(b, false, NULL), 0);
    line_change(&b->line, 1);
    wait_for(b->pulse, 1, &s);
    pthread_mutex_lock(&b->line.lock);
    b->line.failing = EIO;
    pthread_mutex_unlock(&b->line.lock);
    assert_int_equal(write(b->line.out, "x", 1), 1);
    for (int i = 0; i < 2000 && !pulse_fetch(b->pulse, &s, &err); i++)
        poll(NULL, 0, 1);
    assert_non_null(strstr(err.why, "gone"));
}

static void a_line_that_cannot_be_looked_at(void **state)
{
    struct bench *b = *state;
    struct err err = {0};
    b->line.failing = ENOTTY;
    assert_int_equal(open_line(b, false, &err), -1);
    assert_non_null(strstr(err.why, "modem lines"));
    assert_string_not_equal(err.todo, "");
}

/* ---- serial ports ---- */

static struct clock *a_clock(void)
{
    struct clock *c;
    assert_int_equal(clock_reader_open(&c, NULL), 0);
    return c;
}

/* A pty has no modem lines; what is asked here is who is let in. */
static void e8_a_port_without_modem_lines(void **state)
{
    (void)state;
    const struct pulse_want want = {0};
    struct clock *clock = a_clock();
    struct pulse *pulse;
    struct err err = {0};
    int master, slave;
    char name[64];
    assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
    assert_int_equal(pulse_open(name, &want, clock, &pulse, &err), -1);
    assert_string_equal(err.thing, name);
    assert_non_null(strstr(err.why, "modem lines"));
    int discipline = -1;
    assert_int_equal(ioctl(slave, TIOCGETD, &discipline), 0);
    assert_int_equal(discipline, 0);
    close(slave);
    close(master);
    clock_close(clock);
}

static void e8_a_port_that_is_absent(void **state)
{
    (void)state;
    const struct pulse_want want = {0};
    struct clock *clock = a_clock();
    struct pulse *pulse;
    struct err err = {0};
    assert_int_equal(pulse_open("/dev/ttyNONE0", &want, clock, &pulse, &err), -1);
    assert_string_equal(err.thing, "/dev/ttyNONE0");
    assert_non_null(strstr(err.todo, "plugged in"));
    assert_int_equal(pulse_open("/dev/pps77", &want, clock, &pulse, &err), -1);
    assert_string_equal(err.thing, "/dev/pps77");
    assert_non_null(strstr(err.todo, "pps"));
    clock_close(clock);
}

/* The port of our own receiver is no stranger's; a port with another's lock is. */
static void e8_a_port_in_use(void **state)
{
    (void)state;
    const struct pulse_want want = {.line = PULSE_CTS};
    struct clock *clock = a_clock();
    struct pulse *pulse;
    struct port *port;
    struct err err = {0};
    int master, slave;
    char name[64];
    assert_int_equal(openpty(&master, &slave, name, NULL, NULL), 0);
    close(slave);
    assert_int_equal(port_open(name, 9600, &port, &err), 0);
    assert_int_equal(pulse_open(name, &want, clock, &pulse, &err), -1);
    assert_non_null(strstr(err.why, "modem lines")); /* it got as far as that */
    port_close(port);

    int ready[2], done[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(done), 0);
    pid_t pid = fork();
    if (!pid) {
        int fd = open(name, O_RDWR | O_NOCTTY);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) || write(ready[1], "x", 1) != 1)
            _exit(1);
        close(done[1]);
        _exit(read(done[0], &byte, 1) != 0);
    }
    close(done[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(pulse_open(name, &want, clock, &pulse, &err), -1);
    assert_non_null(strstr(err.todo, "another program"));
    close(done[1]);
    close(ready[0]);
    close(ready[1]);
    close(master);
    clock_close(clock);
}

/* ---- what /sys tells ---- */

static void put(const char *top, const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", top, path);
    for (char *p = full + strlen(top) + 1; (p = strchr(p, '/')); p++) {
        *p = 0;
        (void)mkdir(full, 0700);
        *p = '/';
    }
    if (!text) {
        (void)mkdir(full, 0700);
        return;
    }
    FILE *f = fopen(full, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void link_to(const char *top, const char *path, const char *target)
{
    char full[512], there[512];
    snprintf(full, sizeof full, "%s/%s", top, path);
    snprintf(there, sizeof there, "%s/%s", top, target);
    assert_int_equal(symlink(there, full), 0);
}

static int take_away(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static void sys_tells_ports_and_their_pulses(void **state)
{
    (void)state;
    char top[] = "/tmp/test_pulse_XXXXXX", device[64], text[64];
    assert_non_null(mkdtemp(top));
    put(top, "class/pps/pps0/name", "ktimer\n");
    put(top, "class/pps/pps0/path", "\n");
    put(top, "class/pps/pps1/name", "serial0\n");
    put(top, "class/pps/pps1/path", "/dev/ttyS0\n");
    put(top, "class/tty/x", "");
    put(top, "class/pps/x", "");
    put(top, "devices/pci/usb1/1-1/ttyUSB0", NULL);
    put(top, "devices/platform/serial", NULL);
    put(top, "dev/char/188:0/x", "");
    put(top, "dev/char/4:64/x", "");
    put(top, "dev/char/250:0/x", "");
    link_to(top, "dev/char/188:0/subsystem", "class/tty");
    link_to(top, "dev/char/188:0/device", "devices/pci/usb1/1-1/ttyUSB0");
    link_to(top, "dev/char/4:64/subsystem", "class/tty");
    link_to(top, "dev/char/4:64/device", "devices/platform/serial");
    link_to(top, "dev/char/250:0/subsystem", "class/pps");

    assert_true(pulse_sys_find(top, "path", "/dev/ttyS0", device, sizeof device));
    assert_string_equal(device, "/dev/pps1");
    assert_false(pulse_sys_find(top, "path", "/dev/ttyS1", device, sizeof device));
    assert_false(pulse_sys_find(top, "path", "", device, sizeof device));
    pulse_sys_read(top, "/dev/pps0", "name", text, sizeof text);
    assert_string_equal(text, "ktimer");
    assert_true(pulse_sys_is_tty(top, makedev(188, 0)));
    assert_true(pulse_sys_is_tty(top, makedev(136, 3)));
    assert_true(pulse_sys_is_tty(top, makedev(4, 64)));
    assert_false(pulse_sys_is_tty(top, makedev(250, 0)));
    assert_true(pulse_sys_is_usb(top, makedev(188, 0)));
    assert_false(pulse_sys_is_usb(top, makedev(4, 64)));
    assert_int_equal(nftw(top, take_away, 8, FTW_DEPTH | FTW_PHYS), 0);
}

#define WITH_LINE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(width_of_a_pulse_that_is_fetched_at_once),
        cmocka_unit_test(width_of_the_inverted_pulse),
        cmocka_unit_test(no_width_after_a_missed_edge),
        WITH_LINE(a_thread_stamps_edges),
        WITH_LINE(the_clear_edge),
        WITH_LINE(a_pulse_that_is_over_before_one_looks),
        WITH_LINE(a_line_that_does_not_count),
        WITH_LINE(e2_a_storm_on_a_line_costs_little),
        WITH_LINE(c8_a_line_that_goes_says_so),
        WITH_LINE(a_line_that_cannot_be_looked_at),
        cmocka_unit_test(e8_a_port_without_modem_lines),
        cmocka_unit_test(e8_a_port_that_is_absent),
        cmocka_unit_test(e8_a_port_in_use),
        cmocka_unit_test(sys_tells_ports_and_their_pulses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
