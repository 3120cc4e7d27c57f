/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ubx/ubx_report.h"
#include "near.h"
#include "ubx_bytes.h"

struct world {
    struct ubx_report told;
    struct receiver_report report;
    uint8_t payload[512];
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    ubx_report_init(&w->told);
    receiver_report_init(&w->report);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* Takes the first `length` bytes of the payload. */
static enum ubx_decoded take(struct world *w, uint8_t class, uint8_t id, size_t length)
{
    uint8_t *exact = malloc(length ? length : 1); /* so that a read beyond it is seen */
    memcpy(exact, w->payload, length);
    const struct ubx_frame f = {.class = class, .id = id, .length = length, .payload = exact};
    enum ubx_decoded decoded = ubx_report_take(&w->told, &w->report, &f);
    free(exact);
    return decoded;
}

static void clear(struct world *w)
{
    memset(w->payload, 0, sizeof w->payload);
}

static void versions(void **state)
{
    struct world *w = *state;
    put_text(w->payload, 0, "EXT CORE 3.01 (111141)");
    put_text(w->payload, 30, "00080000");
    assert_int_equal(take(w, 0x0a, 4, 40), UBX_DECODED);
    assert_string_equal(w->report.firmware, "EXT CORE 3.01 (111141)");
    assert_string_equal(w->report.model, "u-blox 8");
    assert_string_equal(w->report.protocol, "");
    put_text(w->payload, 40, "FWVER=TIM 1.10");
    put_text(w->payload, 70, "PROTVER=22.00");
    put_text(w->payload, 100, "MOD=NEO-M8T-0");
    assert_int_equal(take(w, 0x0a, 4, 130), UBX_DECODED);
    assert_string_equal(w->report.firmware, "TIM 1.10");
    assert_string_equal(w->report.model, "NEO-M8T-0");
    assert_string_equal(w->report.protocol, "22.00");
}

static void c4_texts_are_escaped(void **state)
{
    struct world *w = *state;
    put_text(w->payload, 0, "%n%s\x1b[2J\\\xff ");
    assert_int_equal(take(w, 4, 0, 13), UBX_DECODED);
    assert_string_equal(w->report.notice, "%n%s\\x1b[2J\\x5c\\xff");
    memset(w->payload, 7, sizeof w->payload);
    assert_int_equal(take(w, 4, 1, 512), UBX_DECODED);
    assert_true(strlen(w->report.notice) < sizeof w->report.notice);
    clear(w);
    put_text(w->payload, 0, "ANTSTATUS=OPEN");
    assert_int_equal(take(w, 0x0a, 4, 40), UBX_DECODED);
    memset(w->payload, '\n', 40);
    assert_int_equal(take(w, 0x0a, 4, 40), UBX_DECODED);
    assert_null(strchr(w->report.firmware, '\n'));
    assert_int_equal(take(w, 4, 2, 0), UBX_DECODED);
    assert_string_equal(w->report.notice, "");
}

static void antenna_and_jamming_of_m8(void **state)
{
    struct world *w = *state;
    static const int antennas[] = {ANTENNA_UNKNOWN, ANTENNA_NOT_MONITORED, ANTENNA_OK,
                                   ANTENNA_SHORT,   ANTENNA_OPEN,          ANTENNA_UNKNOWN};
    static const int jammings[] = {INTERFERENCE_NOT_MONITORED, INTERFERENCE_NONE,
                                   INTERFERENCE_WARNING, INTERFERENCE_CRITICAL};
    assert_int_equal(w->report.antenna, ANTENNA_UNKNOWN);
    assert_int_equal(w->report.jamming, INTERFERENCE_UNKNOWN);
    assert_int_equal(w->report.jam_level, -1);
    for (int i = 0; i < 6; i++) {
        put(w->payload, 20, 1, i);
        put(w->payload, 22, 1, (i & 3) << 2);
        put(w->payload, 45, 1, 17 + i);
        put(w->payload, 53, 1, 217 + i);
        assert_int_equal(take(w, 0x0a, 9, 60), UBX_DECODED);
        assert_int_equal(w->report.antenna, antennas[i]);
        assert_int_equal(w->report.jamming, jammings[i & 3]);
        assert_int_equal(w->report.jam_level, 17 + i);
        assert_int_equal(take(w, 0x0a, 9, 68), UBX_DECODED);
        assert_int_equal(w->report.jam_level, 217 + i);
    }
}

/* The receiver feeds an antenna and looks for nothing: its OK says nothing. */
static void an_antenna_that_is_only_fed_is_not_monitored(void **state)
{
    struct world *w = *state;
    put_text(w->payload, 0, "ANTSUPERV=AC ");
    assert_int_equal(take(w, 4, 2, 13), UBX_DECODED);
    assert_int_equal(w->report.antenna, ANTENNA_NOT_MONITORED);
    clear(w);
    put(w->payload, 20, 1, 2);
    assert_int_equal(take(w, 0x0a, 9, 60), UBX_DECODED);
    assert_int_equal(w->report.antenna, ANTENNA_NOT_MONITORED);
    clear(w);
    put_text(w->payload, 0, "ANTSUPERV=AC SD OD PDoS SR");
    assert_int_equal(take(w, 4, 2, 26), UBX_DECODED);
    clear(w);
    put(w->payload, 20, 1, 2);
    assert_int_equal(take(w, 0x0a, 9, 60), UBX_DECODED);
    assert_int_equal(w->report.antenna, ANTENNA_OK);
}

static void put_rf(struct world *w, int block, int jamming, int antenna, int level)
{
    size_t at = 4 + 24 * (size_t)block;
    put(w->payload, at + 1, 1, jamming);
    put(w->payload, at + 2, 1, antenna);
    put(w->payload, at + 16, 1, level);
}

/* One band that is watched does not speak for one that is not. */
static void the_worst_of_two_bands(void **state)
{
    struct world *w = *state;
    put(w->payload, 1, 1, 2);
    put_rf(w, 0, 1, 2, 5);
    put_rf(w, 1, 0, 1, 40);
    assert_int_equal(take(w, 0x0a, 0x38, 52), UBX_DECODED);
    assert_int_equal(w->report.jamming, INTERFERENCE_NOT_MONITORED);
    assert_int_equal(w->report.antenna, ANTENNA_NOT_MONITORED);
    assert_int_equal(w->report.jam_level, 40);
    put_rf(w, 1, 2, 4, 40);
    assert_int_equal(take(w, 0x0a, 0x38, 52), UBX_DECODED);
    assert_int_equal(w->report.jamming, INTERFERENCE_WARNING);
    assert_int_equal(w->report.antenna, ANTENNA_OPEN);
    put_rf(w, 1, 1, 2, 0);
    assert_int_equal(take(w, 0x0a, 0x38, 52), UBX_DECODED);
    assert_int_equal(w->report.jamming, INTERFERENCE_NONE);
    assert_int_equal(w->report.antenna, ANTENNA_OK);
}

/* Newer firmware leaves MON-RF's and NAV-STATUS' fields at 0 and says it in SEC-SIG. */
static void sec_sig_rules(void **state)
{
    struct world *w = *state;
    put(w->payload, 0, 1, 1);
    put(w->payload, 4, 1, 1 | 3 << 1);
    put(w->payload, 8, 1, 1 | 1 << 1);
    assert_int_equal(take(w, 0x27, 9, 12), UBX_DECODED);
    assert_int_equal(w->report.jamming, INTERFERENCE_CRITICAL);
    assert_int_equal(w->report.spoofing, INTERFERENCE_NONE);
    clear(w);
    put(w->payload, 1, 1, 1);
    put_rf(w, 0, 0, 2, 9);
    assert_int_equal(take(w, 0x0a, 0x38, 28), UBX_DECODED);
    assert_int_equal(w->report.jamming, INTERFERENCE_CRITICAL);
    assert_int_equal(w->report.antenna, ANTENNA_OK);
    clear(w);
    assert_int_equal(take(w, 1, 3, 16), UBX_DECODED);
    assert_int_equal(w->report.spoofing, INTERFERENCE_NONE);
    put(w->payload, 0, 1, 2);
    put(w->payload, 1, 1, 0 | 2 << 1 | 1 << 3 | 2 << 4); /* jamming detector off */
    put(w->payload, 3, 1, 2);
    assert_int_equal(take(w, 0x27, 9, 12), UBX_DECODED);
    assert_int_equal(w->report.jamming, INTERFERENCE_NOT_MONITORED);
    assert_int_equal(w->report.spoofing, INTERFERENCE_WARNING);
    put(w->payload, 1, 1, 1 | 0 << 1 | 1 << 3 | 0 << 4); /* on, and no verdict yet */
    assert_int_equal(take(w, 0x27, 9, 12), UBX_DECODED);
    assert_int_equal(w->report.jamming, INTERFERENCE_UNKNOWN);
    assert_int_equal(w->report.spoofing, INTERFERENCE_UNKNOWN);
}

static void spoofing_by_status(void **state)
{
    struct world *w = *state;
    static const int states[] = {INTERFERENCE_NOT_MONITORED, INTERFERENCE_NONE,
                                 INTERFERENCE_WARNING, INTERFERENCE_CRITICAL};
    for (int i = 0; i < 4; i++) {
        put(w->payload, 7, 1, i << 3 | 0xc3);
        assert_int_equal(take(w, 1, 3, 16), UBX_DECODED);
        assert_int_equal(w->report.spoofing, states[i]);
    }
}

static void put_pvt(struct world *w, int fix, int flags)
{
    clear(w);
    put(w->payload, 12, 4, 25);
    put(w->payload, 20, 1, fix);
    put(w->payload, 21, 1, flags);
    put(w->payload, 24, 4, 90000000); /* 9 E */
    put(w->payload, 28, 4, -450000000);
    put(w->payload, 32, 4, 123456);
    put(w->payload, 40, 4, 3000);
    put(w->payload, 44, 4, 4000);
}

/* 45 S, 9 E, 123.456 m, worked out apart from the two half axes. */
static void positions(void **state)
{
    struct world *w = *state;
    assert_false(w->report.positioned);
    put_pvt(w, 3, 1);
    assert_int_equal(take(w, 1, 7, 92), UBX_DECODED);
    assert_true(w->report.positioned);
    assert_near(w->report.ecef[0], 4462058.060, 0.01);
    assert_near(w->report.ecef[1], 706720.569, 0.01);
    assert_near(w->report.ecef[2], -4487435.705, 0.01);
    assert_near(w->report.position_accuracy, 5, 1e-9);
    assert_near(w->report.time_accuracy, 25e-9, 1e-15);
    static const int none[][2] = {{3, 0}, {2, 1}, {1, 1}, {0, 1}, {6, 1}};
    for (size_t i = 0; i < 5; i++) {
        put_pvt(w, 3, 1);
        take(w, 1, 7, 92);
        put_pvt(w, none[i][0], none[i][1]);
        assert_int_equal(take(w, 1, 7, 92), UBX_DECODED);
        assert_false(w->report.positioned);
        clear(w);
        put(w->payload, 4, 4, 100);
        assert_int_equal(take(w, 1, 1, 20), UBX_DECODED); /* without a fix it is an old one */
        assert_false(w->report.positioned);
    }
    put_pvt(w, 3, 1);
    put(w->payload, 78, 1, 1); /* invalidLlh */
    take(w, 1, 7, 92);
    assert_false(w->report.positioned);
    clear(w);
    put(w->payload, 4, 1, 3);
    put(w->payload, 5, 1, 1);
    assert_int_equal(take(w, 1, 3, 16), UBX_DECODED);
    clear(w);
    put(w->payload, 4, 4, 400000012);
    put(w->payload, 8, 4, -5);
    put(w->payload, 12, 4, 500000000);
    put(w->payload, 16, 4, 250);
    assert_int_equal(take(w, 1, 1, 20), UBX_DECODED);
    assert_true(w->report.positioned);
    assert_near(w->report.ecef[0], 4000000.12, 1e-6);
    assert_near(w->report.ecef[1], -0.05, 1e-6);
    assert_near(w->report.position_accuracy, 2.5, 1e-9);
}

static void surveys(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->report.survey, SURVEY_UNKNOWN);
    put(w->payload, 0, 4, 120);
    put(w->payload, 16, 4, 2250000);
    put(w->payload, 25, 1, 1);
    assert_int_equal(take(w, 0x0d, 4, 28), UBX_DECODED);
    assert_int_equal(w->report.survey, SURVEY_RUNNING);
    assert_near(w->report.survey_age, 120, 0);
    assert_near(w->report.survey_accuracy, 1.5, 1e-9);
    put(w->payload, 24, 1, 1);
    put(w->payload, 25, 1, 0);
    take(w, 0x0d, 4, 28);
    assert_int_equal(w->report.survey, SURVEY_FIXED);
    clear(w);
    take(w, 0x0d, 4, 28);
    assert_int_equal(w->report.survey, SURVEY_OFF);
    put_pvt(w, 5, 1); /* a time-only fix: a position was given to it */
    take(w, 1, 7, 92);
    clear(w);
    take(w, 0x0d, 4, 28);
    assert_int_equal(w->report.survey, SURVEY_FIXED);
    clear(w);
    put(w->payload, 8, 4, 77);
    put(w->payload, 28, 4, 12345);
    put(w->payload, 37, 1, 1);
    assert_int_equal(take(w, 1, 0x3b, 40), UBX_DECODED);
    assert_int_equal(w->report.survey, SURVEY_RUNNING);
    assert_near(w->report.survey_accuracy, 1.2345, 1e-9);
    assert_near(w->report.survey_age, 77, 0);
}

static void a_time_only_fix_alone_shows_a_fixed_position(void **state)
{
    struct world *w = *state;
    put_pvt(w, 5, 1);
    take(w, 1, 7, 92);
    assert_int_equal(w->report.survey, SURVEY_FIXED);
    put_pvt(w, 3, 1);
    take(w, 1, 7, 92);
    assert_int_equal(w->report.survey, SURVEY_OFF);
}

static void clocks_and_accuracy(void **state)
{
    struct world *w = *state;
    put(w->payload, 4, 4, -250000);
    put(w->payload, 8, 4, 321);
    put(w->payload, 12, 4, 14);
    assert_int_equal(take(w, 1, 0x22, 20), UBX_DECODED);
    assert_near(w->report.clock_bias, -250e-6, 1e-15);
    assert_near(w->report.clock_drift, 321e-9, 1e-15);
    assert_near(w->report.time_accuracy, 14e-9, 1e-15);
    clear(w);
    put(w->payload, 4, 4, 0xffffffff);
    assert_int_equal(take(w, 1, 0x21, 20), UBX_DECODED);
    assert_true(isnan(w->report.time_accuracy));
}

static void pulse_settings_of_m8(void **state)
{
    struct world *w = *state;
    put(w->payload, 4, 2, 50);
    put(w->payload, 16, 4, 0);
    put(w->payload, 20, 4, 100000);
    put(w->payload, 28, 4, 1 | 4 | 16 | 64);
    assert_int_equal(take(w, 6, 0x31, 32), UBX_DECODED);
    assert_int_equal(w->report.pulse_polarity, 1);
    assert_near(w->report.pulse_width, 0.1, 1e-12);
    assert_near(w->report.cable_delay, 50e-9, 1e-15);
    put(w->payload, 16, 4, 2000);
    put(w->payload, 28, 4, 1 | 16);
    take(w, 6, 0x31, 32);
    assert_int_equal(w->report.pulse_polarity, -1);
    assert_near(w->report.pulse_width, 2e-3, 1e-12);
    put(w->payload, 0, 1, 1); /* the second output */
    put(w->payload, 28, 4, 1 | 16 | 64);
    take(w, 6, 0x31, 32);
    assert_int_equal(w->report.pulse_polarity, -1);
    put(w->payload, 0, 1, 0);
    put(w->payload, 28, 4, 64); /* off */
    take(w, 6, 0x31, 32);
    assert_int_equal(w->report.pulse_polarity, 0);
    assert_true(isnan(w->report.pulse_width));
}

/* Appends key and value; returns the length then. */
static size_t put_value(struct world *w, size_t at, uint32_t key, int bytes, int64_t value)
{
    put(w->payload, at, 4, key);
    put(w->payload, at + 4, bytes, value);
    return at + 4 + (size_t)bytes;
}

static void pulse_settings_of_f9(void **state)
{
    struct world *w = *state;
    put(w->payload, 0, 1, 1);
    size_t at = put_value(w, 4, 0x1005000b, 1, 0);
    at = put_value(w, at, 0x40050004, 4, 0);
    at = put_value(w, at, 0x40050005, 4, 200000);
    at = put_value(w, at, 0x10050009, 1, 1);
    at = put_value(w, at, 0x30050001, 2, -20);
    at = put_value(w, at, 0x5005002a, 8, 1);
    at = put_value(w, at, 0x20030001, 1, 2);
    assert_int_equal(take(w, 6, 0x8b, at), UBX_DECODED);
    assert_int_equal(w->report.pulse_polarity, -1);
    assert_near(w->report.pulse_width, 0.2, 1e-12);
    assert_near(w->report.cable_delay, -20e-9, 1e-15);
    assert_int_equal(w->report.survey, SURVEY_FIXED);
    put(w->payload, 1, 1, 7); /* the defaults: not what is in force */
    put_value(w, 4, 0x1005000b, 1, 1);
    assert_int_equal(take(w, 6, 0x8b, at), UBX_DECODED);
    assert_int_equal(w->report.pulse_polarity, -1);
    put(w->payload, 1, 1, 0);
    assert_int_equal(take(w, 6, 0x8b, at), UBX_DECODED);
    assert_int_equal(w->report.pulse_polarity, 1);
}

static void output_load(void **state)
{
    struct world *w = *state;
    put(w->payload, 1, 1, 2);
    put(w->payload, 2, 1, 2);
    put(w->payload, 8 + 8, 1, 30);
    put(w->payload, 48 + 8, 1, 97);
    assert_int_equal(take(w, 0x0a, 0x36, 88), UBX_DECODED);
    assert_int_equal(w->report.output_load, 97);
    assert_true(w->report.output_overflow);
    clear(w);
    put(w->payload, 24, 1, 12);
    assert_int_equal(take(w, 0x0a, 8, 28), UBX_DECODED);
    assert_int_equal(w->report.output_load, 12);
    assert_false(w->report.output_overflow);
}

/* Every length below the layout's, and counts that the length denies. */
static void c1_payloads_shorter_than_their_layout(void **state)
{
    struct world *w = *state;
    static const struct {
        uint8_t class, id;
        size_t least;
    } kinds[] = {
        {1, 1, 20},    {1, 3, 16},      {1, 7, 84},      {1, 0x21, 20}, {1, 0x22, 20},
        {1, 0x3b, 40}, {6, 0x31, 32},   {6, 0x8b, 4},    {0x0a, 4, 40}, {0x0a, 8, 28},
        {0x0a, 9, 60}, {0x0a, 0x36, 8}, {0x0a, 0x38, 4}, {0x0d, 4, 28}, {0x27, 9, 4},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        for (size_t length = 0; length < kinds[i].least; length++) {
            memset(w->payload, 0xff, sizeof w->payload);
            struct receiver_report before = w->report;
            assert_int_equal(take(w, kinds[i].class, kinds[i].id, length), UBX_MALFORMED);
            assert_memory_equal(&before, &w->report, sizeof before);
        }
    assert_int_equal(take(w, 0x0a, 0x38, 28), UBX_MALFORMED); /* 255 blocks */
    assert_int_equal(take(w, 0x0a, 0x36, 48), UBX_MALFORMED);
    assert_int_equal(take(w, 0x27, 9, 8), UBX_MALFORMED);
    clear(w);
    put(w->payload, 0, 1, 1);
    assert_int_equal(take(w, 0x27, 9, 8), UBX_MALFORMED); /* version 1 has 12 */
    assert_int_equal(take(w, 0x13, 0, 8), UBX_UNKNOWN);
}

static void c1_values_that_do_not_end(void **state)
{
    struct world *w = *state;
    put(w->payload, 0, 1, 1);
    size_t at = put_value(w, 4, 0x1005000b, 1, 1);
    at = put_value(w, at, 0x40050005, 4, 7);
    for (size_t length = 5; length < at; length++)
        assert_int_equal(take(w, 6, 0x8b, length), length == 9 ? UBX_DECODED : UBX_MALFORMED);
    for (unsigned code = 0; code < 8; code++) {
        put_value(w, 4, code << 28, 8, 0);
        static const size_t sizes[] = {0, 1, 1, 2, 4, 8, 0, 0};
        assert_int_equal(take(w, 6, 0x8b, 8 + sizes[code]),
                         sizes[code] ? UBX_DECODED : UBX_MALFORMED);
    }
    assert_true(isnan(w->report.pulse_width)); /* nothing of a malformed one was taken */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c4_texts_are_escaped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(antenna_and_jamming_of_m8, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_antenna_that_is_only_fed_is_not_monitored, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_worst_of_two_bands, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sec_sig_rules, set_up, tear_down),
        cmocka_unit_test_setup_teardown(spoofing_by_status, set_up, tear_down),
        cmocka_unit_test_setup_teardown(positions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(surveys, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_time_only_fix_alone_shows_a_fixed_position, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(clocks_and_accuracy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pulse_settings_of_m8, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pulse_settings_of_f9, set_up, tear_down),
        cmocka_unit_test_setup_teardown(output_load, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c1_payloads_shorter_than_their_layout, set_up, tear_down),
        cmocka_unit_test_setup_teardown(c1_values_that_do_not_end, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
