/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config_text.h"

static unsigned flags_at(size_t i)
{
    return c.restrictions[i].rule.flags;
}

static void lines_are_rules(void **state)
{
    (void)state;
    must_parse("restrict default kod\nrestrict 192.0.2.77 mask 255.255.255.0 nomodify ntpport\n"
               "restrict 2001:db8:1::/48 ignore\nrestrict -6 ntp.example.org noserve\n"
               "restrict source notrap\nrestrict 10.0.0.0/8\nrestrict 192.0.2.9 version\n");
    assert_int_equal(c.restrict_count, 8);
    assert_int_equal(flags_at(0), ACCESS_KOD | CONFIG_RESTRICT_BUILTIN);
    assert_int_equal(flags_at(1), ACCESS_KOD | CONFIG_RESTRICT_BUILTIN);
    assert_int_equal(c.restrictions[1].rule.family, AF_INET6);
    assert_int_equal(flags_at(2), ACCESS_NOMODIFY | ACCESS_NTPPORT);
    assert_int_equal(c.restrictions[2].rule.length, 24);
    assert_int_equal(c.restrictions[2].rule.prefix[3], 0); /* beyond the mask */
    assert_int_equal(c.restrictions[3].rule.length, 48);
    assert_int_equal(c.restrictions[4].kind, CONFIG_RESTRICT_HOST);
    assert_string_equal(c.restrictions[4].host, "ntp.example.org");
    assert_int_equal(c.restrictions[4].rule.family, AF_INET6);
    assert_int_equal(c.restrictions[5].kind, CONFIG_RESTRICT_SOURCE);
    assert_int_equal(flags_at(6), 0);
    assert_int_equal(flags_at(7), ACCESS_VERSION);
    assert_int_equal(c.restrictions[7].rule.length, 32);
    must_read_back();
    config_free(&c);
}

static void without_a_line_there_is_no_rule(void **state)
{
    (void)state;
    must_parse("");
    assert_int_equal(c.restrict_count, 0);
    must_say("# without a restrict line: restrict default kod limited noquery");
    config_free(&c);
}

/* A line for one address makes ntpd's own default hold for all others. */
static void one_line_brings_the_defaults_of_ntpd(void **state)
{
    (void)state;
    must_parse("restrict ::1\n");
    assert_int_equal(c.restrict_count, 3);
    assert_int_equal(flags_at(0), ACCESS_NOQUERY | ACCESS_LIMITED);
    must_say("restrict -4 default noquery limited # built in, as in ntpd\n");
    must_say("# ntpq -p 127.0.0.1 is refused: restrict -4 default noquery limited; "
             "`restrict 127.0.0.1` would allow it\n");
    config_free(&c);
    must_parse("restrict 127.0.0.0/8\nrestrict 127.0.0.1 noquery\nrestrict ::1 ntpport noquery\n");
    must_say("# ntpq -p 127.0.0.1 is refused: restrict 127.0.0.1 noquery");
    must_say("# ntpq -p ::1 is refused: restrict -6 default"); /* ntpq asks from another port */
    config_free(&c);
}

static void flags_of_two_lines_add_up_and_are_taken_away(void **state)
{
    (void)state;
    must_parse("restrict 192.0.2.1 kod\nrestrict 192.0.2.1/32 limited noquery\n"
               "restrict 192.0.2.1 ntpport ignore\n");
    assert_int_equal(c.restrict_count, 4);
    assert_int_equal(flags_at(2), ACCESS_KOD | ACCESS_LIMITED | ACCESS_NOQUERY);
    config_free(&c);
    must_parse("restrict 192.0.2.1 kod limited\nunrestrict 192.0.2.1 kod\n"
               "restrict 192.0.2.2\nunrestrict 192.0.2.2\nunrestrict default noquery limited\n");
    assert_int_equal(c.restrict_count, 3);
    assert_int_equal(flags_at(0), 0);
    assert_int_equal(flags_at(2), ACCESS_LIMITED);
    must_say("unrestrict -4 default noquery limited\n");
    must_read_back();
    assert_int_equal(flags_at(1), 0);
    config_free(&c);
}

static void a_long_list_is_read(void **state)
{
    size_t size = 0;
    char *text = NULL;
    FILE *f = open_memstream(&text, &size);
    (void)state;
    for (int i = 0; i < 5000; i++)
        fprintf(f, "restrict 10.%d.%d.0/24 ignore\n", i / 250, i % 250);
    fclose(f);
    must_parse(text);
    assert_int_equal(c.restrict_count, 5002);
    config_free(&c);
    free(text);
}

static void discard_is_in_seconds(void **state)
{
    (void)state;
    must_parse("discard average 3 minimum 2\n");
    assert_true(c.discard.average_given && c.ratelimit.average == 8);
    assert_true(c.discard.minimum_given && c.ratelimit.minimum == 2);
    must_say("discard average 3 minimum 2 # one request in 8 s on the average");
    config_free(&c);
    must_parse("discard minimum 1\n");
    assert_false(c.discard.average_given);
    assert_true(c.ratelimit.average == RATELIMIT_AVERAGE && c.ratelimit.minimum == 1);
    config_free(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_rules),
        cmocka_unit_test(without_a_line_there_is_no_rule),
        cmocka_unit_test(one_line_brings_the_defaults_of_ntpd),
        cmocka_unit_test(flags_of_two_lines_add_up_and_are_taken_away),
        cmocka_unit_test(a_long_list_is_read),
        cmocka_unit_test(discard_is_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
