/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "drivers/port/port.h"

struct place {
    char folder[32], link[64], name[64];
    int master;
};

/* A pty whose end is not held here, with a link to it. */
static void plug_in(struct place *p)
{
    int slave;
    assert_int_equal(openpty(&p->master, &slave, p->name, NULL, NULL), 0);
    close(slave);
    unlink(p->link);
    assert_int_equal(symlink(p->name, p->link), 0);
}

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    snprintf(p->folder, sizeof p->folder, "/tmp/test_port_XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->link, sizeof p->link, "%s/gps0", p->folder);
    plug_in(p);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    char other[64];
    snprintf(other, sizeof other, "%s/fifo", p->folder);
    unlink(other);
    unlink(p->link);
    rmdir(p->folder);
    close(p->master);
    free(p);
    return 0;
}

static bool readable(const struct port *p)
{
    struct pollfd fd = {.fd = port_fd(p), .events = POLLIN};
    return poll(&fd, 1, 1000) == 1;
}

static void bytes_through_a_link(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    char buf[16];
    assert_int_equal(port_open(p->link, 9600, &port, &err), 0);
    assert_int_equal(port_read(port, buf, sizeof buf, &err), 0); /* none now */
    assert_int_equal(write(p->master, "$GP\r\n\x03\x11\x00\xff", 9), 9);
    assert_true(readable(port));
    assert_int_equal(port_read(port, buf, sizeof buf, &err), 9); /* raw: nothing is changed */
    assert_memory_equal(buf, "$GP\r\n\x03\x11\x00\xff", 9);
    port_close(port);
}

static void the_terminal_is_raw(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct termios tio;
    assert_int_equal(port_open(p->link, 115200, &port, NULL), 0);
    assert_int_equal(tcgetattr(port_fd(port), &tio), 0);
    assert_int_equal(cfgetispeed(&tio), B115200);
    assert_false(tio.c_lflag & (ICANON | ECHO | ISIG));
    assert_false(tio.c_iflag & (ICRNL | IXON));
    assert_false(tio.c_cflag & (HUPCL | CSTOPB | PARENB));
    assert_int_equal(tio.c_cflag & CSIZE, CS8);
    assert_true(fcntl(port_fd(port), F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(port_fd(port), F_GETFD) & FD_CLOEXEC);
    port_close(port);
}

static void a_port_that_vanishes_says_so(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    char buf[16];
    assert_int_equal(port_open(p->link, 9600, &port, &err), 0);
    close(p->master);
    assert_true(readable(port));
    assert_int_equal(port_read(port, buf, sizeof buf, &err), -1);
    assert_string_not_equal(err.why, "");
    port_close(port);
    assert_int_equal(port_open(p->link, 9600, &port, &err), -1);
    plug_in(p); /* perhaps under another name: the link is what counts */
    assert_int_equal(port_open(p->link, 9600, &port, &err), 0);
    port_close(port);
}

/* Opens in another process: a lock of our own would not keep us out. */
static int open_elsewhere(const char *path)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        struct port *port;
        struct err err = {0};
        int result = port_open(path, 9600, &port, &err);
        _exit(!result ? 0 : strstr(err.todo, "another program") ? 1 : 2);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_port_that_is_held_is_left_alone(void **state)
{
    struct place *p = *state;
    struct port *port;
    assert_int_equal(port_open(p->link, 9600, &port, NULL), 0);
    assert_int_equal(open_elsewhere(p->link), 1);
    port_close(port);
    assert_int_equal(open_elsewhere(p->link), 0);

    int gpsd = open(p->name, O_RDWR | O_NOCTTY); /* marks it as gpsd does */
    struct termios before = {0}, after = {0};
    assert_true(gpsd >= 0);
    assert_int_equal(ioctl(gpsd, TIOCEXCL), 0);
    assert_int_equal(tcgetattr(gpsd, &before), 0);
    assert_int_equal(open_elsewhere(p->link), 1);
    assert_int_equal(tcgetattr(gpsd, &after), 0);
    assert_memory_equal(&before, &after, sizeof before);
    close(gpsd);
}

static void a_feeder_may_hold_the_pty_too(void **state)
{
    struct place *p = *state;
    int feeder = open(p->name, O_RDWR | O_NOCTTY);
    assert_int_equal(open_elsewhere(p->link), 0);
    assert_int_equal(open_elsewhere(p->link), 0); /* it left no mark behind */
    close(feeder);
}

static void a_fifo_outlives_its_writers(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    char path[64], buf[16];
    snprintf(path, sizeof path, "%s/fifo", p->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(port_open(path, 9600, &port, &err), 0);
    for (int i = 0; i < 2; i++) {
        int writer = open(path, O_WRONLY);
        assert_int_equal(write(writer, "x", 1), 1);
        close(writer);
        assert_int_equal(port_read(port, buf, sizeof buf, &err), 1);
        assert_int_equal(port_read(port, buf, sizeof buf, &err), 0);
    }
    port_close(port);
}

static void what_is_written_arrives(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    char buf[16];
    assert_int_equal(port_open(p->link, 9600, &port, &err), 0);
    struct pollfd none = {.fd = p->master, .events = POLLIN};
    assert_int_equal(poll(&none, 1, 50), 0); /* opening says nothing */
    assert_int_equal(port_write(port, "\xb5\x62\x0a\x00\n\x03\x11", 7, &err), 7);
    assert_int_equal(read(p->master, buf, sizeof buf), 7); /* raw: nothing is changed */
    assert_memory_equal(buf, "\xb5\x62\x0a\x00\n\x03\x11", 7);
    port_close(port);
}

static void a_port_that_takes_no_more_says_none(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    char bytes[4096] = {0};
    assert_int_equal(port_open(p->link, 9600, &port, &err), 0);
    ssize_t took = 1;
    for (int i = 0; took > 0 && i < 1000; i++)
        took = port_write(port, bytes, sizeof bytes, &err);
    assert_int_equal(took, 0);
    close(p->master);
    assert_int_equal(port_write(port, bytes, 1, &err), -1);
    assert_non_null(strstr(err.why, "gone"));
    port_close(port);
}

static void the_rate_changes(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    struct termios tio;
    assert_int_equal(port_open(p->link, 9600, &port, &err), 0);
    assert_int_equal(port_set_baud(port, 460800, &err), 0);
    assert_int_equal(tcgetattr(port_fd(port), &tio), 0);
    assert_int_equal(cfgetospeed(&tio), B460800);
    assert_int_equal(cfgetispeed(&tio), B460800);
    assert_int_equal(port_set_baud(port, 12345, &err), -1);
    assert_non_null(strstr(err.why, "12345"));
    assert_non_null(strstr(err.todo, "115200"));
    assert_int_equal(tcgetattr(port_fd(port), &tio), 0);
    assert_int_equal(cfgetospeed(&tio), B460800);
    port_close(port);
}

static void a_fifo_is_no_way_to_a_receiver(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    char path[64], buf[4];
    snprintf(path, sizeof path, "%s/fifo", p->folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(port_open(path, 9600, &port, &err), 0);
    assert_int_equal(port_write(port, "x", 1, &err), -1);
    assert_non_null(strstr(err.todo, "serial port"));
    assert_int_equal(port_set_baud(port, 9600, &err), -1);
    assert_int_equal(port_read(port, buf, sizeof buf, &err), 0);
    port_close(port);
}

/* In a process without root's rights. 0: all was as it should be. */
static int only_read(const char *path)
{
    struct port *port;
    struct err err = {0};
    if (!geteuid() && (setgid(65534) || setuid(65534)))
        return 1;
    if (port_open(path, 9600, &port, &err))
        return 2;
    if (port_write(port, "x", 1, &err) != -1 || !strstr(err.why, "only be read"))
        return 3;
    return 0;
}

static void a_port_that_may_only_be_read_is_read(void **state)
{
    struct place *p = *state;
    int status;
    assert_int_equal(chmod(p->name, 0444), 0);
    pid_t pid = fork();
    if (!pid)
        _exit(only_read(p->name));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void errors_say_what_to_do(void **state)
{
    struct place *p = *state;
    struct port *port;
    struct err err = {0};
    assert_int_equal(port_open("/dev/nonexistent0", 9600, &port, &err), -1);
    assert_string_equal(err.thing, "/dev/nonexistent0");
    assert_non_null(strstr(err.why, "No such file"));
    assert_non_null(strstr(err.todo, "plugged in"));
    assert_int_equal(port_open(p->folder, 9600, &port, &err), -1);
    assert_non_null(strstr(err.why, "directory"));
    assert_int_equal(port_open("/proc/self/exe", 9600, &port, &err), -1);
    assert_non_null(strstr(err.why, "no port"));
    if (geteuid()) {
        assert_int_equal(chmod(p->name, 0), 0);
        assert_int_equal(port_open(p->link, 9600, &port, &err), -1);
        assert_non_null(strstr(err.todo, "dialout"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_through_a_link, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_terminal_is_raw, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_that_vanishes_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_that_is_held_is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_feeder_may_hold_the_pty_too, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fifo_outlives_its_writers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_written_arrives, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_that_takes_no_more_says_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_rate_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_fifo_is_no_way_to_a_receiver, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_port_that_may_only_be_read_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(errors_say_what_to_do, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
