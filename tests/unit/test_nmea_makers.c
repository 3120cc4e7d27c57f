/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What receivers of many makers send: other sentences, talkers, digits and rates. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "epoch_text.h"

#define NOON(verdict)                                                         \
    "2026-11-24T12:00:01.000Z " verdict "\n2026-11-24T12:00:02.000Z " verdict \
    "\n2026-11-24T12:00:03.000Z " verdict "\n"

/* Up to four sentences of an epoch, the time as %s. */
struct maker {
    const char *name, *sentence[4], *tod, *lines;
};

static const struct maker makers[] = {
    {"Trimble: GGA and ZDA",
     {"GPGGA,%s,4404.1,N,12118.8,W,1,08,0.9,10.0,M,0.0,M,,", "GPVTG,,T,,M,0.0,N,0.0,K",
      "GPZDA,%s,24,11,2026,00,00"},
     "12000%d.00",
     NOON("A")},
    {"SiRF: milliseconds, no mode in RMC",
     {"GPGGA,%s,4404.1234,N,12118.8765,W,1,07,1.0,9.0,M,18.0,M,,0000",
      "GPGSA,A,3,07,02,26,27,09,04,15,,,,,,1.8,1.0,1.5",
      "GPRMC,%s,A,4404.1234,N,12118.8765,W,0.13,309.62,241126,,"},
     "12000%d.000",
     NOON("A")},
    {"Furuno: ZDA first, own sentences",
     {"GPZDA,%s,24,11,2026,,", "GPRMC,%s,A,4404.1,N,12118.8,W,0.0,0.0,241126,,,A",
      "PERDCRW,TPS1,20261124120001,2,20171231235959,0,181021000102,05,0,+18,17,0"},
     "12000%d.000",
     NOON("A")},
    {"SkyTraq: PSTI between",
     {"GPGGA,%s,4404.1,N,12118.8,W,2,10,0.8,10.0,M,0.0,M,,0000", "PSTI,00,2,0,5.8,,",
      "GPRMC,%s,A,4404.1,N,12118.8,W,000.0,052.9,241126,,,D"},
     "12000%d.000",
     NOON("A")},
    {"Septentrio: GNS and ZDA",
     {"GNGNS,%s,4404.1,N,12118.8,W,AAN,15,0.7,10.0,0.0,,,V", "GPZDA,%s,24,11,2026,00,00"},
     "12000%d.00",
     NOON("A")},
    {"u-blox 9: NMEA 4.11, whose status V says that nobody judges",
     {"GNRMC,%s,A,4404.1,N,12118.8,W,0.0,,241126,,,A,V",
      "GNGNS,%s,4404.1,N,12118.8,W,ANNN,15,0.7,10.0,0.0,,,V"},
     "12000%d.00",
     NOON("A")},
    {"u-blox: PUBX,04 beside RMC",
     {"GPRMC,%s,A,4404.1,N,12118.8,W,0.0,,241126,,,A",
      "PUBX,04,120001.00,241126,216019.00,2446,18,1930035,-2660.664,43"},
     "12000%d.00",
     NOON("A")},
    {"BeiDou by its old name",
     {"BDRMC,%s,A,4404.1,N,12118.8,W,0.0,,241126,,,A"},
     "12000%d.00",
     NOON("A")},
    {"BeiDou", {"GBRMC,%s,A,4404.1,N,12118.8,W,0.0,,241126,,,A"}, "12000%d.00", NOON("A")},
    {"NavIC", {"GIRMC,%s,A,4404.1,N,12118.8,W,0.0,,241126,,,A"}, "12000%d.00", NOON("A")},
    {"QZSS", {"GQRMC,%s,A,4404.1,N,12118.8,W,0.0,,241126,,,A"}, "12000%d.00", NOON("A")},
    {"QZSS by its old name",
     {"QZRMC,%s,A,4404.1,N,12118.8,W,0.0,,241126,,,A"},
     "12000%d.00",
     NOON("A")},
    {"a rover with RTK", {"GNRMC,%s,A,,,,,,,241126,,,R,V"}, "12000%d.00", NOON("A")},
    {"whole seconds", {"GPRMC,%s,A,,,,,,,241126,,"}, "12000%d", NOON("A")},
    {"a date 1024 weeks back", {"GPRMC,%s,A,,,,,,,100407,,,A"}, "12000%d", NOON("A")},
    {"a date 2048 weeks back", {"GPRMC,%s,A,,,,,,,250887,,,A"}, "12000%d", NOON("A")},
    /* what vouches for nothing */
    {"ZDA alone says no word of a fix", {"GPZDA,%s,24,11,2026,00,00"}, "12000%d.00", NOON("V")},
    {"ZDA and GLL", {"GPZDA,%s,24,11,2026,00,00", "GPGLL,,,,,%s,A,A"}, "12000%d.00", NOON("V")},
    {"no system has a fix, before there is a date",
     {"GNGNS,%s,,,,,NNNN,00,99,,,,,V", "GPZDA,%s,24,11,2026,00,00"},
     "12000%d.00",
     ""},
    {"dead reckoning", {"GNRMC,%s,A,,,,,,,241126,,,E,V"}, "12000%d.00", NOON("V")},
    {"GGA simulated, before there is a date",
     {"GPGGA,%s,,,,,8,,,,,,,,", "GPZDA,%s,24,11,2026,00,00"},
     "12000%d.00",
     ""},
};

static void each_maker_in_its_own_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof makers / sizeof *makers; i++) {
        struct text t = {0};
        for (int second = 1; second <= 3; second++)
            for (int k = 0; k < 4 && makers[i].sentence[k]; k++) {
                char tod[24], body[160];
                const char *at = strstr(makers[i].sentence[k], "%s");
                snprintf(tod, sizeof tod, "12000%d%s", second, makers[i].tod + 7);
                int head = at ? (int)(at - makers[i].sentence[k]) : 0;
                snprintf(body, sizeof body, "%.*s%s%s", head, makers[i].sentence[k], at ? tod : "",
                         at ? at + 2 : makers[i].sentence[k]);
                SAY(&t, "%s", body);
            }
        print_message("%s\n", makers[i].name);
        expect_epochs(&t, makers[i].lines);
    }
}

static void c3_no_checksum_is_not_believed(void **state)
{
    (void)state;
    struct text t = {0};
    t.length = (size_t)snprintf(t.bytes, sizeof t.bytes,
                                "$GPRMC,120001,A,,,,,,,241126\r\n$GPRMC,120002,A,,,,,,,241126*\r\n"
                                "$GPRMC,120003,A,,,,,,,241126*2\r\n");
    expect_epochs(&t, "");
}

static void c3_lower_case_checksums(void **state)
{
    (void)state;
    struct text t = {0};
    for (int second = 1; second <= 3; second++)
        SAY(&t, "GPRMC,12000%d,A,,,,,,,241126,,,A,%d", second, second * 7);
    for (size_t i = 1; i + 1 < t.length; i++)
        if (t.bytes[i - 1] == '*' || (i > 1 && t.bytes[i - 2] == '*'))
            t.bytes[i] = (char)tolower(t.bytes[i]);
    expect_epochs(&t, NOON("A"));
}

static void c14_ten_a_second_over_midnight(void **state)
{
    (void)state;
    struct text t = {0}, lines = {0};
    for (int i = -10; i < 10; i++) {
        int second = i < 0 ? 59 : 0, tenth = i < 0 ? i + 10 : i;
        SAY(&t, "GNGGA,%s%02d.%d00,,,,,1", i < 0 ? "2359" : "0000", second, tenth);
        SAY(&t, "GNRMC,%s%02d.%d00,A,,,,,,,%s,,,A", i < 0 ? "2359" : "0000", second, tenth,
            i < 0 ? "311226" : "010127");
        lines.length += (size_t)snprintf(
            lines.bytes + lines.length, sizeof lines.bytes - lines.length, "%s:%02d.%d00Z A\n",
            i < 0 ? "2026-12-31T23:59" : "2027-01-01T00:00", second, tenth);
    }
    expect_epochs(&t, lines.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_maker_in_its_own_words),
        cmocka_unit_test(c3_no_checksum_is_not_believed),
        cmocka_unit_test(c3_lower_case_checksums),
        cmocka_unit_test(c14_ten_a_second_over_midnight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
