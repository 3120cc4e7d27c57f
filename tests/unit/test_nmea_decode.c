/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/nmea/nmea_decode.h"

#define S INT64_C(1000000000)

static struct nmea_message decoded(const char *text)
{
    struct nmea_message m;
    assert_int_equal(nmea_decode(text, &m), NMEA_DECODED);
    return m;
}

static void rmc(void **state)
{
    (void)state;
    struct nmea_message m =
        decoded("GPRMC,235959.25,A,2037.7601,N,08704.0737,W,00.0,359.4,311207,01,W,A");
    assert_int_equal(m.kind, NMEA_RMC);
    assert_int_equal(m.claim, NMEA_SAYS_VALID);
    assert_true(m.tod.given && !m.tod.leap60);
    assert_int_equal(m.tod.ns, 86399 * S + S / 4);
    assert_int_equal(m.tod.unit, S / 100);
    assert_true(m.date.given);
    assert_int_equal(m.date.year, 7);
    assert_int_equal(m.date.month, 12);
    assert_int_equal(m.date.day, 31);
}

/* The mode is known by its place: field 12. */
static void claims(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum nmea_claim claim;
    } cases[] = {
        {"GPRMC,120000,A,,,,,,,010120,,,A", NMEA_SAYS_VALID},
        {"GPRMC,120000,A,,,,,,,010120,,,D,V", NMEA_SAYS_VALID},
        {"GPRMC,120000,A,,,,,,,010120,,,F", NMEA_SAYS_VALID},
        {"GPRMC,120000,A,,,,,,,010120,,,R", NMEA_SAYS_VALID},
        {"GPRMC,120000,A,,,,,,,010120,,,P", NMEA_SAYS_VALID},
        {"GPRMC,120000,A,,,,,,,010120,,,E", NMEA_SAYS_INVALID},
        {"GPRMC,120000,A,,,,,,,010120,,,S", NMEA_SAYS_INVALID},
        {"GPRMC,120000,A,,,,,,,010120,,,M", NMEA_SAYS_INVALID},
        {"GPRMC,120000,A,,,,,,,010120,,,N", NMEA_SAYS_INVALID},
        {"GPRMC,120000,A,,,,,,,010120,,,?", NMEA_SAYS_INVALID},
        {"GPRMC,120000,A,,,,,,,010120,003.0,E", NMEA_SAYS_VALID}, /* east */
        {"GPRMC,120000,A,,,,,,,010120,003.0,E,E", NMEA_SAYS_INVALID},
        {"GPRMC,120000,A,,,,,,,010120,003.0,W", NMEA_SAYS_VALID},
        {"GPRMC,120000,A,,,,,,,010120,,A", NMEA_SAYS_VALID}, /* a field left out */
        {"GPRMC,120000,A,,,,,,,010120,,N", NMEA_SAYS_INVALID},
        {"GPRMC,120000,A,,,,,,,010120", NMEA_SAYS_VALID},
        {"GPRMC,120000,V,,,,,,,010120,,,A", NMEA_SAYS_INVALID},
        {"GPGGA,120000,,,,,0", NMEA_SAYS_INVALID},
        {"GPGGA,120000,,,,,1", NMEA_SAYS_VALID},
        {"GPGGA,120000,,,,,5", NMEA_SAYS_VALID},
        {"GPGGA,120000,,,,,6", NMEA_SAYS_INVALID},
        {"GPGGA,120000,,,,,7", NMEA_SAYS_INVALID},
        {"GPGGA,120000,,,,,8", NMEA_SAYS_INVALID},
        {"GPGGA,120000,,,,,", NMEA_SAYS_NOTHING},
        {"GPGLL,,,,,120000,A", NMEA_SAYS_VALID},
        {"GPGLL,,,,,120000,A,E", NMEA_SAYS_INVALID},
        {"GPGLL,,,,,120000,V", NMEA_SAYS_INVALID},
        {"GPZDA,120000,01,01,2020,00,00", NMEA_SAYS_NOTHING},
        {"PGRMF,290,293895,160305,093802,13,5213.1,N,02100.6,E,A,2,0,226,2,1", NMEA_SAYS_VALID},
        {"PGRMF,290,293895,160305,093802,13,,,,,A,0,,,,", NMEA_SAYS_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (decoded(cases[i].text).claim != cases[i].claim)
            fail_msg("%s", cases[i].text);
}

static void no_time_is_no_fault(void **state)
{
    (void)state;
    assert_false(decoded("GPRMC,,V,,,,,,,,,,N").tod.given);
    assert_false(decoded("GPGGA,,,,,,0,00,99.99,,,,,,").tod.given);
    assert_false(decoded("GPGLL,,,,,,V,N").tod.given);
    struct nmea_message m = decoded("GPZDA,,,,,00,00");
    assert_false(m.tod.given || m.date.given);
}

static void c9_what_cannot_be(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "GPRMC,240000,A,,,,,,,010120,,,A",
        "GPRMC,236000,A,,,,,,,010120,,,A",
        "GPRMC,235961,A,,,,,,,010120,,,A",
        "GPRMC,225960,A,,,,,,,010120,,,A",
        "GPRMC,12000,A,,,,,,,010120,,,A",
        "GPRMC,1200000,A,,,,,,,010120,,,A",
        "GPRMC,-20000,A,,,,,,,010120,,,A",
        "GPRMC,120000.1x,A,,,,,,,010120,,,A",
        "GPRMC,|12000|0,A,,,,,,,010120,,,A",
        "GPRMC,120000,A,,,,,,,2208-1,,,A",
        "GPRMC,120000,A,,,,,,,011320,,,A",
        "GPRMC,120000,A,,,,,,,000120,,,A",
        "GPRMC,120000,A,,,,,,,320120,,,A",
        "GPRMC,120000,A,,,,,,,01012020,,,A",
        "GPRMC,120000,,,,,,,,010120,,,A",
        "GPRMC,120000,AA,,,,,,,010120,,,A",
        "GPRMC,120000,A",
        "GPRMC",
        "GPGGA,120000,,,,,11",
        "GPGGA,120000,,,,,x",
        "GPGGA,120000",
        "GPGLL,3728.0549,N,12213.8639,W,014413.076,N,V",
        "GPZDA,120000,01,01,20,00,00",
        "GPZDA,120000,01,01,99,00,00",
        "GPZDA,120000,01,01,-001,00,00",
        "GPZDA,120000,01,01,1970,00,00",
        "GPZDA,120000,01,13,2020,00,00",
        "GPZDA,120000,,01,2020,00,00",
        "GPZDA,120000",
        "GPGSA,A,3,01",
        "PGRMF,290,293895,160305,093802",
        "PGRMF,290,293895,160305,093862,13,,,,,A,2",
        "PGRMF,290,293895,161305,093802,13,,,,,A,2",
        "GPGSV,x,1,01",
    };
    struct nmea_message m;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (nmea_decode(texts[i], &m) != NMEA_MALFORMED)
            fail_msg("%s", texts[i]);
}

static void c9_leap_second(void **state)
{
    (void)state;
    struct nmea_message m = decoded("GPRMC,235960.00,A,,,,,,,311216,,,A");
    assert_true(m.tod.leap60);
    assert_int_equal(m.tod.ns, 86400 * S);
}

static void fractions(void **state)
{
    (void)state;
    assert_int_equal(decoded("GPGGA,000001,,,,,1").tod.unit, S);
    assert_int_equal(decoded("GPGGA,000001.,,,,,1").tod.ns, S);
    assert_int_equal(decoded("GPGGA,000001.5,,,,,1").tod.ns, S * 3 / 2);
    struct nmea_message m = decoded("GPGGA,000001.123456789123,,,,,1");
    assert_int_equal(m.tod.ns, 1123456789);
    assert_int_equal(m.tod.unit, 1);
}

static void talkers_and_types(void **state)
{
    (void)state;
    static const char *const ours[] = {"GP", "GN", "GL", "GA", "GB", "BD", "GI", "GQ", "QZ"};
    static const char *const others[] = {"PQ", "II", "IN", "gp", "XX", ""};
    struct nmea_message m;
    char text[64];
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++) {
        snprintf(text, sizeof text, "%sGGA,120000,,,,,1", ours[i]);
        assert_int_equal(nmea_decode(text, &m), NMEA_DECODED);
        assert_string_equal(m.talker, ours[i]);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(text, sizeof text, "%sGGA,120000,,,,,1", others[i]);
        assert_int_equal(nmea_decode(text, &m), NMEA_IGNORED);
    }
    assert_int_equal(nmea_decode("GPTXT,01,01,02,%n%s%n", &m), NMEA_IGNORED);
    assert_int_equal(nmea_decode("GPRMCX,1", &m), NMEA_IGNORED);
    assert_int_equal(nmea_decode("", &m), NMEA_IGNORED);
    assert_int_equal(nmea_decode(",,,,", &m), NMEA_IGNORED);
}

static void gsa(void **state)
{
    (void)state;
    struct nmea_message m = decoded("GNGSA,A,3,68,70,79,84,,,,,,,,,1.6,0.9,1.3,2");
    assert_int_equal(m.gsa.fix, 3);
    assert_int_equal(m.gsa.count, 4);
    assert_int_equal(m.gsa.id[3], 84);
    assert_int_equal(m.gsa.system, 2);
    assert_float_equal(m.gsa.pdop, 1.6, 1e-9);
    assert_float_equal(m.gsa.hdop, 0.9, 1e-9);
    m = decoded("GPGSA,A,1,,,,,,,,,,,,,,,");
    assert_int_equal(m.gsa.fix, 1);
    assert_int_equal(m.gsa.system, 0);
    assert_true(isnan(m.gsa.pdop) && isnan(m.gsa.hdop));
}

static void gsv(void **state)
{
    (void)state;
    struct nmea_message m =
        decoded("GPGSV,4,2,12,17,30,269,30,19,,,13,21,19,157,39,22,58,098,35,1");
    assert_int_equal(m.gsv.count, 4);
    assert_int_equal(m.gsv.satellite[0].id, 17);
    assert_int_equal(m.gsv.satellite[0].elevation, 30);
    assert_int_equal(m.gsv.satellite[0].azimuth, 269);
    assert_int_equal(m.gsv.satellite[0].cn0, 30);
    assert_int_equal(m.gsv.satellite[1].elevation, -1);
    assert_int_equal(m.gsv.satellite[1].azimuth, -1);
    m = decoded("GAGSV,2,2,05,11,15,224,,,,,,,,,,,,,,7");
    assert_int_equal(m.gsv.count, 1);
    assert_int_equal(m.gsv.satellite[0].cn0, 0);
    m = decoded("GPGSV,1,1,00");
    assert_int_equal(m.gsv.count, 0);
    m = decoded("GPGSV,1,1,01,05,-7,999,1234");
    assert_int_equal(m.gsv.satellite[0].elevation, -1);
    assert_int_equal(m.gsv.satellite[0].azimuth, -1);
    assert_int_equal(m.gsv.satellite[0].cn0, 0);
}

static void c3_any_number_of_fields(void **state)
{
    (void)state;
    struct nmea_message m;
    char text[600] = "GPRMC";
    for (int n = 0; n < 200; n++) {
        memcpy(text + strlen(text), ",1", 3);
        nmea_decode(text, &m);
    }
    memset(text, ',', sizeof text - 1);
    memcpy(text, "GPGSV", 5);
    text[sizeof text - 1] = 0;
    assert_int_equal(nmea_decode(text, &m), NMEA_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rmc),
        cmocka_unit_test(claims),
        cmocka_unit_test(no_time_is_no_fault),
        cmocka_unit_test(c9_what_cannot_be),
        cmocka_unit_test(c9_leap_second),
        cmocka_unit_test(fractions),
        cmocka_unit_test(talkers_and_types),
        cmocka_unit_test(gsa),
        cmocka_unit_test(gsv),
        cmocka_unit_test(c3_any_number_of_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
