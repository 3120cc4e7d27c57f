/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/gpsd/gpsd_json.h"
#include "refclock/civil.h"

static int set_up(void **state)
{
    *state = gpsd_json_open(NULL);
    return *state ? 0 : -1;
}

static int tear_down(void **state)
{
    gpsd_json_close(*state);
    return 0;
}

static int take(void **state, const char *line, struct gpsd_message *m)
{
    char *copy = strdup(line);
    int failed = gpsd_json_read(*state, copy, m);
    free(copy);
    return failed;
}

static void version(void **state)
{
    struct gpsd_message m;
    assert_int_equal(take(state,
                          "{\"class\":\"VERSION\",\"release\":\"3.22\",\"rev\":\"3.22\","
                          "\"proto_major\":3,\"proto_minor\":14}",
                          &m),
                     0);
    assert_int_equal(m.class, GPSD_VERSION);
    assert_int_equal(m.major, 3);
    assert_string_equal(m.release, "3.22");
    assert_non_null(strstr(gpsd_json_library(), "API "));
}

#define TOFF                                                                                  \
    "{\"class\":\"TOFF\",\"device\":\"/dev/ttyS0\",\"real_sec\":1795537572, \"real_nsec\":5," \
    "\"clock_sec\":1795537571,\"clock_nsec\":902951150}"
#define PPS                                                                                  \
    "{\"class\":\"PPS\",\"device\":\"/dev/ttyS0\",\"real_sec\":1795537573, \"real_nsec\":0," \
    "\"clock_sec\":1795537572,\"clock_nsec\":999999150,\"precision\":-20%s}"

static void messages_and_pulses(void **state)
{
    struct gpsd_message m;
    char pps[300];
    snprintf(pps, sizeof pps, PPS, ",\"qErr\":-1234");
    assert_int_equal(take(state, TOFF, &m), 0);
    assert_int_equal(m.class, GPSD_TOFF);
    assert_int_equal(m.real, INT64_C(1795537572) * NS_PER_S + 5);
    assert_int_equal(m.clock, INT64_C(1795537571) * NS_PER_S + 902951150);
    assert_int_equal(take(state, pps, &m), 0);
    assert_int_equal(m.class, GPSD_PPS);
    assert_string_equal(m.device, "/dev/ttyS0");
    assert_int_equal(m.real, INT64_C(1795537573) * NS_PER_S);
    assert_int_equal(m.clock, INT64_C(1795537573) * NS_PER_S - 850);
    assert_true(fabs(m.sawtooth + 1.234e-9) < 1e-15);
    /* nothing of one message stays for the next */
    snprintf(pps, sizeof pps, PPS, "");
    assert_int_equal(take(state, pps, &m), 0);
    assert_true(m.sawtooth == 0);
    assert_int_equal(take(state, TOFF, &m), 0);
    assert_int_equal(m.real, INT64_C(1795537572) * NS_PER_S + 5);
    assert_true(m.sawtooth == 0);
}

static void fixes(void **state)
{
    struct gpsd_message m;
    assert_int_equal(take(state,
                          "{\"class\":\"TPV\",\"device\":\"/dev/ttyS0\",\"mode\":3,"
                          "\"time\":\"2026-11-24T16:26:12.000Z\",\"leapseconds\":18}",
                          &m),
                     0);
    assert_int_equal(m.class, GPSD_TPV);
    assert_int_equal(m.mode, 3);
    assert_int_equal(m.leap, 18);
    assert_int_equal(m.time, INT64_C(1795537572) * NS_PER_S);
    assert_false(m.simulated);
    assert_int_equal(take(state, "{\"class\":\"TPV\",\"mode\":1}", &m), 0);
    assert_int_equal(m.mode, 1);
    assert_int_equal(m.leap, 0);
    assert_int_equal(m.time, 0);
    assert_int_equal(take(state, "{\"class\":\"TPV\",\"status\":8,\"mode\":3}", &m), 0);
    assert_true(m.simulated);
}

static void skies(void **state)
{
    struct gpsd_message m;
    assert_int_equal(
        take(state,
             "{\"class\":\"SKY\",\"hdop\":1.2,\"satellites\":[{\"PRN\":5,\"el\":10.0,\"az\":20.4,"
             "\"ss\":33.0,\"used\":true,\"gnssid\":0,\"svid\":5},{\"PRN\":70,\"used\":false,"
             "\"gnssid\":6,\"svid\":6},{\"PRN\":303,\"used\":true,\"gnssid\":2,\"svid\":3}]}",
             &m),
        0);
    assert_int_equal(m.class, GPSD_SKY);
    assert_true(m.whole);
    assert_int_equal(m.sky.count, 3);
    assert_int_equal(m.sky.used, 2);
    assert_int_equal(m.sky.satellite[0].system, 'G');
    assert_int_equal(m.sky.satellite[0].azimuth, 20);
    assert_int_equal(m.sky.satellite[0].cn0, 33);
    assert_int_equal(m.sky.satellite[1].system, 'R');
    assert_int_equal(m.sky.satellite[1].elevation, -1);
    assert_int_equal(m.sky.satellite[1].cn0, 0);
    assert_int_equal(m.sky.satellite[2].system, 'E');
    assert_true(fabs(m.sky.hdop - 1.2) < 1e-9);
    /* a part without satellites does not say that there are none */
    assert_int_equal(take(state, "{\"class\":\"SKY\",\"hdop\":1.3}", &m), 0);
    assert_false(m.whole);
}

static void what_cannot_be(void **state)
{
    static const char *const lines[] = {
        /* libgps would read this for ever */
        ("{\"class\":\"TOFF\",\"device\":\"/dev/a\","
         "\"devices\":[{\"class\":\"DEVICE\",\"path\":\"/dev/a\"}]}"),
        "",
        "garbage",
        "<html>",
        "{",
        "{\"class\":\"TPV\",\"mode\":3}}",
        "{\"class\":3}",
        "{\"class\":\"PPS\",\"real_sec\":-5,\"clock_sec\":5}",
        "{\"class\":\"PPS\"}",
        ("{\"class\":\"TOFF\",\"real_sec\":1795537572,\"clock_sec\":1795537572,"
         "\"clock_nsec\":1000000000}"),
    };
    struct gpsd_message m;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        assert_int_equal(take(state, lines[i], &m), -1);
    assert_int_equal(take(state, "{\"class\":\"WATCH\",\"enable\":true}", &m), 0);
    assert_int_equal(m.class, GPSD_OTHER);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(version), T(messages_and_pulses), T(fixes), T(skies), T(what_cannot_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
