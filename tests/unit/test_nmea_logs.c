/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whole logs as receivers send them: bursts, rates, own sentences and bytes between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "epoch_text.h"

#define DAY "2026-11-24T"

static void raw(struct text *t, const char *bytes, size_t size)
{
    assert_true(t->length + size < sizeof t->bytes);
    memcpy(t->bytes + t->length, bytes, size);
    t->length += size;
}
#define RAW(t, text) raw(t, text, sizeof(text) - 1)

/* An epoch that is to come out. */
static void want(struct text *lines, const char *time)
{
    lines->length += (size_t)snprintf(lines->bytes + lines->length,
                                      sizeof lines->bytes - lines->length, DAY "%sZ A\n", time);
}

static void mediatek_ten_a_second_with_its_start(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    SAY(&t, "PMTK011,MTKGPS");
    SAY(&t, "PMTK010,001");
    SAY(&t, "GPGGA,235945.036,,,,,0,0,,,M,,M,,");
    SAY(&t, "GPRMC,235945.036,V,,,,,0.00,0.00,050180,,,N");
    for (int i = 0; i < 25; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.%d00", i / 10, i % 10);
        want(&lines, tod);
        SAY(&t, "GNGGA,1200%02d.%d00,4404.1,N,12118.8,W,1,14,0.69,10.0,M,-22.1,M,,", i / 10,
            i % 10);
        if (i % 10 == 0) {
            SAY(&t, "GNGSA,A,3,07,02,26,27,09,04,15,,,,,,1.8,1.0,1.5");
            SAY(&t, "PMTKSPF,1");
            SAY(&t, "GPTXT,01,01,02,ANTSTATUS=OK");
            SAY(&t, "GNZDA,1200%02d.000,24,11,2026,,", i / 10);
        }
        SAY(&t, "GNRMC,1200%02d.%d00,A,4404.1,N,12118.8,W,0.01,0.0,241126,,,A", i / 10, i % 10);
    }
    expect_epochs(&t, lines.bytes);
}

static void casic_with_its_start(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    SAY(&t, "GPTXT,01,01,02,MA=CASIC");
    SAY(&t, "GPTXT,01,01,02,IC=AT6558R-5N-32-1C580901");
    SAY(&t, "GPTXT,01,01,02,SW=URANUS5,V5.3.0.0");
    SAY(&t, "GNGGA,,,,,,0,00,25.5,,,,,,");
    SAY(&t, "GNGLL,,,,,,V,N");
    SAY(&t, "GNRMC,,V,,,,,,,,,,N,V");
    SAY(&t, "GNZDA,,,,,,");
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        SAY(&t, "GNGGA,1200%02d.000,2240.06,N,11401.53,E,1,17,0.8,95.6,M,-3.4,M,,", i);
        SAY(&t, "GNGLL,2240.06,N,11401.53,E,1200%02d.000,A,A", i);
        SAY(&t, "GPGSA,A,3,02,05,12,,,,,,,,,,1.5,0.8,1.3,1");
        SAY(&t, "BDGSA,A,3,07,10,12,,,,,,,,,,1.5,0.8,1.3,4");
        SAY(&t, "BDGSV,1,1,01,07,45,180,38,0");
        SAY(&t, "GNRMC,1200%02d.000,A,2240.06,N,11401.53,E,0.00,224.50,241126,,,A,V", i);
        SAY(&t, "GNVTG,224.50,T,,M,0.00,N,0.00,K,A");
        SAY(&t, "GNZDA,1200%02d.000,24,11,2026,00,00", i);
        SAY(&t, "GPTXT,01,01,01,ANTENNA OPEN");
    }
    expect_epochs(&t, lines.bytes);
}

static void unicore_with_its_own_logs_between(void **state)
{
    (void)state;
    static const char binary[] = "\xaa\x44\xb5\x00\x10\x27\x24$GNRMC,\x01\x02\xd3\x00\x13$*";
    struct text t = {0}, lines = {0};
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        RAW(&t, binary);
        RAW(&t, "#BESTNAVA,97,GPS,FINE,2446,216019000,0,0,18,10;SOL_COMPUTED,SINGLE,44.06*"
                "1a2b3c4d\r\n");
        SAY(&t, "GNGGA,1200%02d.00,4004.73927671,N,11614.19729418,E,1,36,0.5,61.0983,M,-8.4923,M,,",
            i);
        SAY(&t, "GNRMC,1200%02d.00,A,4004.73927671,N,11614.19729418,E,0.007,0.0,241126,6.8,W,A,V",
            i);
        RAW(&t, "$command,GPRMC 1,response: OK*04\r\n");
        SAY(&t, "GNGNS,1200%02d.00,4004.73,N,11614.19,E,AAAAN,36,0.5,61.09,-8.49,,,V", i);
        SAY(&t, "GNZDA,1200%02d.00,24,11,2026,,", i);
    }
    expect_epochs(&t, lines.bytes);
}

static void quectel_with_its_own_sentences(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        SAY(&t, "GNRMC,1200%02d.000,A,3149.33,N,11706.90,E,0.000,,241126,,,A,V", i);
        SAY(&t, "GNGGA,1200%02d.000,3149.33,N,11706.90,E,1,30,0.45,63.3,M,-0.3,M,,", i);
        SAY(&t, "GIGSV,1,1,01,03,45,180,38,1");
        SAY(&t, "GQGSV,1,1,01,03,45,180,38,1");
        SAY(&t, "PQTMPVT,1,216019000,20261124,1200%02d.000,,3,30,18,31.8,117.1,63.3,,,,,,,0.45,0.8",
            i);
        SAY(&t, "PQTMEPE,2,1.0,1.0,2.0,1.4,2.5");
        SAY(&t, "PQTMANTENNASTATUS,3,1,2,1");
        SAY(&t, "PAIRSPF,1");
    }
    expect_epochs(&t, lines.bytes);
}

static void garmin_without_fractions(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        SAY(&t, "GPRMC,1200%02d,A,2112.7781,N,10549.9131,E,000.0,000.0,241126,001.5,W,D", i);
        SAY(&t, "GPGGA,1200%02d,2112.7781,N,10549.9131,E,2,09,0.9,18.0,M,-26.7,M,,", i);
        SAY(&t, "PGRME,4.4,M,5.5,M,7.1,M");
        SAY(&t, "PGRMZ,59,f,3");
        SAY(&t, "PGRMF,379,216019,241126,1200%02d,18,2112.7781,N,10549.9131,E,A,2,0,0,2,1", i);
        SAY(&t, "PGRMM,WGS 84");
    }
    expect_epochs(&t, lines.bytes);
}

/* A 18x that is set to send its own sentence alone. */
static void garmin_pgrmf_alone(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    SAY(&t, "PGRMF,379,216018,241126,120000,18,,,,,A,0,,,,");
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        SAY(&t, "PGRMF,379,216019,241126,1200%02d,18,2112.7781,N,10549.9131,E,A,2,0,0,2,1", i);
    }
    char all[sizeof lines.bytes];
    snprintf(all, sizeof all, "%s%.16000s", DAY "12:00:00.000Z V\n", lines.bytes);
    expect_epochs(&t, all);
}

/* The fix of one system is a fix: GLONASS has none here. */
static void a_sentence_for_each_system(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        SAY(&t, "GNGNS,1200%02d.00,4404.1,N,12118.8,W,AN,09,0.7,10.0,0.0,,", i);
        SAY(&t, "GPGNS,1200%02d.00,,,,,,7,,,,1.0,23", i);
        SAY(&t, "GLGNS,1200%02d.00,,,,,,2,,,,1.0,23", i);
        SAY(&t, "GNRMC,1200%02d.00,A,4404.1,N,12118.8,W,0.0,,241126,,,A", i);
    }
    expect_epochs(&t, lines.bytes);
}

/* Digits of many kinds, zones of the place, and what stands before the `$`. */
static void odd_forms(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        RAW(&t, "\\s:GP0001,c:1577836800*50\\");
        SAY(&t, "GPRMC,1200%02d.0,A,4404.1,N,12118.8,W,0.0,,241126,,,A,S", i);
        RAW(&t, "!AIVDM,1,1,,A,13aEOK?P00PD2wVMdLDRhgvL289?,0*26\r\n2026-11-24 12:00:01 ");
        SAY(&t, "GPGGA,1200%02d,4404.1,N,12118.8,W,1,08,0.9,10.0,M,0.0,M,,", i);
        SAY(&t, "GPZDA,1200%02d.000,24,11,2026,-05,30", i);
        SAY(&t, "GPGLL,4404.1,N,12118.8,W,1200%02d.0000,A,A", i);
    }
    expect_epochs(&t, lines.bytes);
}

/* A slow line: the satellites of a second fill it until after the next has begun. */
static void a_burst_that_is_longer_than_a_second(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    for (int i = 1; i <= 3; i++) {
        char tod[24];
        snprintf(tod, sizeof tod, "12:00:%02d.000", i);
        want(&lines, tod);
        SAY(&t, "GNGSV,1,1,01,03,45,180,38,1");
        SAY(&t, "GNRMC,1200%02d.00,A,4404.1,N,12118.8,W,0.0,,241126,,,A", i);
        SAY(&t, "GNGLL,4404.1,N,12118.8,W,1200%02d.00,A,A", i - 1);
        SAY(&t, "GNZDA,1200%02d.00,24,11,2026,00,00", i - 1);
    }
    expect_epochs(&t, lines.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mediatek_ten_a_second_with_its_start),
        cmocka_unit_test(casic_with_its_start),
        cmocka_unit_test(unicore_with_its_own_logs_between),
        cmocka_unit_test(quectel_with_its_own_sentences),
        cmocka_unit_test(garmin_without_fractions),
        cmocka_unit_test(garmin_pgrmf_alone),
        cmocka_unit_test(a_sentence_for_each_system),
        cmocka_unit_test(odd_forms),
        cmocka_unit_test(a_burst_that_is_longer_than_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
