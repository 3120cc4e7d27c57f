/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/course.h"

#define SECOND INT64_C(1000000000)

/* A quiet oscillator, 1 ppm off, known to 10 ns and 1e-10. */
static struct course quiet(void)
{
    struct course c = {
        .on = true, .r = 1e-14, .at = 1000 * SECOND, .count = 3600, .gain = 0.05, .seen = 3600};
    c.kalman.x = 5e-6;
    c.kalman.y = 1e-6;
    c.kalman.p[0][0] = 1e-16 / c.r;
    c.kalman.p[1][1] = 1e-20 / c.r;
    c.noise = (struct kalman_noise){.qx = 1e-20 / c.r, .qy = 1e-24 / c.r};
    return c;
}

static void it_goes_on_by_itself(void **state)
{
    (void)state;
    struct course c = quiet();
    struct course_word now = course_at(&c, c.at), later = course_at(&c, c.at + 1000 * SECOND);
    assert_near(now.phase, 5e-6, 1e-15);
    assert_near(later.phase, 5e-6 + 1e-3, 1e-12);
    assert_near(later.freq, 1e-6, 1e-15);
    assert_true(now.bound > 60e-9 && now.bound < 200e-9);
    assert_true(later.bound > now.bound + 6 * 100e-9);
    /* what came before it is no holdover */
    assert_near(course_at(&c, 0).phase, 5e-6, 1e-15);
}

static void the_filter_in_other_units(void **state)
{
    (void)state;
    struct course c = quiet();
    struct kalman k = course_filter(&c, c.at, 4 * c.r);
    assert_near(k.p[0][0] * 4 * c.r, 1e-16, 1e-25);
    assert_near(k.x, 5e-6, 0);
}

static void what_it_allows_ends_it(void **state)
{
    (void)state;
    struct course c = quiet();
    int64_t then = c.at + 100 * SECOND;
    struct course_word own = course_at(&c, then);
    course_judge(&c, then, own.phase + 10e-6, 0);
    assert_true(c.on); /* 100 ns each second are not the oscillator's */
    course_judge(&c, then, own.phase - 10e-6, 0);
    assert_true(c.on);
    course_judge(&c, then, own.phase + own.bound + 1e-6, 0.9e-6);
    assert_true(c.on);
    course_judge(&c, then, own.phase + own.bound + 1e-6, 1.1e-6);
    assert_false(c.on);
    /* it says nothing any more, and does not come back */
    course_judge(&c, then, own.phase + 1, 0);
    assert_false(c.on);
}

static void an_oscillator_that_was_hardly_watched_may_do_more(void **state)
{
    (void)state;
    struct course c = quiet();
    int64_t then = c.at + 100 * SECOND;
    double phase = course_at(&c, then).phase + 10e-6;
    c.seen = 60;
    course_judge(&c, then, phase, 0);
    assert_false(c.on);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_on_by_itself),
        cmocka_unit_test(the_filter_in_other_units),
        cmocka_unit_test(what_it_allows_ends_it),
        cmocka_unit_test(an_oscillator_that_was_hardly_watched_may_do_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
