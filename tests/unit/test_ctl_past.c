/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/past.h"
#include "server/ctl/text.h"

static void add(struct ctl_past *p, double offset, double bound, int uptime, int answered)
{
    json_t *status = json_pack("{s:{s:f,s:f},s:{s:i},s:{s:{s:i,s:i}}}", "clock", "offset", offset,
                               "bound_total", bound, "process", "uptime", uptime, "server",
                               "verdicts", "answered", answered, "short", 1);
    assert_non_null(status);
    ctl_past_add(p, status);
    json_decref(status);
}

static void the_rate_is_of_the_last_two_and_not_of_two_daemons(void **state)
{
    struct ctl_past p;
    (void)state;
    ctl_past_init(&p);
    assert_true(isnan(p.rate));
    add(&p, 0, 1e-6, 100, 50);
    assert_true(isnan(p.rate));
    add(&p, 0, 1e-6, 102, 70);
    assert_true(fabs(p.rate - 10) < 1e-9);
    add(&p, 0, 1e-6, 1, 3); /* it was started anew */
    assert_true(isnan(p.rate));
    add(&p, 0, 1e-6, 2, 3);
    assert_true(p.rate == 0);
}

static void only_the_last_are_kept(void **state)
{
    struct ctl_past p;
    (void)state;
    ctl_past_init(&p);
    for (int i = 0; i < CTL_PAST_MAX + 10; i++)
        add(&p, i * 1e-9, 1e-6, i, 0);
    assert_int_equal(p.count, CTL_PAST_MAX);
    assert_true(fabs(p.at[0].offset - 10e-9) < 1e-15);
    assert_true(fabs(p.at[CTL_PAST_MAX - 1].offset - (CTL_PAST_MAX + 9) * 1e-9) < 1e-15);
}

static void one_wild_second_does_not_flatten_the_rest(void **state)
{
    struct ctl_past p;
    (void)state;
    ctl_past_init(&p);
    assert_true(isnan(ctl_past_scale(&p, 80)));
    add(&p, 10, 1, 1, 0);
    for (int i = 0; i < 20; i++)
        add(&p, 1e-6, 9e-6, i, 0);
    assert_true(ctl_past_scale(&p, 80) > 10e-6);
    assert_true(ctl_past_scale(&p, 80) < 20e-6);
}

/* The chart as text, a row after the other. */
static void chart(const struct ctl_past *p, double scale, int rows, int columns, char *text)
{
    for (int row = 0; row < rows; row++)
        for (int column = 0; column < columns; column++)
            *text++ = " -:*"[ctl_past_cell(p, scale, row, rows, column, columns)];
    *text = 0;
}

static void the_chart_shows_offset_and_band(void **state)
{
    struct ctl_past p;
    char text[64];
    (void)state;
    ctl_past_init(&p);
    add(&p, 0, 1.2e-6, 1, 0);
    add(&p, 2e-6, 1.2e-6, 2, 0);
    add(&p, -50e-6, 1.0e-6, 3, 0); /* below the chart: it stands at its edge */
    chart(&p, 2.5e-6, 5, 4, text);
    assert_string_equal(text, "  * "
                              " :: "
                              "-*--"
                              " :  "
                              "   *");
}

static void what_is_not_known_is_left_out(void **state)
{
    struct ctl_past p;
    char text[64];
    json_t *nothing = json_object();
    (void)state;
    ctl_past_init(&p);
    ctl_past_add(&p, nothing);
    json_decref(nothing);
    assert_true(isnan(ctl_past_scale(&p, 4)));
    chart(&p, 1e-6, 4, 2, text);
    assert_string_equal(text, "    --  ");
}

static void no_control_character_is_printed(void **state)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    ctl_print_clean(out, "a\033[2J\x7f\xc2\x9b\xc3\xa9\xc2\xb5\xc2");
    fclose(out);
    assert_string_equal(text, "a?[2J??\xc3\xa9\xc2\xb5\xc2"); /* e acute and micro are none */
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rate_is_of_the_last_two_and_not_of_two_daemons),
        cmocka_unit_test(only_the_last_are_kept),
        cmocka_unit_test(one_wild_second_does_not_flatten_the_rest),
        cmocka_unit_test(the_chart_shows_offset_and_band),
        cmocka_unit_test(what_is_not_known_is_left_out),
        cmocka_unit_test(no_control_character_is_printed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
