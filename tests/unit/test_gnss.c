/* SPDX-License-Identifier: GPL-2.0-or-later */
/* NMEA and UBX times of one stream become one row of epochs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/receiver/gnss.h"
#include "refclock/civil.h"
#include "sentence.h"
#include "ubx_bytes.h"

#define MS   INT64_C(1000000)
#define ITOW 172818000 /* of the pivot */

static const int64_t pivot = INT64_C(1795478400); /* 2026-11-24 */

struct world {
    struct gnss gnss;
    struct bytes bytes;
    int vouched, denied, skies;
    enum nmea_verdict verdict;
    struct nmea_epoch last;
    int satellites;
};

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    struct world *w = arg;
    w->verdict = e->verdict;
    if (e->verdict != NMEA_VOUCHED) {
        w->denied++;
        return;
    }
    w->vouched++;
    w->last = *e;
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct world *w = arg;
    w->skies++;
    w->satellites = sky->count;
}

static const struct gnss_sink sink = {.epoch = on_epoch, .sky = on_sky};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    gnss_init(&w->gnss, pivot, &sink, w);
    *state = w;
    return w ? 0 : -1;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static void feed(struct world *w, int64_t now)
{
    gnss_feed(&w->gnss, w->bytes.at, w->bytes.length, now);
    gnss_tick(&w->gnss, now + GNSS_WAIT_NS);
    w->bytes.length = 0;
}

static void nmea(struct world *w, int second, char status)
{
    char text[128];
    sentence_add(text, 0, sizeof text, "GPRMC,0000%02d.00,%c,,,,,,,241126,,,%c", second, status,
                 status == 'A' ? 'A' : 'N');
    bytes_text(&w->bytes, text);
}

static void ubx(struct world *w, int second, int64_t nano, int valid, int flags)
{
    const struct said s = {.itow = ITOW + second * 1000,
                           .year = 2026,
                           .month = 11,
                           .day = 24,
                           .second = second,
                           .nano = nano,
                           .valid = valid,
                           .fix = 3,
                           .flags = flags};
    bytes_pvt(&w->bytes, &s);
}

/* Whichever comes first, and however far off within 5 ms. */
static void c7_every_epoch_once(void **state)
{
    struct world *w = *state;
    static const int64_t nanos[] = {0, -119216, 255883, -4900000, 4900000};
    uint8_t hidden[80];
    memset(hidden, '$', sizeof hidden);
    put_text(hidden, 0, "$GPRMC,000059,A,,,,,,,241126*25\r\n\xb5\x62\x01\x61");
    for (int s = 1; s < 41; s++) {
        if (s % 2)
            nmea(w, s, 'A');
        bytes_ubx(&w->bytes, 2, 0x13, hidden, sizeof hidden);
        ubx(w, s, nanos[s % 5], 7, 1);
        bytes_rtcm(&w->bytes, hidden, sizeof hidden);
        if (!(s % 2))
            nmea(w, s, 'A');
        feed(w, s * NS_PER_S);
        assert_int_equal(w->vouched, s);
        assert_true(w->last.local == s * NS_PER_S);
    }
    gnss_flush(&w->gnss);
    assert_int_equal(w->vouched, 40);
    assert_int_equal(w->denied, 0);
    assert_int_equal(w->gnss.counts.epochs, 40);
    assert_int_equal(w->gnss.stream.counts.ubx, 80);
    assert_int_equal(w->gnss.stream.counts.rtcm, 40);
}

static void c7_each_at_its_own_rate(void **state)
{
    struct world *w = *state;
    for (int s = 1; s < 41; s++) {
        nmea(w, s, 'A');
        if (s % 4 == 0)
            ubx(w, s, -100000, 7, 1);
        if (s == 20)
            nmea(w, s, 'A');
        feed(w, s * NS_PER_S);
        assert_int_equal(w->vouched, s);
    }
}

static void the_label_has_the_first_byte_of_the_first_message(void **state)
{
    struct world *w = *state;
    for (int s = 1; s < 4; s++) {
        ubx(w, s, 0, 7, 1);
        feed(w, s * NS_PER_S);
        nmea(w, s, 'A');
        feed(w, s * NS_PER_S + 50 * MS);
        assert_int_equal(w->vouched, s);
        assert_true(w->last.local == s * NS_PER_S);
    }
}

/* No pause between the bursts: the sentences come before UBX has said all that it usually says. */
static void a_ubx_message_that_began_first_is_the_label(void **state)
{
    struct world *w = *state;
    for (int s = 1; s < 6; s++) {
        ubx(w, s, 0, 7, 1);
        gnss_feed(&w->gnss, w->bytes.at, w->bytes.length, s * 90 * MS);
        w->bytes.length = 0;
        nmea(w, s, 'A');
        bytes_timegps(&w->bytes, ITOW + s * 1000, 0, 2446, 18, 7);
        bytes_eoe(&w->bytes, ITOW + s * 1000);
        gnss_feed(&w->gnss, w->bytes.at, w->bytes.length, s * 90 * MS + 40 * MS);
        w->bytes.length = 0;
        assert_int_equal(w->vouched, s);
        assert_true(w->last.local == s * 90 * MS);
    }
}

/* The last sentences before UBX messages begin still wait for a GGA, and are not lost. */
static void an_earlier_time_is_said_first(void **state)
{
    struct world *w = *state;
    nmea(w, 1, 'A');
    ubx(w, 2, 0, 7, 1);
    bytes_eoe(&w->bytes, ITOW + 2000);
    nmea(w, 2, 'A');
    gnss_feed(&w->gnss, w->bytes.at, w->bytes.length, 0);
    assert_int_equal(w->vouched, 2);
    assert_true(w->last.second == pivot + 2);
    gnss_flush(&w->gnss);
    assert_int_equal(w->vouched, 2);
}

static void ubx_denies_what_nmea_says(void **state)
{
    struct world *w = *state;
    for (int s = 1; s < 4; s++) { /* UTC is a guess: the leap count is not known */
        ubx(w, s, 0, 3, 1);
        nmea(w, s, 'A');
        feed(w, s * NS_PER_S);
    }
    assert_int_equal(w->vouched, 0);
    assert_int_equal(w->denied, 3);
    assert_int_equal(w->verdict, NMEA_NO_UTC);
    assert_int_equal(w->gnss.counts.no_utc, 3);
    nmea(w, 8, 'A'); /* 5 s after the last UBX time, it still rules */
    feed(w, 8 * NS_PER_S);
    assert_int_equal(w->vouched, 0);
    nmea(w, 9, 'A');
    feed(w, 9 * NS_PER_S);
    assert_int_equal(w->vouched, 1);
    ubx(w, 10, 0, 7, 1); /* and when it vouches, a sentence does not deny */
    nmea(w, 10, 'V');
    feed(w, 10 * NS_PER_S);
    assert_int_equal(w->vouched, 2);
    assert_int_equal(w->denied, 3);
}

static void messages_without_a_verdict_leave_it_to_nmea(void **state)
{
    struct world *w = *state;
    for (int s = 1; s < 4; s++) {
        bytes_timegps(&w->bytes, ITOW + s * 1000, 0, 2446, 18, 7);
        nmea(w, s, s == 3 ? 'V' : 'A');
        feed(w, s * NS_PER_S);
    }
    gnss_flush(&w->gnss);
    assert_int_equal(w->vouched, 2);
    assert_int_equal(w->denied, 1);
}

static void a_leap_second_is_said_once(void **state)
{
    struct world *w = *state;
    static const struct said rows[] = {
        {.year = 2026, .month = 12, .day = 31, .hour = 23, .minute = 59, .second = 59},
        {.year = 2026, .month = 12, .day = 31, .hour = 23, .minute = 59, .second = 60},
        {.year = 2027, .month = 1, .day = 1},
        {.year = 2027, .month = 1, .day = 1, .second = 1},
    };
    for (int nmea_first = 0; nmea_first < 2; nmea_first++)
        for (int64_t nano = -700000; nano <= 700000; nano += 700000) {
            gnss_init(&w->gnss, pivot, &sink, w);
            w->vouched = 0;
            for (int i = 0; i < 4; i++) {
                struct said s = rows[i];
                char text[128];
                s.itow = i * 1000;
                s.nano = nano;
                s.valid = 7;
                s.fix = 3;
                s.flags = 1;
                sentence_add(text, 0, sizeof text, "GPRMC,%02d%02d%02d.00,A,,,,,,,%02d%02d%02d",
                             s.hour, s.minute, s.second, s.day, s.month, s.year - 2000);
                if (nmea_first)
                    bytes_text(&w->bytes, text);
                bytes_pvt(&w->bytes, &s);
                if (!nmea_first)
                    bytes_text(&w->bytes, text);
                feed(w, i * NS_PER_S);
            }
            gnss_flush(&w->gnss);
            assert_int_equal(w->vouched, 4);
        }
}

static void satellites_come_from_ubx_where_it_sends_them(void **state)
{
    struct world *w = *state;
    uint8_t sat[8 + 2 * 12] = {0};
    char text[128];
    sat[5] = 2;
    sat[9] = 5;
    sat[21] = 6;
    for (int s = 1; s < 4; s++) {
        ubx(w, s, 0, 7, 1);
        bytes_ubx(&w->bytes, 1, 0x35, sat, sizeof sat);
        sentence_add(text, 0, sizeof text, "GPGSV,1,1,01,07,30,120,40");
        bytes_text(&w->bytes, text);
        nmea(w, s, 'A');
        feed(w, s * NS_PER_S);
    }
    gnss_flush(&w->gnss);
    assert_int_equal(w->skies, 3);
    assert_int_equal(w->satellites, 2);
}

int main(void)
{
#define GNSS_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        GNSS_TEST(c7_every_epoch_once),
        GNSS_TEST(c7_each_at_its_own_rate),
        GNSS_TEST(the_label_has_the_first_byte_of_the_first_message),
        GNSS_TEST(a_ubx_message_that_began_first_is_the_label),
        GNSS_TEST(an_earlier_time_is_said_first),
        GNSS_TEST(ubx_denies_what_nmea_says),
        GNSS_TEST(messages_without_a_verdict_leave_it_to_nmea),
        GNSS_TEST(a_leap_second_is_said_once),
        GNSS_TEST(satellites_come_from_ubx_where_it_sends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
