/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/select.h"

#define PULSES(mid, width)                                                                   \
    {                                                                                        \
        .name = "p", .kind = SELECT_PULSES, .fit = true, .why = "because", .compared = true, \
        .midpoint = mid, .bound = width                                                      \
    }
#define PEER(mid, width)                                                                      \
    {                                                                                         \
        .name = "s", .kind = SELECT_SAMPLES, .fit = true, .why = "because", .compared = true, \
        .midpoint = mid, .bound = width                                                       \
    }

#define SERVER(mid, width)                                                                  \
    {                                                                                       \
        .name = "n", .kind = SELECT_PEERS, .fit = true, .why = "because", .compared = true, \
        .midpoint = mid, .bound = width                                                     \
    }

static int lead(const struct candidate *c, int count, int leader, struct selected *out)
{
    select_leader(c, count, leader, 1e-5, out);
    return out->leader;
}

static void nobody_and_one(void **state)
{
    (void)state;
    struct selected s;
    struct candidate one[] = {PULSES(0, 1e-5)};
    assert_int_equal(lead(one, 0, -1, &s), -1);
    assert_int_equal(lead(one, 1, -1, &s), 0);
    assert_string_equal(s.of[0].why, "leads: because");
    one[0].compared = false;
    assert_int_equal(lead(one, 1, -1, &s), 0);
    assert_int_equal(lead(one, 1, 0, &s), 0);
    one[0].noselect = true;
    assert_int_equal(lead(one, 1, 0, &s), -1);
    assert_non_null(strstr(s.of[0].why, "noselect"));
    one[0].noselect = false;
    one[0].fit = false;
    assert_int_equal(lead(one, 1, 0, &s), -1);
    assert_string_equal(s.of[0].why, "not used: because");
    /* alone, it may say what it wants */
    struct candidate far[] = {PULSES(1, 1e-5)};
    assert_int_equal(lead(far, 1, 0, &s), 0);
}

static void a_majority_decides(void **state)
{
    (void)state;
    struct selected s;
    struct candidate c[] = {PULSES(1, 1e-5), PULSES(0, 1e-5), PULSES(8e-6, 1e-5)};
    assert_int_equal(lead(c, 3, 0, &s), 1);
    assert_int_equal(s.of[0].verdict, VERDICT_FALSE);
    assert_non_null(strstr(s.of[0].why, "1 s off"));
    assert_int_equal(s.of[1].verdict, VERDICT_LEADS);
    assert_int_equal(s.of[2].verdict, VERDICT_STANDBY);
    assert_false(s.disputed);
}

/* B5: the receiver alone against three servers that agree. */
static void b5_three_servers_against_a_receiver(void **state)
{
    (void)state;
    struct selected s;
    struct candidate c[] = {PULSES(0.5, 1e-5), PEER(0, 0.01), PEER(2e-3, 0.02), PEER(-1e-3, 0.01)};
    assert_int_equal(lead(c, 4, 0, &s), 1);
    assert_int_equal(s.of[0].verdict, VERDICT_FALSE);
    /* and inside their bounds it leads, for it is the better kind */
    c[0].midpoint = 1e-3;
    assert_int_equal(lead(c, 4, -1, &s), 0);
    assert_int_equal(lead(c, 4, 2, &s), 0);
    /* one server of four that is off */
    struct candidate d[] = {PEER(1, 0.01), PEER(0, 0.01), PEER(1e-3, 0.01), PEER(0, 0.02)};
    lead(d, 4, -1, &s);
    assert_int_equal(s.of[0].verdict, VERDICT_FALSE);
    assert_int_equal(s.leader, 1);
}

/* What a trusted source says decides, however many say otherwise. */
static void a_trusted_one_outvotes(void **state)
{
    (void)state;
    struct selected s;
    struct candidate c[] = {PULSES(0.5, 1e-5), SERVER(0.5, 0.01), SERVER(0.5, 0.01),
                            SERVER(0, 0.01)};
    assert_int_equal(lead(c, 4, 0, &s), 0);
    c[3].trusted = true;
    assert_int_equal(lead(c, 4, 0, &s), 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(s.of[i].verdict, VERDICT_FALSE);
        assert_non_null(strstr(s.of[i].why, "trusted"));
    }
    /* it decides who is right, not who leads: a receiver that agrees is the better kind */
    c[0].midpoint = 1e-3;
    assert_int_equal(lead(c, 4, 3, &s), 0);
    assert_int_equal(s.of[3].verdict, VERDICT_STANDBY);
    /* another trusted one contradicts it: nobody decides */
    c[1].trusted = true;
    assert_int_equal(lead(c, 4, -1, &s), -1);
    assert_true(s.disputed);
    /* ... and a third one does */
    c[2].trusted = true;
    lead(c, 4, -1, &s);
    assert_int_equal(s.of[3].verdict, VERDICT_FALSE);
    assert_int_equal(s.of[0].verdict, VERDICT_FALSE);
    /* not fit, it says nothing */
    c[1].trusted = c[2].trusted = c[3].fit = false;
    assert_int_equal(lead(c, 4, -1, &s), 1);
}

/* Servers that agree are used together; behind a receiver they stand by. */
static void servers_are_combined(void **state)
{
    (void)state;
    struct selected s;
    struct candidate c[] = {PULSES(0, 1e-5), SERVER(0, 0.01), SERVER(1e-3, 0.012), SERVER(1, 0.01)};
    assert_int_equal(lead(c, 4, -1, &s), 0);
    assert_int_equal(s.of[1].verdict, VERDICT_STANDBY);
    assert_non_null(strstr(s.of[1].why, "takes over when"));
    c[0].fit = false;
    assert_int_equal(lead(c, 4, -1, &s), 1);
    assert_int_equal(s.of[2].verdict, VERDICT_COMBINED);
    assert_non_null(strstr(s.of[2].why, "used: "));
    assert_int_equal(s.of[3].verdict, VERDICT_FALSE);
    assert_non_null(strstr(s.of[3].why, "another server"));
    select_hold(&s, 4);
    assert_int_equal(s.leader, -1);
    for (int i = 1; i < 3; i++)
        assert_int_equal(s.of[i].verdict, VERDICT_STANDBY);
    assert_non_null(strstr(s.of[1].why, "holdover"));
    assert_int_equal(s.of[3].verdict, VERDICT_FALSE);
}

static void two_that_disagree(void **state)
{
    (void)state;
    struct selected s;
    struct candidate c[] = {PULSES(0, 1e-5), PULSES(1, 1e-5)};
    /* nobody led: nothing is followed */
    assert_int_equal(lead(c, 2, -1, &s), -1);
    assert_true(s.disputed);
    assert_int_equal(s.of[0].verdict, VERDICT_UNDECIDED);
    assert_non_null(strstr(s.of[1].why, "third source"));
    /* the one that leads and did not jump stays */
    assert_int_equal(lead(c, 2, 0, &s), 0);
    assert_non_null(strstr(s.of[0].why, "did not jump"));
    /* the leader jumped; the other agrees with the clock's own course */
    struct candidate d[] = {PULSES(1e-3, 1e-5), PULSES(2e-6, 1e-5)};
    d[0].jumped = true;
    assert_int_equal(lead(d, 2, 0, &s), 1);
    assert_int_equal(s.of[0].verdict, VERDICT_FALSE);
    /* ... or does not either: nothing is followed */
    d[1].midpoint = 2e-3;
    assert_int_equal(lead(d, 2, 0, &s), -1);
    /* two against two */
    struct candidate e[] = {PULSES(0, 1e-5), PULSES(0, 1e-5), PULSES(1, 1e-5), PULSES(1, 1e-5)};
    assert_int_equal(lead(e, 4, -1, &s), -1);
    assert_int_equal(lead(e, 4, 2, &s), 2);
}

static void who_of_those_that_agree(void **state)
{
    (void)state;
    struct selected s;
    struct candidate c[] = {PULSES(0, 1e-5), PULSES(0, 8e-6), PEER(0, 1e-6), PULSES(0, 7e-6)};
    assert_int_equal(lead(c, 4, -1, &s), 3);
    /* two that are about as good do not take turns */
    for (int i = 0; i < 4; i++)
        assert_int_equal(lead(c, 4, i, &s), i == 2 ? 3 : i);
    c[3].bound = 3e-6;
    assert_int_equal(lead(c, 4, 0, &s), 3);
    c[1].prefer = true;
    assert_int_equal(lead(c, 4, 3, &s), 1);
    c[1].doubtful = true;
    assert_int_equal(lead(c, 4, 1, &s), 3);
    assert_int_equal(s.of[1].verdict, VERDICT_STANDBY);
    /* the only one left is followed, doubtful or not */
    c[0].fit = c[2].fit = c[3].fit = false;
    assert_int_equal(lead(c, 4, 3, &s), 1);
}

static void a_new_one_waits(void **state)
{
    (void)state;
    struct selected s;
    struct candidate c[] = {PULSES(0, 1e-5), PULSES(0, 1e-9)};
    c[1].compared = false;
    c[1].prefer = true;
    assert_int_equal(lead(c, 2, 0, &s), 0);
    assert_int_equal(s.of[1].verdict, VERDICT_NEW);
    c[1].compared = true;
    assert_int_equal(lead(c, 2, 0, &s), 1);
    /* at the start there is nothing to be compared with: the best kind begins */
    c[0].compared = c[1].compared = false;
    assert_int_equal(lead(c, 2, -1, &s), 1);
}

static void every_source_has_its_sentence(void **state)
{
    (void)state;
    struct selected s;
    for (int mask = 0; mask < 1 << 6; mask++)
        for (int leader = -1; leader < 3; leader++) {
            struct candidate c[] = {PULSES(0, 1e-5), PULSES(1e-3, 1e-5), PEER(2e-3, 1e-5)};
            for (int i = 0; i < 3; i++) {
                c[i].fit = mask >> i & 1;
                c[i].compared = mask >> (i + 3) & 1;
            }
            lead(c, 3, leader, &s);
            for (int i = 0; i < 3; i++) {
                assert_true(strlen(s.of[i].why) > 8);
                assert_int_equal(s.of[i].verdict == VERDICT_LEADS, s.leader == i);
                assert_non_null(select_verdict_name(s.of[i].verdict));
            }
            assert_true(s.leader < 0 || c[s.leader].fit);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_and_one),
        cmocka_unit_test(a_majority_decides),
        cmocka_unit_test(b5_three_servers_against_a_receiver),
        cmocka_unit_test(a_trusted_one_outvotes),
        cmocka_unit_test(servers_are_combined),
        cmocka_unit_test(two_that_disagree),
        cmocka_unit_test(who_of_those_that_agree),
        cmocka_unit_test(a_new_one_waits),
        cmocka_unit_test(every_source_has_its_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
