/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The delay of messages as before the restart (row D7). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "near.h"
#include "refclock/civil.h"
#include "refclock/recall.h"

#define T0 INT64_C(1790000000)

static const struct memory_delay late = {.name = "nmea", .low = 1.05, .high = 1.15},
                                 early = {.name = "nmea", .low = 0.25, .high = 0.35};

/*
 * `seconds` with a pulse and a message each, `delay` after the pulse of its second, on a clock that
 * is `off` ahead of true time. The number is checked: by how many s the pulses are named wrong; 99:
 * not numbered.
 */
static int64_t play(struct recall *c, double delay, double off, bool synced, int seconds)
{
    struct numbering n;
    struct sample s = {0};
    int64_t wrong = 99;
    numbering_init(&n);
    for (int i = 0; i < seconds; i++) {
        struct edge e = {.local = (T0 + i) * NS_PER_S + llrint(off * 1e9)};
        if (numbering_edge(&n, &e, &s))
            wrong = (s.truth - (T0 + i) * NS_PER_S) / NS_PER_S;
        else
            wrong = 99;
        double at = i + fmod(delay, 1) + (i % 3 - 1) * 0.01;
        struct timelabel l = {.second = T0 + i - (int64_t)delay,
                              .local = T0 * NS_PER_S + llrint((at + off) * 1e9),
                              .delay_min = (double)NAN,
                              .delay_max = (double)NAN};
        struct recall_moment m = {.clock = (double)(l.local - l.second * NS_PER_S) * 1e-9,
                                  .synced = synced};
        if (recall_label(c, &n, &m, &l))
            numbering_label(&n, &l);
        if (n.state == NUMBERING_NUMBERED)
            recall_learn(c, "nmea", &n, 0);
    }
    return wrong;
}

static struct recall remember(const struct memory_delay *from)
{
    struct recall c = {0};
    recall_init(&c, from);
    return c;
}

static void d7_as_before_the_restart_it_is_the_right_second(void **state)
{
    static const double offs[] = {0, 0.3, -0.3, 1e-3};
    (void)state;
    for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
        struct recall c = remember(&late), cold = {0};
        assert_int_equal(play(&cold, 1.1, offs[i], false, 40), -1); /* what messages alone say */
        assert_int_equal(play(&c, 1.1, offs[i], false, 40), 0);
        assert_true(recall_tells(&c));
        assert_near(c.learned.low, 1.09, 0.005); /* kept for the next start */
        assert_near(c.learned.high, 1.11, 0.005);
    }
}

static void d7_another_delay_is_forgotten(void **state)
{
    static const double delays[] = {0.3, 0.5, 0.7};
    char sentence[256];
    (void)state;
    for (size_t i = 0; i < sizeof delays / sizeof *delays; i++) {
        struct recall c = remember(&late);
        assert_int_equal(play(&c, delays[i], 0, false, 40), 0);
        assert_int_equal(c.verdict, RECALL_FORGOTTEN);
        assert_false(recall_tells(&c));
        assert_non_null(strstr(recall_sentence(&c, sentence, sizeof sentence), "forgotten"));
    }
}

static void d7_what_looks_alike_against_the_clock_is_not_decided(void **state)
{
    static const double offs[] = {0.5, -1, 1, 100, -1e9};
    char sentence[256];
    (void)state;
    for (size_t i = 0; i < sizeof offs / sizeof *offs; i++) {
        struct recall c = remember(&late);
        assert_int_equal(play(&c, 1.1, offs[i], false, 60), 99);
        assert_int_equal(c.verdict, RECALL_DOUBTFUL);
        assert_non_null(strstr(recall_sentence(&c, sentence, sizeof sentence), "add a `server`"));
    }
    struct recall later = remember(&late); /* and by the clock not as early as it looks */
    assert_int_equal(play(&later, 1.4, 0, false, 60), 99);
    assert_int_equal(later.verdict, RECALL_DOUBTFUL);
    later = remember(&late);
    assert_int_equal(play(&later, 0.4, -1, false, 60), 0); /* no message comes before its second */
    struct recall other = remember(&late);                 /* of 100 ms: it looks like 1.1 s */
    assert_int_equal(play(&other, 0.1, 0, false, 60), 99);
    assert_int_equal(other.verdict, RECALL_DOUBTFUL);
    assert_int_equal(play(&other, 0.1, 0, true, 60), 0); /* others keep the clock now */
    assert_int_equal(other.verdict, RECALL_FORGOTTEN);
}

static void d7_below_a_second_a_clock_that_is_off_spoils_nothing(void **state)
{
    (void)state;
    struct recall c = remember(&early);
    assert_int_equal(play(&c, 0.3, 1000, false, 40), 0);
    assert_int_equal(c.verdict, RECALL_UNUSED);
    c = remember(&early);
    assert_int_equal(play(&c, 0.3, 0, false, 40), 0);
    assert_true(recall_tells(&c));
}

static void d7_another_model_is_another_receiver(void **state)
{
    (void)state;
    struct memory_delay from = late;
    strcpy(from.model, "NEO-M8T");
    struct recall c = remember(&from);
    assert_false(recall_model(&c, "NEO-M8T"));
    assert_true(recall_model(&c, "MT3339"));
    assert_false(recall_model(&c, "MT3339"));
    assert_int_equal(c.verdict, RECALL_FORGOTTEN);
    c = remember(&late); /* that did not say */
    assert_false(recall_model(&c, "MT3339"));
}

static void d7_only_a_delay_that_tells_a_second_is_kept(void **state)
{
    (void)state;
    struct recall c = {0};
    struct numbering n;
    numbering_init(&n);
    recall_learn(&c, "nmea", &n, 0); /* nothing measured */
    assert_string_equal(c.learned.name, "");
    n.delays = NUMBERING_DELAYS;
    n.low = 0.1, n.high = 0.95;
    recall_learn(&c, "nmea", &n, 0); /* too scattered */
    n.high = 0.2;
    recall_learn(&c, "nmea", &n, -1); /* before its second */
    recall_learn(&c, "nmea", &n, 3);
    assert_string_equal(c.learned.name, "");
    recall_learn(&c, "nmea", &n, 1);
    assert_string_equal(c.learned.name, "nmea");
    assert_near(c.learned.low, 1.1, 1e-9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(d7_as_before_the_restart_it_is_the_right_second),
        cmocka_unit_test(d7_another_delay_is_forgotten),
        cmocka_unit_test(d7_what_looks_alike_against_the_clock_is_not_decided),
        cmocka_unit_test(d7_below_a_second_a_clock_that_is_off_spoils_nothing),
        cmocka_unit_test(d7_another_model_is_another_receiver),
        cmocka_unit_test(d7_only_a_delay_that_tells_a_second_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
