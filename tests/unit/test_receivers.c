/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "server/daemon/receivers.h"

static void read_from(const char *text, struct config *c, struct receivers *r)
{
    struct config_errors errors;
    if (config_parse(c, "t", text, strlen(text), &errors))
        fail_msg("%s", errors.err[0].why);
    receivers_of(c, r);
}

static void which_line_is_whose(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int count, line[4];
        const char *name;
    } rows[] = {
        {"", 0, {0}, ""},
        {"refclock nmea /a\nrefclock pps /b\n", 1, {0, 0}, "nmea /a"},
        {"refclock pps /b\nrefclock nmea /a\n", 1, {0, 0}, "pps /b"},
        {"refclock nmea /a\n", 1, {0}, "nmea /a"},
        {"refclock nmea /a\nrefclock nmea /b\nrefclock pps /c\nrefclock pps /d\n",
         2,
         {0, 1, 0, 1},
         "nmea /a"},
        {"refclock nmea /a\nrefclock pps /c\nrefclock pps /d\n", 2, {0, 0, 1}, "nmea /a"},
        {"refclock nmea /a receiver roof\nrefclock pps /c\nrefclock pps /d receiver roof\n"
         "refclock nmea /e\n",
         2,
         {0, 1, 0, 1},
         "roof"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct config c;
        struct receivers r;
        read_from(rows[i].text, &c, &r);
        assert_int_equal(r.count, rows[i].count);
        assert_memory_equal(r.line, rows[i].line, sizeof(int) * c.refclock_count);
        if (r.count)
            assert_string_equal(r.of[0].name, rows[i].name);
        config_free(&c);
    }
}

static void what_they_are(void **state)
{
    (void)state;
    struct config c;
    struct receivers r;
    read_from("refclock pps /c prefer latency 1e-6 receiver x\nrefclock nmea /a receiver x\n"
              "refclock nmea /b noselect\n",
              &c, &r);
    assert_int_equal(r.count, 2);
    assert_true(r.of[0].pulses && r.of[0].messages && r.of[0].prefer && !r.of[0].noselect);
    assert_true(!r.of[1].pulses && r.of[1].messages && r.of[1].noselect && !r.of[1].samples);
    assert_true(config_refclock_given(&c.refclock[0], "latency"));
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(which_line_is_whose),
        cmocka_unit_test(what_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
