/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/nmea/nmea_report.h"
#include "near.h"

struct world {
    struct nmea_report told;
    struct receiver_report report;
    struct nmea_told last;
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    nmea_report_init(&w->told);
    receiver_report_init(&w->report);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static bool take(struct world *w, const char *text)
{
    return nmea_report_take(&w->told, &w->report, text, true, &w->last);
}

static void antennas_of_many_makers(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *text;
        enum antenna antenna;
    } rows[] = {
        {"GNTXT,01,01,02,ANTSTATUS=OK", ANTENNA_OK},
        {"GPTXT,01,01,02,ANTSTATUS=OPEN", ANTENNA_OPEN},
        {"GNTXT,01,01,02,ANTSTATUS=SHORT", ANTENNA_SHORT},
        {"GNTXT,01,01,02,ANTSTATUS=DONTKNOW", ANTENNA_NOT_MONITORED},
        {"GNTXT,01,01,02,ANTSTATUS=INIT", ANTENNA_UNKNOWN},
        {"GPTXT,01,01,01,ANTENNA OPEN", ANTENNA_OPEN},
        {"BDTXT,01,01,01,ANTENNA OK", ANTENNA_OK},
        {"GPTXT,01,01,01,Antenna Short", ANTENNA_SHORT},
        {"PGTOP,11,3", ANTENNA_OK},
        {"PGTOP,11,1", ANTENNA_SHORT},
        {"PCD,11,2", ANTENNA_OK},
        {"PCD,11,3", ANTENNA_SHORT},
        {"PQTMTXT,1,01,01,02,ANTSTATUS=OPEN", ANTENNA_OPEN},
        {"PQTMANTENNASTATUS,2,1,2,2,2", ANTENNA_OK},
        {"PQTMANTENNASTATUS,3,2,2,1", ANTENNA_OPEN},
        {"PQTMANTENNASTATUS,3,3,2,1", ANTENNA_SHORT},
        {"PQTMANTENNASTATUS,3,0,2,1", ANTENNA_UNKNOWN},
        {"PSTMANTENNASTATUS,0,1,1,0", ANTENNA_OK},
        {"PSTMANTENNASTATUS,1,1,1,0", ANTENNA_OPEN},
        {"PSTMANTENNASTATUS,2,1,1,0", ANTENNA_SHORT},
    };
    assert_int_equal(w->report.antenna, ANTENNA_UNKNOWN);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(take(w, rows[i].text));
        assert_int_equal(w->report.antenna, rows[i].antenna);
    }
    assert_false(take(w, "PSTMANTENNASTATUS,-1,1,1,0"));
    assert_false(take(w, "PQTMANTENNASTATUS,2,9"));
    assert_false(take(w, "PQTMANTENNASTATUS"));
    assert_false(take(w, "PGTOP,12,3"));
    assert_false(take(w, "PCD,11,4"));
    assert_false(take(w, "PCD,12,1"));
    assert_int_equal(w->report.antenna, ANTENNA_SHORT);
    assert_string_equal(w->report.notice, "");
    assert_true(take(w, "PGTOP,11,2"));
    assert_string_equal(w->report.notice, "the internal antenna is in use");
}

/* u-blox feeds an antenna, looks neither for shorts nor for open lines, and calls it OK. */
static void an_antenna_that_is_only_fed_is_not_monitored(void **state)
{
    struct world *w = *state;
    assert_true(take(w, "GPTXT,01,01,02,ANTSUPERV=AC "));
    assert_int_equal(w->report.antenna, ANTENNA_NOT_MONITORED);
    take(w, "GPTXT,01,01,02,ANTSTATUS=OK");
    assert_int_equal(w->report.antenna, ANTENNA_NOT_MONITORED);
    take(w, "GPTXT,01,01,02,ANTSTATUS=SHORT");
    assert_int_equal(w->report.antenna, ANTENNA_SHORT);
    take(w, "GPTXT,01,01,02,ANTSUPERV=AC SD PDoS SR");
    take(w, "GPTXT,01,01,02,ANTSTATUS=OK");
    assert_int_equal(w->report.antenna, ANTENNA_OK);
    assert_string_equal(w->report.notice, "");
}

static void a_start_ends_what_was_said_before(void **state)
{
    struct world *w = *state;
    take(w, "GPTXT,01,01,02,ANTSTATUS=OK");
    take(w, "PMTKSPF,1");
    assert_false(take(w, "PMTK010,002"));
    assert_int_equal(w->report.antenna, ANTENNA_OK);
    assert_true(take(w, "PMTK010,001"));
    assert_int_equal(w->report.antenna, ANTENNA_UNKNOWN);
    assert_int_equal(w->report.jamming, INTERFERENCE_UNKNOWN);
    assert_string_equal(w->report.notice, "the receiver has started");
}

static void answers_and_notices(void **state)
{
    struct world *w = *state;
    static const char *const rows[][2] = {
        {"PMTK001,251,3", "command PMTK251: done"},
        {"PMTK001,604,1,7", "command PMTK604: not supported"},
        {"PAIR001,864,0", "command PAIR864: done"},
        {"PAIR001,050,4", "command PAIR050: wrong parameter"},
        {"PQTMTXT,1,01,01,02,flash is full, nearly", "flash is full, nearly"},
        {"PGRMT,GPS 18x-5Hz software ver. 3.70,P,F,R,R,P,,23,R", "its self-test fails"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(take(w, rows[i][0]));
        assert_string_equal(w->report.notice, rows[i][1]);
    }
    assert_string_equal(w->report.model, "GPS 18x-5Hz software ver. 3.70");
    static const char *const none[] = {"PMTK001,251,4", "PMTK001,251,",  "PMTK001",
                                       "PMTK001,%n,3",  "PAIR001,864,6", "PMTK001,2514,3",
                                       "PQTMTXT,1,1,1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(take(w, none[i]));
    assert_false(w->report.output_overflow);
    assert_true(take(w, "GNTXT,01,01,00,txbuf alloc"));
    assert_true(w->report.output_overflow);
}

static void jamming_of_two_bands(void **state)
{
    struct world *w = *state;
    assert_true(take(w, "PAIRSPF,1"));
    assert_int_equal(w->report.jamming, INTERFERENCE_NONE);
    assert_true(take(w, "PAIRSPF5,0"));
    assert_int_equal(w->report.jamming, INTERFERENCE_NOT_MONITORED);
    assert_true(take(w, "PAIRSPF5,3"));
    assert_int_equal(w->report.jamming, INTERFERENCE_CRITICAL);
    assert_true(take(w, "PAIRSPF5,1"));
    assert_true(take(w, "PQTMJAMMINGSTATUS,1,2"));
    assert_int_equal(w->report.jamming, INTERFERENCE_WARNING);
    assert_true(take(w, "PMTKSPF,3"));
    assert_int_equal(w->report.jamming, INTERFERENCE_CRITICAL);
    assert_false(take(w, "PAIRSPF,4"));
    assert_false(take(w, "PAIRSPF,"));
    assert_false(take(w, "PMTKSPF"));
}

static void versions(void **state)
{
    struct world *w = *state;
    take(w, "GNTXT,01,01,02,FWVER=SPG 3.01");
    take(w, "GNTXT,01,01,02,MOD=NEO-M8N-0");
    take(w, "GNTXT,01,01,02,PROTVER=18.00");
    assert_string_equal(w->report.firmware, "SPG 3.01");
    assert_string_equal(w->report.model, "NEO-M8N-0");
    assert_string_equal(w->report.protocol, "18.00");
    take(w, "GPTXT,01,01,02,SW=URANUS5,V5.3.0.0");
    take(w, "GPTXT,01,01,02,HW=ATGM336H,0001090801039");
    assert_string_equal(w->report.firmware, "URANUS5,V5.3.0.0");
    assert_string_equal(w->report.model, "ATGM336H,0001090801039");
    take(w, "GPTXT,01,01,02,IC=AT6558R-5N-32-1C580901"); /* it has said better */
    assert_string_equal(w->report.model, "ATGM336H,0001090801039");
    assert_false(take(w, "GPTXT,01,01,02,MA=CASIC"));
    assert_false(take(w, "GPTXT,01,01,02,TB=2020-04-28,13:43:10"));
    assert_string_equal(w->report.notice, "");
    static const char *const rows[][2] = {
        {"PMTK705,AXN_5.1.7_3333_19020118,0027,PA1010D,1.0", "AXN_5.1.7_3333_19020118"},
        {"PAIR021,AG3335M_V2.1.0.AG3335_20210424,S,N", "AG3335M_V2.1.0.AG3335_20210424"},
        {"PQTMVERNO,LC29HAANR01A04S,2022/10/14,10:21:00", "LC29HAANR01A04S"},
        {"PQTMVER,1,MODULE,LG290P03AANR01A03S,2024/04/30,10:53:07", "LG290P03AANR01A03S"},
        {"PQTMQVER,OK,1,MODULE,LC29HCANR11A07S_DSA4,2025/06/03,10:00:00", "LC29HCANR11A07S_DSA4"},
        {"PSTMVER,BINIMG_4.5.8_ARM", "BINIMG_4.5.8_ARM"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(take(w, rows[i][0]));
        assert_string_equal(w->report.firmware, rows[i][1]);
    }
    assert_false(take(w, "PQTMVERNO,ERROR,1"));
    assert_false(take(w, "PMTK705"));
    assert_string_equal(w->report.firmware, "BINIMG_4.5.8_ARM");
}

/* Chips without the lines that name a module. */
static void versions_of_bare_chips(void **state)
{
    struct world *w = *state;
    take(w, "GPTXT,01,01,02,IC=AT6558-5N-31-0C510800,J9M10CL-A3-001025");
    assert_string_equal(w->report.model, "AT6558-5N-31-0C510800,J9M10CL-A3-001025");
    receiver_report_init(&w->report);
    take(w, "GPTXT,01,01,02,HW  UBX-G70xx   00070000");
    take(w, "GPTXT,01,01,02,HW UBX-M8030 00080000");
    take(w, "GPTXT,01,01,02,ROM CORE 1.00 (59842) Jun 27 2012 17:43:52");
    take(w, "GPTXT,01,01,02,PROTVER 14.00");
    assert_string_equal(w->report.model, "M8030 00080000");
    assert_string_equal(w->report.firmware, "1.00 (59842) Jun 27 2012 17:43:52");
    assert_string_equal(w->report.protocol, "14.00");
    take(w, "GNTXT,01,01,02,FWVER=SPG 3.01");
    assert_string_equal(w->report.firmware, "SPG 3.01");
}

static void c4_format_characters_in_texts(void **state)
{
    struct world *w = *state;
    assert_true(take(w, "GPTXT,01,01,07,%n%s%n\\ \x07, more"));
    assert_string_equal(w->report.notice, "%n%s%n\\x5c \\x07, more");
    assert_false(take(w, "GPTXT,01,01,07,"));
    assert_false(take(w, "GPTXT,01,01"));
    assert_false(take(w, "GPTXT"));
    take(w, "GNTXT,01,01,02,FWVER=%n%n\x1b[0m");
    assert_string_equal(w->report.firmware, "%n%n\\x1b[0m");
    char text[160];
    memset(text, 7, sizeof text);
    memcpy(text, "GPTXT,01,01,07,", 15);
    text[sizeof text - 1] = 0;
    assert_true(take(w, text));
    assert_true(strlen(w->report.notice) < sizeof w->report.notice);
}

/* 48 7.038 N, 11 31.0 E, 545.4 + 46.9 m: worked out apart from the two half axes. */
static void positions(void **state)
{
    struct world *w = *state;
    assert_true(take(w, "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,"));
    assert_true(w->report.positioned);
    assert_near(w->report.ecef[0], 4180514.57, 0.1);
    assert_near(w->report.ecef[1], 851801.77, 0.1);
    assert_near(w->report.ecef[2], 4726034.69, 0.1);
    assert_true(isnan(w->report.position_accuracy));
    take(w, "GPGST,123519,1.0,,,,3.0,4.0,12.0");
    take(w, "GNGNS,123519.00,4807.038,S,01131.000,W,ANNN,08,0.9,545.4,46.9,,,V");
    assert_true(w->report.positioned);
    assert_near(w->report.ecef[1], -851801.77, 0.1);
    assert_near(w->report.ecef[2], -4726034.69, 0.1);
    assert_near(w->report.position_accuracy, 13, 1e-9);
    static const char *const none[] = {
        "GPGGA,123519,4807.038,N,01131.000,E,0,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4807.038,N,01131.000,E,6,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,9107.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4860.000,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4807.038,X,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4807.038,N,18100.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4807.038,N,-1131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,0x07.038,N,01131.000,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,nan,N,inf,E,1,08,0.9,545.4,M,46.9,M,,",
        "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,,M,,M,,",
        "GPGGA,123519,4807.038,N,01131.000,E,1,08,0.9,1e9,M,46.9,M,,",
        "GPGGA,123519,,,,,1,,,,,,,,",
        "GPGGA",
    };
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        w->report.positioned = true;
        take(w, none[i]);
        assert_false(w->report.positioned);
    }
    w->report.positioned = true; /* by another protocol */
    nmea_report_take(&w->told, &w->report, none[0], false, &w->last);
    assert_true(w->report.positioned);
}

static void the_leap_count_of_pubx(void **state)
{
    struct world *w = *state;
    assert_true(take(w, "PUBX,04,073731.00,091202,113851.00,1196,18,1930035,-2660.664,43,"));
    assert_true(w->last.leap_given && w->last.leap.confirmed);
    assert_int_equal(w->last.leap.tai, 37);
    assert_int_equal(w->last.leap.change, LEAP_UNKNOWN);
    assert_near(w->report.clock_bias, 1930035e-9, 1e-12);
    assert_near(w->report.clock_drift, -2660.664e-9, 1e-12);
    assert_true(take(w, "PUBX,04,073731.00,091202,113851.00,1196,16D,,,43,"));
    assert_true(w->last.leap_given && !w->last.leap.confirmed);
    assert_int_equal(w->last.leap.tai, 35);
    assert_true(isnan(w->report.clock_bias));
    static const char *const none[] = {"", "D", "x", "18E", "123", "-1"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        char text[80];
        snprintf(text, sizeof text, "PUBX,04,1,2,3,4,%s,1,1,43", none[i]);
        take(w, text);
        assert_false(w->last.leap_given);
    }
    assert_false(take(w, "PUBX,00,081350.00,4717.113210,N,00833.915187,E"));
}

static void the_leap_seconds_of_pqtmls(void **state)
{
    struct world *w = *state;
    const int64_t end_of_2016 = INT64_C(1483228800);
    assert_true(take(w, "PQTMLS,1,195494,1,2299,18,0,1,,137,7,18"));
    assert_true(w->last.leap_given && w->last.leap.confirmed);
    assert_int_equal(w->last.leap.tai, 37);
    assert_int_equal(w->last.leap.change, LEAP_UNKNOWN);
    take(w, "PQTMLS,1,195494,1,2299,18,1,1,,137,7,18"); /* the change is past */
    assert_int_equal(w->last.leap.change, LEAP_NONE);
    take(w, "PQTMLS,1,195494,3,1910,17,1,1,,137,7,18"); /* 137 is the last byte of 1929 */
    assert_int_equal(w->last.leap.change, LEAP_INSERT);
    assert_true(w->last.leap.at == end_of_2016);
    take(w, "PQTMLS,1,195494,3,1930,17,1,1,,137,7,16"); /* and a byte may lie behind */
    assert_int_equal(w->last.leap.change, LEAP_DELETE);
    assert_true(w->last.leap.at == end_of_2016);
    take(w, "PQTMLS,1,195494,4,2299,18,1,4,,137,6,19"); /* BeiDou counts its own weeks */
    assert_int_equal(w->last.leap.change, LEAP_UNKNOWN);
    take(w, "PQTMLS,1,195494,0,2299,18,0,0,,,,");
    assert_true(w->last.leap_given && !w->last.leap.confirmed);
    take(w, "PQTMLS,1,195494,1,2299,18,1,1,,300,7,19");
    assert_int_equal(w->last.leap.change, LEAP_UNKNOWN);
    take(w, "PQTMLS,1,195494,1,2299,18,1,1,,137,8,19");
    assert_int_equal(w->last.leap.change, LEAP_UNKNOWN);
    static const char *const none[] = {
        "PQTMLS", "PQTMLS,2,0,1,2299,18,0,1,,137,7,18", "PQTMLS,1,0,1,2299,,0,1,,137,7,18",
        "PQTMLS,1,0,1,2299,99999,0,1,,137,7,18", "PQTMLS,1,0,1,2299,-18,0,1,,137,7,18"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_false(take(w, none[i]));
        assert_false(w->last.leap_given);
    }
}

static void surveys_and_the_sawtooth_of_psti(void **state)
{
    struct world *w = *state;
    assert_true(take(w, "PSTI,00,1,1985,-12.4"));
    assert_int_equal(w->report.survey, SURVEY_RUNNING);
    assert_true(w->last.sawtooth_given);
    assert_near(w->last.sawtooth, -12.4e-9, 1e-15);
    assert_true(take(w, "PSTI,00,2,0,5.8,,"));
    assert_int_equal(w->report.survey, SURVEY_FIXED);
    assert_true(take(w, "PSTI,00,2,0,1e9,,"));
    assert_false(w->last.sawtooth_given);
    assert_true(take(w, "PSTI,00,0,0,2000"));
    assert_false(w->last.sawtooth_given);
    assert_int_equal(w->report.survey, SURVEY_OFF);
    assert_false(take(w, "PSTI,032,041457.000,170316,A,R"));
    assert_true(
        take(w, "PQTMSVINSTATUS,1,2241,1,,01,538,43200,-2472436.0,4828383.0,3343698.4,9.5"));
    assert_int_equal(w->report.survey, SURVEY_RUNNING);
    assert_near(w->report.survey_accuracy, 9.5, 1e-9);
    assert_true(take(w, "PQTMSVINSTATUS,1,2241,2,,01,60,60,-2472436.0,4828383.0,3343698.4,1.8"));
    assert_int_equal(w->report.survey, SURVEY_FIXED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(antennas_of_many_makers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_antenna_that_is_only_fed_is_not_monitored, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_start_ends_what_was_said_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(answers_and_notices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jamming_of_two_bands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(versions_of_bare_chips, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c4_format_characters_in_texts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(positions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_leap_count_of_pubx, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_leap_seconds_of_pqtmls, set_up, tear_down),
        cmocka_unit_test_setup_teardown(surveys_and_the_sawtooth_of_psti, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
