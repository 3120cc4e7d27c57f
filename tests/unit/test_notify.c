/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/daemon/notify.h"

#define SECOND INT64_C(1000000000)

struct manager {
    int fd;
    char text[512];
};

/* The service manager's end, at an abstract name. */
static void listen_as(struct manager *m, const char *name)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    m->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    memcpy(at.sun_path + 1, name + 1, strlen(name) - 1);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
    assert_int_equal(bind(m->fd, (struct sockaddr *)&at, size), 0);
}

/* What it hears next; "" nothing. */
static const char *heard(struct manager *m)
{
    ssize_t n = recv(m->fd, m->text, sizeof m->text - 1, 0);
    m->text[n > 0 ? n : 0] = 0;
    return m->text;
}

static void the_manager_hears(void **state)
{
    struct notify n;
    struct manager m;
    char name[64];
    (void)state;
    snprintf(name, sizeof name, "@timeball-notify-%d", (int)getpid());
    listen_as(&m, name);
    setenv("NOTIFY_SOCKET", name, 1);
    setenv("WATCHDOG_USEC", "20000000", 1);
    notify_open(&n);
    assert_null(getenv("NOTIFY_SOCKET"));
    notify_ready(&n);
    assert_string_equal(heard(&m), "READY=1");
    notify_tick(&n, 100 * SECOND, "starting");
    assert_string_equal(heard(&m), "WATCHDOG=1");
    assert_string_equal(heard(&m), "STATUS=starting");
    notify_tick(&n, 101 * SECOND, "starting");
    assert_string_equal(heard(&m), ""); /* nothing new, and not yet half of the 20 s */
    notify_tick(&n, 110 * SECOND, "locked");
    assert_string_equal(heard(&m), "WATCHDOG=1");
    assert_string_equal(heard(&m), "STATUS=locked");
    /* a sentence that is too long is cut, and still only said once */
    char long_one[600];
    memset(long_one, 'x', sizeof long_one - 1);
    long_one[sizeof long_one - 1] = 0;
    notify_tick(&n, 111 * SECOND, long_one);
    assert_int_equal(strlen(heard(&m)), strlen("STATUS=") + sizeof n.status - 1);
    notify_tick(&n, 112 * SECOND, long_one);
    assert_string_equal(heard(&m), "");
    notify_stopping(&n);
    assert_string_equal(heard(&m), "STOPPING=1");
    notify_close(&n);
    close(m.fd);
}

static void a_manager_that_is_gone_or_does_not_read_stops_nothing(void **state)
{
    struct notify n;
    struct manager m;
    char name[64], sentence[32];
    (void)state;
    snprintf(name, sizeof name, "@timeball-deaf-%d", (int)getpid());
    listen_as(&m, name);
    setenv("NOTIFY_SOCKET", name, 1);
    notify_open(&n);
    for (int i = 0; i < 5000; i++) {
        snprintf(sentence, sizeof sentence, "number %d", i);
        notify_tick(&n, i * SECOND, sentence);
    }
    close(m.fd);
    notify_ready(&n);
    notify_close(&n);
}

static void without_a_manager_nothing_is_said(void **state)
{
    static const char *const names[] = {"", "relative", "/nowhere/notify", NULL};
    struct notify n;
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i])
            setenv("NOTIFY_SOCKET", names[i], 1);
        setenv("WATCHDOG_USEC", i ? "-5" : "1e6", 1);
        notify_open(&n);
        assert_int_equal(n.fd, -1);
        assert_int_equal(n.watchdog, 0);
        notify_tick(&n, SECOND, "x");
        notify_close(&n);
    }
    setenv("WATCHDOG_USEC", "1000000", 1);
    setenv("WATCHDOG_PID", "1", 1); /* meant for another process */
    notify_open(&n);
    assert_int_equal(n.watchdog, 0);
    notify_close(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_manager_hears),
        cmocka_unit_test(a_manager_that_is_gone_or_does_not_read_stops_nothing),
        cmocka_unit_test(without_a_manager_nothing_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
