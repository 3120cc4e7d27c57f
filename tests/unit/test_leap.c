/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which leap indicator is served, of every mix of witnesses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/civil.h"
#include "refclock/leap.h"

#define DAY INT64_C(86400)

static int64_t day(int year, int month, int of_month)
{
    struct civil c = {.year = year, .month = month, .day = of_month};
    return civil_to_posix(&c);
}

/* The end of 2026: the last day begins at LAST, the change is at END. */
#define END  day(2027, 1, 1)
#define LAST (END - DAY)
#define NOON (END - DAY / 2)

static struct leap_claim claim(int tai, bool confirmed, enum leap change, int64_t at)
{
    return (struct leap_claim){.tai = tai, .confirmed = confirmed, .change = change, .at = at};
}

static void list_says(struct leap_table *t, enum leap change, int64_t at, int64_t expires)
{
    struct leap_claim c = claim(37, true, change, at);
    leap_say(t, LEAP_BY_LIST, "leap-seconds.list", &c, day(2026, 7, 1), expires, LAST - 100 * DAY);
}

static void receiver_says(struct leap_table *t, const char *name, enum leap change, int64_t at,
                          int64_t now)
{
    struct leap_claim c = claim(37, true, change, at);
    leap_say(t, LEAP_BY_RECEIVER, name, &c, 0, 0, now);
}

static void servers_say(struct leap_table *t, int yes, int no, enum leap change, int64_t now)
{
    for (int i = 0; i < yes + no; i++) {
        char name[32];
        struct leap_claim c = claim(LEAP_COUNT_UNKNOWN, false, i < yes ? change : LEAP_NONE, 0);
        snprintf(name, sizeof name, "192.0.2.%d", i);
        leap_say(t, LEAP_BY_SERVER, name, &c, 0, 0, now);
    }
}

static struct leap_verdict judged(const struct leap_table *t, int64_t now)
{
    struct leap_verdict v;
    leap_judge(t, now, &v);
    return v;
}

static void nobody_knows(void **state)
{
    (void)state;
    struct leap_table t = {0};
    struct leap_verdict v = judged(&t, NOON);
    assert_int_equal(v.served, LEAP_NONE);
    assert_int_equal(v.tai, LEAP_COUNT_UNKNOWN);
    assert_int_equal(v.rule, 0);
    assert_non_null(strstr(v.why, "nobody"));
}

static void d8_a_list_decides_and_only_on_the_last_day(void **state)
{
    (void)state;
    for (enum leap change = LEAP_INSERT; change <= LEAP_DELETE; change++) {
        struct leap_table t = {0};
        list_says(&t, change, END, END + 180 * DAY);
        servers_say(&t, 0, 4, LEAP_NONE, NOON);
        receiver_says(&t, "gps", LEAP_NONE, 0, NOON);
        assert_int_equal(judged(&t, LAST - 1).served, LEAP_NONE);
        assert_int_equal(judged(&t, LAST - 1).change, change);
        assert_int_equal(judged(&t, LAST).served, change);
        assert_int_equal(judged(&t, END - 1).served, change);
        assert_int_equal(judged(&t, END).served, LEAP_NONE);
        assert_int_equal(judged(&t, NOON).rule, 'a');
        assert_true(judged(&t, NOON).at == END);
        assert_int_equal(judged(&t, NOON).tai, 37);
    }
}

static void d8_a_list_that_holds_denies_receivers_and_servers(void **state)
{
    (void)state;
    struct leap_table t = {0};
    list_says(&t, LEAP_NONE, 0, END + 180 * DAY);
    receiver_says(&t, "gps", LEAP_INSERT, END, NOON - 9000);
    servers_say(&t, 4, 0, LEAP_INSERT, NOON);
    assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    assert_int_equal(judged(&t, NOON).rule, 'a');
}

static void d8_without_a_list_the_receiver_decides(void **state)
{
    (void)state;
    struct leap_table t = {0};
    list_says(&t, LEAP_NONE, 0, LAST - 3); /* expired */
    receiver_says(&t, "gps", LEAP_INSERT, END, NOON);
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
    assert_int_equal(judged(&t, NOON).rule, 'b');
    servers_say(&t, 0, 2, LEAP_NONE, NOON); /* two are no majority of three */
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
    servers_say(&t, 1, 2, LEAP_INSERT, NOON);
    assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    servers_say(&t, 2, 1, LEAP_INSERT, NOON);
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
    servers_say(&t, 2, 2, LEAP_INSERT, NOON); /* a tie is no majority */
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
    assert_int_equal(judged(&t, LAST - 1).change, LEAP_INSERT);
    assert_int_equal(judged(&t, LAST - 1).served, LEAP_NONE);
}

static void d8_a_flag_without_a_date_must_stand_for_an_hour(void **state)
{
    (void)state;
    struct leap_table t = {0};
    for (int64_t s = 0; s <= 4000; s += 10) {
        receiver_says(&t, "gps", LEAP_INSERT, 0, NOON + s);
        assert_int_equal(judged(&t, NOON + s).served, s < 3600 ? LEAP_NONE : LEAP_INSERT);
    }
    receiver_says(&t, "gps", LEAP_NONE, 0, NOON + 4010); /* it vanishes ... */
    assert_int_equal(judged(&t, NOON + 4010).served, LEAP_NONE);
    receiver_says(&t, "gps", LEAP_INSERT, 0, NOON + 4020); /* ... and begins anew */
    assert_int_equal(judged(&t, NOON + 4020).served, LEAP_NONE);
    assert_int_equal(judged(&t, NOON + 4020 + 3600).served, LEAP_INSERT);
    assert_int_equal(judged(&t, NOON + 4020 + 4 * 3600).served, LEAP_NONE); /* not said again */
}

static void d8_no_day_but_the_last_of_june_and_december(void **state)
{
    (void)state;
    for (int month = 1; month <= 12; month++) {
        int64_t at = day(2027, month, 1);
        struct leap_table t = {0}, flag = {0};
        receiver_says(&t, "gps", LEAP_INSERT, at, at - 9000);
        receiver_says(&flag, "gps", LEAP_INSERT, 0, at - 9000);
        servers_say(&flag, 4, 0, LEAP_INSERT, at - 10);
        enum leap expected = month == 1 || month == 7 ? LEAP_INSERT : LEAP_NONE;
        assert_int_equal(judged(&t, at - 10).served, expected);
        assert_int_equal(judged(&flag, at - 10).served, expected);
    }
    /* 2021-11-27, -11-30; 2012-07-31, -08-31: false alarms of the past */
    const int64_t false_days[] = {day(2021, 11, 28), day(2021, 12, 1), day(2012, 8, 1),
                                  day(2012, 9, 1)};
    for (size_t i = 0; i < sizeof false_days / sizeof *false_days; i++) {
        struct leap_table t = {0};
        servers_say(&t, 4, 0, LEAP_INSERT, false_days[i] - 10);
        assert_int_equal(judged(&t, false_days[i] - 10).served, LEAP_NONE);
    }
}

static void d8_announced_for_september_instead_of_december(void **state)
{
    (void)state;
    struct leap_table t = {0};
    int64_t at = day(2026, 10, 1);
    receiver_says(&t, "gps", LEAP_INSERT, at, at - 9000);
    assert_int_equal(judged(&t, at - 10).served, LEAP_NONE);
    assert_int_equal(leap_standing(&t.witness[0], at - 10), LEAP_WRONG_DAY);
    receiver_says(&t, "gps", LEAP_INSERT, END, NOON); /* it comes to its senses */
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
}

static void d8_servers_only_by_majority(void **state)
{
    (void)state;
    static const struct {
        int yes, no;
        enum leap served;
    } rows[] = {{1, 3, LEAP_NONE},   {2, 2, LEAP_NONE},   {3, 1, LEAP_INSERT},
                {4, 0, LEAP_INSERT}, {2, 1, LEAP_INSERT}, {1, 2, LEAP_NONE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct leap_table t = {0};
        servers_say(&t, rows[i].yes, rows[i].no, LEAP_INSERT, NOON);
        assert_int_equal(judged(&t, NOON).served, rows[i].served);
        assert_int_equal(judged(&t, NOON).rule, 'c');
        receiver_says(&t, "nmea", LEAP_UNKNOWN, 0, NOON); /* which knows of no leap seconds */
        assert_int_equal(judged(&t, NOON).served, rows[i].served);
        receiver_says(&t, "gps", LEAP_NONE, 0, NOON);
        assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    }
}

static void several_receivers(void **state)
{
    (void)state;
    struct leap_table t = {0};
    receiver_says(&t, "a", LEAP_INSERT, END, NOON);
    receiver_says(&t, "b", LEAP_NONE, 0, NOON);
    assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    receiver_says(&t, "c", LEAP_INSERT, END - 1, NOON); /* rounded by the receiver */
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
    leap_forget(&t, LEAP_BY_RECEIVER, "a");
    assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    leap_forget(&t, LEAP_BY_RECEIVER, "a");
    assert_int_equal(t.count, 2);
}

static void a_receiver_may_be_away_when_it_comes(void **state)
{
    (void)state;
    struct leap_table t = {0};
    receiver_says(&t, "gps", LEAP_INSERT, END, LAST - 3 * DAY);
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
    assert_int_equal(judged(&t, END + 1).served, LEAP_NONE);
}

static void the_kernel_is_no_witness(void **state)
{
    (void)state;
    struct leap_table t = {0};
    struct leap_claim c = claim(37, true, LEAP_INSERT, END);
    leap_say(&t, LEAP_BY_KERNEL, "kernel", &c, 0, 0, NOON);
    assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    assert_int_equal(judged(&t, NOON).tai, LEAP_COUNT_UNKNOWN);
}

static void d10_lists_that_do_not_hold(void **state)
{
    (void)state;
    struct leap_table t = {0};
    struct leap_claim c = claim(37, true, LEAP_INSERT, END);
    list_says(&t, LEAP_INSERT, END, NOON - 1);
    assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    assert_int_equal(leap_standing(&t.witness[0], NOON), LEAP_EXPIRED);
    leap_say(&t, LEAP_BY_LIST, "leap-seconds.list", &c, END + 9 * DAY, END + 99 * DAY, NOON);
    assert_int_equal(leap_standing(&t.witness[0], NOON), LEAP_TOO_NEW);
    assert_int_equal(judged(&t, NOON).served, LEAP_NONE);
    /* the time zone database stands in */
    leap_say(&t, LEAP_BY_ZONE, "leapseconds", &c, LAST - DAY, END + 99 * DAY, NOON);
    assert_int_equal(judged(&t, NOON).served, LEAP_INSERT);
}

static void d6_a_count_that_is_only_assumed(void **state)
{
    (void)state;
    struct leap_table t = {0};
    struct leap_claim assumed = claim(37, false, LEAP_UNKNOWN, 0),
                      other = claim(36, false, LEAP_UNKNOWN, 0),
                      received = claim(36, true, LEAP_NONE, 0),
                      unknown = claim(LEAP_COUNT_UNKNOWN, false, LEAP_UNKNOWN, 0),
                      flag = claim(LEAP_COUNT_UNKNOWN, false, LEAP_NONE, 0);
    assert_false(leap_count_confirmed(&t, &assumed, NOON));
    assert_true(leap_count_confirmed(&t, &received, NOON));
    assert_false(leap_count_confirmed(&t, &unknown, NOON));
    assert_true(leap_count_confirmed(&t, &flag, NOON));
    list_says(&t, LEAP_NONE, 0, END + 180 * DAY);
    assert_true(leap_count_confirmed(&t, &assumed, NOON));
    assert_false(leap_count_confirmed(&t, &other, NOON));
    list_says(&t, LEAP_NONE, 0, NOON - 1);
    assert_false(leap_count_confirmed(&t, &assumed, NOON));
}

/* NAV-TIMEGPS says the count, NAV-TIMELS the change. */
static void d6_what_a_receiver_says_in_two_messages(void **state)
{
    (void)state;
    struct leap_table t = {0};
    struct leap_claim unsaid = claim(LEAP_COUNT_UNKNOWN, false, LEAP_UNKNOWN, 0),
                      assumed = claim(36, false, LEAP_UNKNOWN, 0),
                      count = claim(37, true, LEAP_UNKNOWN, 0),
                      change = claim(LEAP_COUNT_UNKNOWN, false, LEAP_INSERT, END),
                      restarted = claim(37, false, LEAP_UNKNOWN, 0);
    assert_false(leap_count_assumed(&t, "gps", NOON));
    leap_say(&t, LEAP_BY_RECEIVER, "gps", &unsaid, 0, 0, NOON);
    assert_true(leap_count_assumed(&t, "gps", NOON));
    leap_say(&t, LEAP_BY_RECEIVER, "gps", &assumed, 0, 0, NOON);
    assert_true(leap_count_assumed(&t, "gps", NOON));
    for (int i = 0; i < 3; i++) {
        leap_say(&t, LEAP_BY_RECEIVER, "gps", &count, 0, 0, NOON + i);
        leap_say(&t, LEAP_BY_RECEIVER, "gps", &change, 0, 0, NOON + i);
        leap_say(&t, LEAP_BY_RECEIVER, "gps", &count, 0, 0, NOON + i);
        assert_int_equal(judged(&t, NOON + i).served, LEAP_INSERT);
        assert_int_equal(judged(&t, NOON + i).tai, 37);
    }
    leap_say(&t, LEAP_BY_RECEIVER, "gps", &restarted, 0, 0, NOON + 9);
    assert_false(leap_count_assumed(&t, "gps", NOON + 9));
    leap_say(&t, LEAP_BY_RECEIVER, "gps", &assumed, 0, 0, NOON + 10);
    assert_true(leap_count_assumed(&t, "gps", NOON + 10));
}

static void a_full_table_takes_no_more(void **state)
{
    (void)state;
    struct leap_table t = {0};
    servers_say(&t, LEAP_WITNESSES_MAX + 5, 0, LEAP_INSERT, NOON);
    assert_int_equal(t.count, LEAP_WITNESSES_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_knows),
        cmocka_unit_test(d8_a_list_decides_and_only_on_the_last_day),
        cmocka_unit_test(d8_a_list_that_holds_denies_receivers_and_servers),
        cmocka_unit_test(d8_without_a_list_the_receiver_decides),
        cmocka_unit_test(d8_a_flag_without_a_date_must_stand_for_an_hour),
        cmocka_unit_test(d8_no_day_but_the_last_of_june_and_december),
        cmocka_unit_test(d8_announced_for_september_instead_of_december),
        cmocka_unit_test(d8_servers_only_by_majority),
        cmocka_unit_test(several_receivers),
        cmocka_unit_test(a_receiver_may_be_away_when_it_comes),
        cmocka_unit_test(the_kernel_is_no_witness),
        cmocka_unit_test(d10_lists_that_do_not_hold),
        cmocka_unit_test(d6_a_count_that_is_only_assumed),
        cmocka_unit_test(d6_what_a_receiver_says_in_two_messages),
        cmocka_unit_test(a_full_table_takes_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
