/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NTP Pool's scoring as arithmetic, its net speeds, and what a monitor makes of an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <math.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/snapshot.h"
#include "server/ctl/pool_capacity.h"
#include "server/ctl/pool_monitor.h"
#include "server/ctl/pool_score.h"

static struct pool_query answer(int stratum, double offset)
{
    return (struct pool_query){.result = POOL_ANSWERED, .stratum = stratum, .offset = offset};
}

static struct pool_step step_of(enum pool_result result)
{
    struct pool_query q = {.result = result};
    return pool_score_step(&q);
}

static void near(double value, double expected)
{
    if (!(fabs(value - expected) <= 5e-3))
        fail_msg("%g, not %g", value, expected);
}

static void each_result_has_its_step_and_cap(void **state)
{
    static const struct {
        enum pool_result result;
        double step, cap;
    } table[] = {
        {POOL_SILENT, -5, INFINITY}, {POOL_RATE, -3.5, INFINITY},  {POOL_DENY, -10, -50},
        {POOL_STRATUM_0, -2, 5},     {POOL_STRATUM, -4, INFINITY},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct pool_step s = step_of(table[i].result);
        assert_true(s.step == table[i].step && s.cap == table[i].cap);
        assert_non_null(s.why);
        assert_non_null(s.todo);
    }
}

static void each_offset_has_its_step(void **state)
{
    static const struct {
        int stratum;
        double offset, step, cap;
    } table[] = {
        {1, 0, 1, INFINITY},         {1, 0.025, 1, INFINITY},    {2, -0.024, 1, INFINITY},
        {7, 0.0251, 1, INFINITY},    {1, 0.05, 0.833, INFINITY}, {1, 0.1, 0.5, INFINITY},
        {1, -0.1001, 0.5, INFINITY}, {1, 0.317, 0, INFINITY},    {1, -0.75, -1, INFINITY},
        {1, 0.751, -2, INFINITY},    {1, 3, -2, INFINITY},       {1, -3.01, -4, -20},
        {8, 0, -4, INFINITY},        {10, 0.05, -4, INFINITY},   {8, 3.5, -4, -20},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct pool_query q = answer(table[i].stratum, table[i].offset);
        struct pool_step s = pool_score_step(&q);
        near(s.step, table[i].step);
        assert_true(s.cap == table[i].cap);
        assert_int_equal(s.todo == NULL, table[i].step == 1 && fabs(table[i].offset) <= 0.025);
    }
}

/* The courses that the pool's operators and users quote. */
static void the_courses_of_scores(void **state)
{
    struct pool_query q = answer(1, 0), lopsided = answer(1, 0.1);
    struct pool_step good = pool_score_step(&q), silent = step_of(POOL_SILENT), deny, wrong;
    (void)state;
    near(pool_score_steady(&good), 20);
    assert_int_equal(pool_score_checks(0, &good, POOL_IN), 14);
    assert_int_equal(pool_score_checks(10, &good, POOL_IN), 0);
    near(pool_score_next(20, &silent), 14);
    near(pool_score_next(14, &silent), 8.3);
    assert_int_equal(pool_score_checks(0, &silent, POOL_IN), -1);
    deny = step_of(POOL_DENY);
    near(pool_score_next(20, &deny), -50);
    near(pool_score_steady(&deny), -200);
    assert_int_equal(pool_score_checks(-50, &good, POOL_IN), 38);
    q.offset = 4;
    wrong = pool_score_step(&q);
    near(pool_score_next(20, &wrong), -20);
    assert_int_equal(pool_score_checks(-20, &good, POOL_IN), 28);
    struct pool_step edge = pool_score_step(&lopsided);
    near(pool_score_steady(&edge), 10.006); /* just in */
    assert_int_equal(pool_score_checks(0, &(struct pool_step){1, 5, "", NULL}, POOL_IN), -1);
}

static void the_best_answer_counts_and_a_refusal_ends_it(void **state)
{
    struct pool_query q[3] = {answer(1, 0.5), {.result = POOL_SILENT}, answer(1, 0.001)};
    (void)state;
    q[0].trip = 0.3;
    q[2].trip = 0.1;
    assert_ptr_equal(pool_score_choose(q, 3), &q[2]);
    q[2].result = POOL_SILENT;
    assert_ptr_equal(pool_score_choose(q, 3), &q[0]);
    q[0].result = POOL_SILENT;
    assert_int_equal(pool_score_choose(q, 3)->result, POOL_SILENT);
    q[1].result = POOL_ANSWERED;
    assert_ptr_equal(pool_score_choose(q, 3), &q[1]);
    for (enum pool_result r = POOL_RATE; r < POOL_RESULTS; r++) {
        q[2].result = r;
        assert_true(pool_score_final(&q[2]));
        assert_ptr_equal(pool_score_choose(q, 3), &q[2]);
    }
}

static void addresses_that_the_pool_does_not_take(void **state)
{
    static const struct {
        const char *text, *why;
    } table[] = {
        {"127.0.0.1", "loopback"},
        {"10.1.2.3", "private"},
        {"172.31.0.1", "private"},
        {"172.32.0.1", NULL},
        {"192.168.1.1", "private"},
        {"100.64.1.1", "private"},
        {"169.254.1.1", "link-local"},
        {"224.0.1.1", "multicast"},
        {"255.255.255.255", "reserved"},
        {"0.0.0.0", "reserved"},
        {"203.0.113.9", "documentation"},
        {"193.0.0.1", NULL},
        {"::1", "loopback"},
        {"fe80::1", "link-local"},
        {"fd00::1", "private"},
        {"ff02::1", "multicast"},
        {"2001:db8::1", "documentation"},
        {"2a02::1", NULL},
        {"::", "reserved"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        union address a = {0};
        a.any.sa_family = strchr(table[i].text, ':') ? AF_INET6 : AF_INET;
        void *to = a.any.sa_family == AF_INET ? (void *)&a.v4.sin_addr : (void *)&a.v6.sin6_addr;
        assert_int_equal(inet_pton(a.any.sa_family, table[i].text, to), 1);
        const char *why = pool_address_refused(&a);
        if (table[i].why ? !why || strcmp(why, table[i].why) != 0 : why != NULL)
            fail_msg("%s: %s", table[i].text, why ? why : "taken");
    }
}

static void net_speeds_as_answers_per_second(void **state)
{
    (void)state;
    near(pool_capacity_rate(608), 1000);
    near(pool_capacity_kbit(1000), 608);
    assert_int_equal(pool_capacity_setting(800), 0);
    assert_int_equal(pool_capacity_setting(pool_capacity_rate(512)), 512);
    assert_int_equal(pool_capacity_setting(20000), 12000);
    assert_int_equal(pool_capacity_setting(1e9), 3000000);
}

#define LEFT (INT64_C(1795521600) * NS_PER_S)

/* The server's clock is 10 ms ahead, and each way takes 5 ms, or `back` the way back. */
static bool judge(struct ntp_packet *p, int64_t back, struct pool_query *q)
{
    struct ntp_packet request = {.version = 4, .mode = WIRE_MODE_CLIENT, .transmit = 0x1234};
    uint8_t asked[WIRE_SIZE], bytes[WIRE_SIZE];
    p->receive = civil_to_ntp(LEFT + 15000000);
    p->transmit = civil_to_ntp(LEFT + 16000000);
    wire_encode(&request, asked);
    wire_encode(p, bytes);
    return pool_monitor_judge(asked, LEFT, bytes, sizeof bytes, LEFT + 6000000 + back, q);
}

static void a_monitor_judges_answers(void **state)
{
    struct ntp_packet good = {
        .version = 4, .mode = WIRE_MODE_SERVER, .stratum = 1, .origin = 0x1234};
    struct ntp_packet p = good;
    struct pool_query q;
    (void)state;
    assert_true(judge(&p, 5000000, &q));
    assert_int_equal(q.result, POOL_ANSWERED);
    assert_true(fabs(q.offset - 0.010) < 1e-8 && fabs(q.trip - 0.010) < 1e-8 && !q.unknown);
    assert_true(judge(&p, 15000000, &q));
    assert_true(fabs(q.offset - 0.005) < 1e-8 && fabs(q.trip - 0.020) < 1e-8);
    p.leap = LEAP_UNKNOWN;
    assert_true(judge(&p, 5000000, &q));
    assert_true(q.result == POOL_ANSWERED && q.unknown);
    static const struct {
        uint8_t stratum;
        uint32_t refid;
        enum pool_result result;
    } table[] = {
        {0, SNAPSHOT_REFID('R', 'A', 'T', 'E'), POOL_RATE},
        {0, SNAPSHOT_REFID('D', 'E', 'N', 'Y'), POOL_DENY},
        {0, SNAPSHOT_REFID('R', 'S', 'T', 'R'), POOL_DENY},
        {0, SNAPSHOT_REFID('I', 'N', 'I', 'T'), POOL_STRATUM_0},
        {10, 1, POOL_ANSWERED},
        {11, 1, POOL_STRATUM},
        {16, 1, POOL_STRATUM},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        p = good;
        p.stratum = table[i].stratum;
        p.refid = table[i].refid;
        assert_true(judge(&p, 5000000, &q));
        assert_int_equal(q.result, table[i].result);
    }
    p = good;
    p.origin++; /* not of this request */
    assert_false(judge(&p, 5000000, &q));
    p = good;
    p.mode = WIRE_MODE_CLIENT;
    assert_false(judge(&p, 5000000, &q));
    p = good;
    p.version = 3;
    assert_false(judge(&p, 5000000, &q));
    assert_false(pool_monitor_judge((uint8_t[WIRE_SIZE]){0}, 0, (uint8_t[1]){0}, 1, 0, &q));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_result_has_its_step_and_cap),
        cmocka_unit_test(each_offset_has_its_step),
        cmocka_unit_test(the_courses_of_scores),
        cmocka_unit_test(the_best_answer_counts_and_a_refusal_ends_it),
        cmocka_unit_test(addresses_that_the_pool_does_not_take),
        cmocka_unit_test(net_speeds_as_answers_per_second),
        cmocka_unit_test(a_monitor_judges_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
