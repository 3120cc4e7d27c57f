/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The whole way of NMEA bytes: what is vouched for, with which date, and when. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/receiver/epochs.h"
#include "drivers/nmea/nmea.h"
#include "refclock/civil.h"
#include "sentence.h"

#define MS INT64_C(1000000)

struct text {
    size_t length;
    char bytes[8192];
};

#define SAY(t, ...) \
    ((t)->length = sentence_add((t)->bytes, (t)->length, sizeof(t)->bytes, __VA_ARGS__))

static void append_line(void *arg, const struct epoch *e)
{
    char line[48];
    struct text *all = arg;
    all->length += (size_t)snprintf(all->bytes + all->length, sizeof all->bytes - all->length,
                                    "%s\n", epochs_line(e, line, sizeof line));
}

/* The epochs of a text, a line each, must be these. */
static void expect(const struct text *t, const char *pivot, const char *lines)
{
    struct text all = {0};
    int64_t seconds;
    assert_int_equal(civil_parse_date(pivot, &seconds), 0);
    epochs_scan(t->bytes, t->length, seconds, append_line, &all);
    assert_string_equal(all.bytes, lines);
}

static void rmc(struct text *t, const char *tod, const char *date)
{
    SAY(t, "GNRMC,%s,A,4404.1,N,12118.8,W,0.0,,%s,,,A", tod, date);
}

static void gga(struct text *t, const char *tod, int quality)
{
    SAY(t, "GNGGA,%s,4404.1,N,12118.8,W,%d,12,0.9,10.0,M,0.0,M,,", tod, quality);
}

static void an_epoch_is_said_once(void **state)
{
    (void)state;
    struct text t = {0};
    for (int s = 1; s < 4; s++)
        for (int order = 0; order < 3; order++) {
            SAY(&t, "GPZDA,12000%d.00,24,11,2026,00,00", s);
            SAY(&t, "GPRMC,12000%d.000,A,,,,,,,241126,,,A", s);
            SAY(&t, "GPGGA,12000%d,,,,,1", s);
            SAY(&t, "GPGLL,,,,,12000%d.0,A,A", s);
        }
    expect(&t, "2026-11-24",
           "2026-11-24T12:00:01.000Z A\n2026-11-24T12:00:02.000Z A\n2026-11-24T12:00:03.000Z A\n");
}

static void a_witness_vouches_and_any_sentence_denies(void **state)
{
    (void)state;
    static const struct {
        const char *sentences[4];
        char verdict;
    } cases[] = {
        {{"GPRMC,120001,A,,,,,,,241126"}, 'A'},
        {{"GPRMC,120001,A,,,,,,,241126", "GPGGA,120001,,,,,"}, 'A'},
        {{"GPRMC,120001,A,,,,,,,241126", "GPGGA,120001,,,,,8"}, 'V'},
        {{"GPRMC,120001,A,,,,,,,241126", "GPGGA,120001,,,,,6"}, 'V'},
        {{"GPRMC,120001,A,,,,,,,241126", "GPGGA,120001,,,,,0"}, 'V'},
        {{"GPRMC,120001,A,,,,,,,241126", "GPGLL,,,,,120001,V"}, 'V'},
        {{"GPRMC,120001,A,,,,,,,241126", "GPGLL,,,,,120001,A,E"}, 'V'},
        {{"GPGGA,120001,,,,,1", "GPRMC,120001,V,,,,,,,241126"}, 'V'},
        {{"GPGGA,120001,,,,,1", "GPRMC,120001,A,,,,,,,241126,,,S"}, 'V'},
        {{"GPGGA,120001,,,,,1", "GPZDA,120001,24,11,2026,00,00"}, 'A'},
        {{"GPZDA,120001,24,11,2026,00,00"}, 'V'},
        {{"GPZDA,120001,24,11,2026,00,00", "GPGLL,,,,,120001,A,A"}, 'V'},
        {{"GPZDA,120001,24,11,2026,00,00", "GPGGA,120001,,,,,"}, 'V'},
        {{"GPZDA,120001,24,11,2026,00,00", "GPGGA,120002,,,,,1"}, 'V'},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text t = {0};
        char lines[64];
        for (int j = 0; j < 4 && cases[i].sentences[j]; j++)
            SAY(&t, "%s", cases[i].sentences[j]);
        snprintf(lines, sizeof lines, "2026-11-24T12:00:01.000Z %c\n", cases[i].verdict);
        expect(&t, "2026-11-24", lines);
    }
}

static void a_lost_fix_is_no_time(void **state)
{
    (void)state;
    struct text t = {0};
    gga(&t, "120001.00", 1);
    rmc(&t, "120001.00", "241126");
    gga(&t, "120002.00", 0);
    SAY(&t, "GNRMC,120002.00,V,,,,,,,241126,,,N");
    SAY(&t, "GNGGA,,,,,,0");
    SAY(&t, "GNRMC,,V,,,,,,,,,,N");
    gga(&t, "120004.00", 1);
    rmc(&t, "120004.00", "241126");
    expect(&t, "2026-11-24",
           "2026-11-24T12:00:01.000Z A\n2026-11-24T12:00:02.000Z V\n2026-11-24T12:00:04.000Z A\n");
}

static void c14_midnight_with_gga_first(void **state)
{
    (void)state;
    struct text t = {0};
    static const char *const tods[] = {"235958.00", "235959.00", "000000.00", "000001.00"};
    for (int i = 0; i < 4; i++) {
        gga(&t, tods[i], 1);
        rmc(&t, tods[i], i < 2 ? "311226" : "010127");
    }
    expect(&t, "2026-11-24",
           "2026-12-31T23:59:58.000Z A\n2026-12-31T23:59:59.000Z A\n"
           "2027-01-01T00:00:00.000Z A\n2027-01-01T00:00:01.000Z A\n");
}

static void c14_midnight_at_10_hz_with_the_date_once_a_second(void **state)
{
    (void)state;
    struct text t = {0};
    rmc(&t, "235959.70", "281226");
    gga(&t, "235959.80", 4);
    gga(&t, "235959.90", 4);
    gga(&t, "000000.00", 4);
    gga(&t, "000000.10", 4);
    rmc(&t, "000000.70", "291226");
    expect(&t, "2026-11-24",
           "2026-12-28T23:59:59.700Z A\n2026-12-28T23:59:59.800Z A\n2026-12-28T23:59:59.900Z A\n"
           "2026-12-29T00:00:00.000Z A\n2026-12-29T00:00:00.100Z A\n2026-12-29T00:00:00.700Z A\n");
}

static void two_dates_are_none(void **state)
{
    (void)state;
    struct text t = {0};
    rmc(&t, "120001.00", "241126");
    SAY(&t, "GNZDA,120001.00,25,11,2026,00,00");
    expect(&t, "2026-11-24", "2026-11-25T12:00:01.000Z V\n");
}

static void c9_leap_second(void **state)
{
    (void)state;
    struct text t = {0};
    rmc(&t, "235959", "311226");
    rmc(&t, "235960", "311226");
    rmc(&t, "000000", "010127");
    expect(&t, "2026-11-24",
           "2026-12-31T23:59:59.000Z A\n2026-12-31T23:59:60.000Z A\n2027-01-01T00:00:00.000Z A\n");
    struct text other = {0}; /* no day for one */
    rmc(&other, "235959", "301226");
    rmc(&other, "235960", "301226");
    rmc(&other, "000000", "311226");
    expect(&other, "2026-11-24", "2026-12-30T23:59:59.000Z A\n2026-12-31T00:00:00.000Z A\n");
}

static void c9_dates_and_eras(void **state)
{
    (void)state;
    static const struct {
        const char *date, *pivot, *lines;
    } cases[] = {
        {"241126", "2026-11-24", "2026-11-24T12:00:01.000Z A\n"},
        {"180315", "2015-03-18", "2015-03-18T12:00:01.000Z A\n"}, /* good: not to be moved */
        {"190214", "2015-03-10", "2014-02-19T12:00:01.000Z A\n"},
        {"081002", "2005-03-18", "2002-10-08T12:00:01.000Z A\n"},
        {"060419", "2010-10-16", "2019-04-06T12:00:01.000Z A\n"},
        {"220899", "2019-03-14", "2019-04-07T12:00:01.000Z A\n"}, /* 1024 weeks back */
        {"100407", "2026-11-24", "2026-11-24T12:00:01.000Z A\n"},
        {"250887", "2026-11-24", "2026-11-24T12:00:01.000Z A\n"}, /* 2048 weeks back */
        {"070236", "2035-01-01", "2036-02-07T12:00:01.000Z A\n"},
        {"190138", "2035-01-01", "2038-01-19T12:00:01.000Z A\n"},
        {"290200", "2098-01-01", ""}, /* 2100 is no leap year */
        {"060180", "2026-11-24", ""}, /* what receivers show before they know better */
        {"010100", "2026-11-24", ""},
        {"220899", "2026-11-24", ""},
        {"010179", "2026-11-24", ""},
        {"310226", "2026-11-24", ""},
        {"290226", "2026-11-24", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct text t = {0};
        rmc(&t, "120001.00", cases[i].date);
        expect(&t, cases[i].pivot, cases[i].lines);
    }
}

static void gll_stands_in_for_a_damaged_witness(void **state)
{
    (void)state;
    struct text t = {0};
    gga(&t, "120001.00", 1);
    rmc(&t, "120001.00", "241126");
    SAY(&t, "GPGLL,,,,,120002.000,A,A");
    t.length += (size_t)sprintf(t.bytes + t.length, "$GPGGA,1200");
    SAY(&t, "GPGLL,,,,,120003.000,A,A"); /* undamaged, and alone */
    SAY(&t, "GPGLL,,,,,120004.000,A,A");
    expect(&t, "2026-11-24",
           "2026-11-24T12:00:01.000Z A\n2026-11-24T12:00:02.000Z A\n"
           "2026-11-24T12:00:03.000Z V\n2026-11-24T12:00:04.000Z V\n");
}

static void sentences_of_one_instant_with_other_digits(void **state)
{
    (void)state;
    struct text t = {0};
    SAY(&t, "GPGLL,,,,,014413.076,A");
    SAY(&t, "GPGGA,014413.08,,,,,1");
    SAY(&t, "GPRMC,014413.0,A,,,,,,,241126,,,A");
    expect(&t, "2026-11-24", "2026-11-24T01:44:13.076Z A\n");
}

static void comment_lines_at_the_head(void **state)
{
    (void)state;
    struct text t = {0};
    t.length = (size_t)sprintf(t.bytes, "# Date: 2026\n# like ");
    rmc(&t, "120001.00", "241126");
    rmc(&t, "120002.00", "241126");
    expect(&t, "2026-11-24", "2026-11-24T12:00:02.000Z A\n");
    t.length = 7;
    expect(&t, "2026-11-24", "");
}

/* The live side. */
struct heard {
    int vouched, denied, skies;
    struct nmea_epoch last;
    struct sky sky;
};

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    struct heard *h = arg;
    h->vouched += e->verdict == NMEA_VOUCHED;
    h->denied += e->verdict != NMEA_VOUCHED;
    h->last = *e;
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct heard *h = arg;
    h->skies++;
    h->sky = *sky;
}

static const struct nmea_sink sink = {.epoch = on_epoch, .sky = on_sky};
static const int64_t pivot = INT64_C(1795478400); /* 2026-11-24 */

static void feed_at(struct nmea *n, const char *body, int64_t at)
{
    char text[256];
    size_t length = sentence_add(text, 0, sizeof text, "%s", body);
    nmea_feed(n, text, length, at);
}

static void a_time_is_said_when_the_usual_witnesses_have_spoken(void **state)
{
    (void)state;
    struct heard h = {0};
    struct nmea n;
    nmea_init(&n, pivot, &sink, &h);
    feed_at(&n, "GPGSA,A,3,01,,,,,,,,,,,,1.6,0.9,1.3", 1000 * MS); /* the burst begins here */
    feed_at(&n, "GPRMC,120001,A,,,,,,,241126,,,A", 1040 * MS);
    nmea_tick(&n, 1339 * MS);
    assert_int_equal(h.vouched, 0); /* perhaps a GGA denies it */
    nmea_tick(&n, 1340 * MS);
    assert_int_equal(h.vouched, 1);
    assert_true(h.last.local == 1000 * MS);
    feed_at(&n, "GPRMC,120002,A,,,,,,,241126,,,A", 2010 * MS);
    assert_int_equal(h.vouched, 2); /* RMC alone is usual now */
    assert_true(h.last.local == 2010 * MS);
    feed_at(&n, "GPGGA,120002,,,,,1", 2020 * MS);
    feed_at(&n, "GPRMC,120003,A,,,,,,,241126,,,A", 3010 * MS);
    assert_int_equal(h.vouched, 2);
    assert_true(nmea_pending(&n));
    feed_at(&n, "GPGGA,120003,,,,,1", 3020 * MS);
    assert_int_equal(h.vouched, 3);
    assert_false(nmea_pending(&n));
    assert_true(h.last.local == 3010 * MS);
    assert_int_equal(h.denied, 0);
    assert_int_equal(n.counts.epochs, 3);
}

static void an_epoch_in_the_middle_of_a_burst_has_its_own_first_byte(void **state)
{
    (void)state;
    struct heard h = {0};
    struct nmea n;
    nmea_init(&n, pivot, &sink, &h);
    feed_at(&n, "GPZDA,120002,24,11,2026,00,00", 1000 * MS); /* a second ahead of the rest */
    feed_at(&n, "GPGGA,120001,,,,,1", 1040 * MS);
    feed_at(&n, "GPRMC,120001,A,,,,,,,241126,,,A", 1080 * MS);
    nmea_flush(&n);
    assert_int_equal(h.vouched, 1);
    assert_true(h.last.local == 1040 * MS);
}

static void c14_a_time_that_stands_still_is_said_once(void **state)
{
    (void)state;
    struct heard h = {0};
    struct nmea n;
    nmea_init(&n, pivot, &sink, &h);
    for (int i = 0; i < 10; i++) {
        feed_at(&n, "GPRMC,120001,A,,,,,,,241126,,,A", i * NS_PER_S);
        nmea_tick(&n, i * NS_PER_S + 500 * MS);
    }
    assert_int_equal(h.vouched, 1);
}

static void a_date_is_not_carried_for_hours(void **state)
{
    (void)state;
    struct heard h = {0};
    struct nmea n;
    nmea_init(&n, pivot, &sink, &h);
    feed_at(&n, "GPRMC,120001,A,,,,,,,241126,,,A", 0);
    feed_at(&n, "GPGGA,120002,,,,,1", 1000 * MS);
    feed_at(&n, "GPGGA,160002,,,,,1", INT64_C(4) * 3600 * NS_PER_S);
    nmea_flush(&n);
    assert_int_equal(h.vouched, 2);
    assert_int_equal(h.last.verdict, NMEA_NO_DATE);
    assert_int_equal(n.counts.no_date, 1);
}

static void c5_damage_is_counted_and_costs_one_sentence(void **state)
{
    (void)state;
    struct heard h = {0};
    struct nmea n;
    nmea_init(&n, pivot, &sink, &h);
    static const char junk[] = "$GPRMC,120001,A,,,,,,,241126,,,A*00\r\n$GPRMC,120001,A,,,\r\n"
                               "$GPRMC,1200\x01\xb5\x62\x01\x07$$\xd3\x00";
    nmea_feed(&n, junk, sizeof junk - 1, 0);
    feed_at(&n, "GPRMC,120001,A,,,,,,,2208-1,,,A", 0);
    feed_at(&n, "GPRMC,120001,A,,,,,,,310226,,,A", 0);
    feed_at(&n, "GPRMC,120002,A,,,,,,,241126,,,A", 0);
    nmea_flush(&n);
    assert_int_equal(h.vouched, 1);
    assert_int_equal(n.counts.bad_checksum, 1);
    assert_int_equal(n.counts.no_checksum, 1);
    assert_int_equal(n.counts.broken, 1);
    assert_int_equal(n.counts.malformed, 2);
    assert_int_equal(n.counts.sentences, 3);
}

static void c8_bytes_may_come_one_by_one(void **state)
{
    (void)state;
    struct text t = {0};
    struct heard whole = {0}, torn = {0};
    struct nmea n;
    for (int s = 10; s < 40; s++) {
        SAY(&t, "GPGGA,1200%d.00,,,,,1", s);
        SAY(&t, "GPGSV,1,1,01,07,30,120,40");
        SAY(&t, "GPRMC,1200%d.00,A,,,,,,,241126,,,A", s);
    }
    nmea_init(&n, pivot, &sink, &whole);
    nmea_feed(&n, t.bytes, t.length, 0);
    nmea_flush(&n);
    nmea_init(&n, pivot, &sink, &torn);
    for (size_t i = 0; i < t.length; i++)
        nmea_feed(&n, t.bytes + i, 1, 0);
    nmea_flush(&n);
    assert_int_equal(whole.vouched, 30);
    assert_int_equal(torn.vouched, 30);
    assert_int_equal(whole.skies, torn.skies);
    assert_true(torn.last.second == whole.last.second);
}

static void satellites_of_many_systems(void **state)
{
    (void)state;
    struct heard h = {0};
    struct nmea n;
    nmea_init(&n, pivot, &sink, &h);
    feed_at(&n, "GNRMC,120001,A,,,,,,,241126,,,A", 0);
    feed_at(&n, "GNGSA,A,3,01,22,,,,,,,,,,,1.6,0.9,1.3,1", 0);
    feed_at(&n, "GNGSA,A,3,70,,,,,,,,,,,,1.6,0.9,1.3,2", 0);
    feed_at(&n, "GNGSA,A,3,11,,,,,,,,,,,,1.6,0.9,1.3,3", 0);
    feed_at(&n, "GPGSV,2,1,05,01,38,160,35,22,58,098,41,33,20,200,,46,21,201,30,1", 0);
    feed_at(&n, "GPGSV,2,2,05,02,10,010,,1", 0);
    feed_at(&n, "GPGSV,1,1,02,01,38,160,38,22,58,098,36,8", 0); /* another signal */
    feed_at(&n, "GLGSV,1,1,02,70,31,264,38,79,13,116,37,1", 0);
    feed_at(&n, "GAGSV,1,1,01,11,15,224,29,7", 0);
    assert_int_equal(h.skies, 0);
    feed_at(&n, "GNRMC,120002,A,,,,,,,241126,,,A", 0);
    assert_int_equal(h.skies, 1);
    assert_int_equal(h.sky.count, 8);
    assert_int_equal(h.sky.used, 4);
    assert_int_equal(h.sky.fix, 3);
    assert_float_equal(h.sky.pdop, 1.6, 1e-9);
    char systems[9] = "";
    for (int i = 0; i < 8; i++)
        systems[i] = h.sky.satellite[i].system;
    assert_string_equal(systems, "GGRESSGR");
    assert_int_equal(h.sky.satellite[0].cn0, 38);
    assert_int_equal(h.sky.satellite[1].cn0, 41);
    assert_true(h.sky.satellite[2].used);
    /* the next GSV no longer has 02; GLONASS sends none in this epoch and stays */
    feed_at(&n, "GNGSA,A,3,01,22,,,,,,,,,,,1.6,0.9,1.3,1", 0);
    feed_at(&n, "GPGSV,1,1,02,01,38,160,20,22,58,098,41,1", 0);
    feed_at(&n, "GNRMC,120003,A,,,,,,,241126,,,A", 0);
    assert_int_equal(h.skies, 2);
    assert_int_equal(h.sky.count, 7);
    assert_int_equal(h.sky.used, 2);
    assert_int_equal(h.sky.satellite[0].cn0, 20);
}

static void more_satellites_than_there_is_room(void **state)
{
    (void)state;
    struct heard h = {0};
    struct nmea n;
    char body[64];
    nmea_init(&n, pivot, &sink, &h);
    for (int id = 1; id < 600; id++) {
        snprintf(body, sizeof body, "GAGSV,1,1,01,%03d,15,224,29,7", id);
        feed_at(&n, body, 0);
    }
    nmea_flush(&n);
    assert_int_equal(h.sky.count, SKY_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_epoch_is_said_once),
        cmocka_unit_test(a_witness_vouches_and_any_sentence_denies),
        cmocka_unit_test(a_lost_fix_is_no_time),
        cmocka_unit_test(c14_midnight_with_gga_first),
        cmocka_unit_test(c14_midnight_at_10_hz_with_the_date_once_a_second),
        cmocka_unit_test(two_dates_are_none),
        cmocka_unit_test(c9_leap_second),
        cmocka_unit_test(c9_dates_and_eras),
        cmocka_unit_test(gll_stands_in_for_a_damaged_witness),
        cmocka_unit_test(sentences_of_one_instant_with_other_digits),
        cmocka_unit_test(comment_lines_at_the_head),
        cmocka_unit_test(a_time_is_said_when_the_usual_witnesses_have_spoken),
        cmocka_unit_test(an_epoch_in_the_middle_of_a_burst_has_its_own_first_byte),
        cmocka_unit_test(c14_a_time_that_stands_still_is_said_once),
        cmocka_unit_test(a_date_is_not_carried_for_hours),
        cmocka_unit_test(c5_damage_is_counted_and_costs_one_sentence),
        cmocka_unit_test(c8_bytes_may_come_one_by_one),
        cmocka_unit_test(satellites_of_many_systems),
        cmocka_unit_test(more_satellites_than_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
