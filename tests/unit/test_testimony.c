/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The delay of messages, by a receiver that names its pulses (row D7). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "near.h"
#include "refclock/civil.h"
#include "refclock/testimony.h"

#define T0 INT64_C(1790000000)

static struct timelabel label(double at, int64_t second)
{
    return (struct timelabel){.second = T0 + second,
                              .local = T0 * NS_PER_S + llrint(at * 1e9),
                              .delay_min = (double)NAN,
                              .delay_max = (double)NAN};
}

/* Seconds `from` to `to`, each with its pulse, its name (`late` s too small) and a message. How
 * many messages were to be used. */
static int play(struct testimony *t, int from, int to, double delay, int64_t late,
                struct timelabel *last)
{
    int used = 0;
    for (int i = from; i < to; i++) {
        testimony_edge(t, (T0 + i) * NS_PER_S, T0 + i - late);
        *last = label(i + fmod(delay, 1), i - (int64_t)delay);
        used += testimony_label(t, last);
    }
    return used;
}

static void d7_any_delay_is_found(void **state)
{
    (void)state;
    for (double delay = 0.02; delay < 1.9; delay += 0.11) {
        struct testimony t;
        struct timelabel l;
        testimony_init(&t);
        int used = play(&t, 0, 20, delay, 0, &l);
        assert_true(used >= 10 && used < 20); /* none before it is known */
        assert_true(testimony_tells(&t));
        assert_true(l.delay_min <= delay && l.delay_max >= delay);
        assert_true(l.delay_max - l.delay_min < 0.2);
    }
}

static void d7_a_name_that_is_late_itself_is_not_believed(void **state)
{
    struct testimony t;
    struct timelabel l;
    (void)state;
    testimony_init(&t);
    assert_int_equal(play(&t, 0, 40, 0.2, 1, &l), 40 - 12); /* held back for a while */
    assert_false(testimony_tells(&t));
    assert_true(isnan(l.delay_min));
}

static void nothing_said_holds_nothing_back(void **state)
{
    struct testimony t;
    struct timelabel l = label(0.2, 0), stated = label(4.2, 4);
    (void)state;
    testimony_init(&t);
    testimony_edge(&t, T0 * NS_PER_S, INT64_MIN);
    assert_true(testimony_label(&t, &l));
    assert_true(isnan(l.delay_min));
    (void)play(&t, 0, 4, 0.5, 0, &l);
    stated.delay_min = 0.1;
    stated.delay_max = 0.3;
    assert_true(testimony_label(&t, &stated)); /* a person knows better */
    assert_near(stated.delay_max, 0.3, 0);
    l = label(30.5, 30); /* names ended long ago */
    assert_true(testimony_label(&t, &l));
    assert_true(isnan(l.delay_min));
}

static void a_jump_of_the_names_begins_anew(void **state)
{
    struct testimony t;
    struct timelabel l;
    (void)state;
    testimony_init(&t);
    (void)play(&t, 0, 20, 0.3, 0, &l);
    assert_true(testimony_tells(&t));
    testimony_edge(&t, (T0 + 20) * NS_PER_S, T0 + 17);
    assert_false(testimony_tells(&t));
}

static void delays_that_differ_by_most_of_a_second_tell_nothing(void **state)
{
    struct testimony t;
    (void)state;
    testimony_init(&t);
    for (int i = 0; i < 30; i++) {
        testimony_edge(&t, (T0 + i) * NS_PER_S, T0 + i);
        struct timelabel l = label(i + (i % 2 ? 0.05 : 0.95), i);
        (void)testimony_label(&t, &l);
        assert_true(isnan(l.delay_min) || i < 8);
    }
    assert_false(testimony_tells(&t));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d7_any_delay_is_found),
        cmocka_unit_test(d7_a_name_that_is_late_itself_is_not_believed),
        cmocka_unit_test(nothing_said_holds_nothing_back),
        cmocka_unit_test(a_jump_of_the_names_begins_anew),
        cmocka_unit_test(delays_that_differ_by_most_of_a_second_tell_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
