/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names and servers of `restrict` lines, in real time, without a name server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>

#include "config_text.h"
#include "refclock/clock.h"
#include "server/config/restrict_rules.h"

struct world {
    struct loop loop;
    struct clock *clock;
    struct log log;
    struct restrict_rules *rules;
    int changes, lines;
    char last[600];
};

static void changed(void *arg)
{
    struct world *w = arg;
    w->changes++;
}

static void write_line(void *arg, enum log_level level, const char *text)
{
    struct world *w = arg;
    (void)level;
    w->lines++;
    snprintf(w->last, sizeof w->last, "%s", text);
}

static void setup(struct world *w, const char *text)
{
    struct err err;
    memset(w, 0, sizeof *w);
    must_parse(text);
    w->log = (struct log){.max = LOG_LEVEL_INFO, .write = write_line, .arg = w};
    assert_int_equal(clock_reader_open(&w->clock, &err), 0);
    loop_poll_init(&w->loop, w->clock);
    assert_int_equal(restrict_rules_open(&w->rules, &c, &w->loop, &w->log, changed, w, &err), 0);
}

static void teardown(struct world *w)
{
    restrict_rules_close(w->rules);
    assert_null(w->loop.timers);
    assert_null(w->loop.fds);
    loop_close(&w->loop);
    clock_close(w->clock);
    config_free(&c);
}

static union address address(const char *text)
{
    union address a = {.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET};
    void *to = a.any.sa_family == AF_INET ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr;
    assert_int_equal(inet_pton(a.any.sa_family, text, to), 1);
    address_set_port(&a, 4000);
    return a;
}

static unsigned flags_of(const struct world *w, const char *text)
{
    struct access *access;
    struct err err;
    const union address a = address(text);
    assert_int_equal(restrict_rules_build(w->rules, &access, &err), 0);
    unsigned flags = access_of(access, &a);
    access_free(access);
    return flags;
}

static void the_usual_file(void **state)
{
    struct world w;
    (void)state;
    setup(&w, "restrict -4 default kod notrap nomodify nopeer noquery limited\n"
              "restrict -6 default kod notrap nomodify nopeer noquery limited\nrestrict ::1\n");
    assert_int_equal(flags_of(&w, "::1"), 0);
    assert_true(flags_of(&w, "127.0.0.1") & ACCESS_NOQUERY); /* as in ntpd: no line names it */
    assert_true(flags_of(&w, "192.0.2.1") & ACCESS_LIMITED);
    teardown(&w);
    setup(&w, "");
    assert_int_equal(flags_of(&w, "127.0.0.1"), 0);
    assert_int_equal(flags_of(&w, "192.0.2.1"), ACCESS_DEFAULT);
    teardown(&w);
    setup(&w, "restrict 192.0.2.1\n"); /* one line, and ntpd's default holds for the others */
    assert_int_equal(flags_of(&w, "127.0.0.1"), CONFIG_RESTRICT_BUILTIN);
    assert_int_equal(flags_of(&w, "2001:db8::1"), CONFIG_RESTRICT_BUILTIN);
    teardown(&w);
}

static void sources_come_and_go(void **state)
{
    struct world w;
    const union address two[] = {address("192.0.2.1"), address("2001:db8::1")};
    (void)state;
    setup(&w, "restrict default ignore\nrestrict source nomodify\nrestrict 192.0.2.7 noquery\n");
    assert_true(flags_of(&w, "192.0.2.1") & ACCESS_IGNORE);
    restrict_rules_sources(w.rules, two, 2);
    restrict_rules_sources(w.rules, two, 2);
    assert_int_equal(w.changes, 1);
    assert_int_equal(flags_of(&w, "192.0.2.1"), ACCESS_NOMODIFY);
    assert_int_equal(flags_of(&w, "2001:db8::1"), ACCESS_NOMODIFY);
    /* a line of its own goes before */
    const union address named[] = {address("192.0.2.7"), address("192.0.2.1")};
    restrict_rules_sources(w.rules, named, 2);
    assert_int_equal(w.changes, 2);
    assert_int_equal(flags_of(&w, "192.0.2.7"), ACCESS_NOQUERY);
    assert_true(flags_of(&w, "2001:db8::1") & ACCESS_IGNORE);
    restrict_rules_sources(w.rules, NULL, 0);
    assert_true(flags_of(&w, "192.0.2.1") & ACCESS_IGNORE);
    teardown(&w);
    setup(&w, "restrict default ignore\n");
    restrict_rules_sources(w.rules, two, 2);
    assert_int_equal(w.changes, 0);
    teardown(&w);
}

static void names_are_looked_up(void **state)
{
    struct world w;
    (void)state;
    setup(&w, "restrict default ignore\nrestrict -4 localhost noserve\n");
    for (int i = 0; i < 100 && flags_of(&w, "127.0.0.1") & ACCESS_IGNORE; i++)
        assert_int_equal(loop_turn(&w.loop, w.loop.ops->steady(&w.loop) + 100000000), 0);
    assert_int_equal(flags_of(&w, "127.0.0.1"), ACCESS_NOSERVE);
    assert_true(flags_of(&w, "::1") & ACCESS_IGNORE);
    assert_int_equal(w.lines, 0);
    teardown(&w);
}

static void a_name_that_is_not_found_is_said_once(void **state)
{
    struct world w;
    (void)state;
    setup(&w, "restrict no.such.name.invalid noserve\n");
    for (int i = 0; i < 200 && !w.lines; i++)
        assert_int_equal(loop_turn(&w.loop, w.loop.ops->steady(&w.loop) + 100000000), 0);
    assert_int_equal(w.lines, 1);
    assert_non_null(strstr(w.last, "restrict (line 1): no.such.name.invalid: "));
    assert_int_equal(flags_of(&w, "127.0.0.1"), CONFIG_RESTRICT_BUILTIN);
    teardown(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_usual_file),
        cmocka_unit_test(sources_come_and_go),
        cmocka_unit_test(names_are_looked_up),
        cmocka_unit_test(a_name_that_is_not_found_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
