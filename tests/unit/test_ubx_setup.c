/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/ubx/ubx_setup.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "ubx_receiver.h"

struct desk {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct ubx_receiver receiver;
    struct ubx_setup setup;
    struct receiver_report report;
    char said[8192];
    int lines, lasts, port_changes;
    bool failed;
};

static double steady(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

static ptrdiff_t write_port(void *arg, const void *bytes, size_t size)
{
    receiver_hear(&((struct desk *)arg)->receiver, bytes, size);
    return (ptrdiff_t)size;
}

static int set_baud(void *arg, int baud, struct err *err)
{
    struct desk *d = arg;
    (void)err;
    d->port_changes++;
    d->receiver.port_rate = baud;
    return 0;
}

/* As the driver does: the report is taken first. */
static void on_frame(void *arg, const struct ubx_frame *f)
{
    struct desk *d = arg;
    if (f->class == 0x0a && f->id == 4)
        snprintf(d->report.protocol, sizeof d->report.protocol, "%s",
                 d->receiver.keys ? "29.20" : "18.00");
    ubx_setup_frame(&d->setup, f);
}

static void reply(void *arg, const char *line, bool last, bool failed)
{
    struct desk *d = arg;
    size_t n = strlen(d->said);
    snprintf(d->said + n, sizeof d->said - n, "%s\n", line);
    d->lines++;
    d->lasts += last;
    d->failed = failed;
}

static const struct ubx_setup_host host = {.write = write_port, .set_baud = set_baud};

static struct desk *new_desk(bool keys)
{
    struct desk *d = calloc(1, sizeof *d);
    loop_virtual_init(&d->loop, &d->clock.clock, INT64_C(1790000000000000000));
    clock_virtual_init(&d->clock, loop_virtual_truth, steady, &d->loop, 0);
    d->loop.loop.now = clock_local(&d->clock.clock, clock_now(&d->clock.clock));
    receiver_init(&d->receiver, &d->loop.loop, keys);
    d->receiver.frame = on_frame;
    d->receiver.arg = d;
    receiver_report_init(&d->report);
    ubx_setup_init(&d->setup, &host, d, &d->loop.loop, &d->report);
    d->setup.rate = 9600;
    return d;
}

static void clear_desk(struct desk *d)
{
    ubx_setup_stop(&d->setup);
    loop_close(&d->loop.loop);
    free(d);
}

/* Takes the words and waits for the end. True when it went well. */
static bool order(struct desk *d, const char *text)
{
    char copy[200];
    const char *words[16];
    size_t count = 0;
    struct err err = {0};
    snprintf(copy, sizeof copy, "%s", text);
    for (char *w = strtok(copy, " "); w; w = strtok(NULL, " "))
        words[count++] = w;
    struct driver_command c = {.words = words, .count = count, .reply = reply, .arg = d};
    d->said[0] = 0;
    d->lines = d->lasts = 0;
    if (ubx_setup_command(&d->setup, &c, &err)) {
        assert_true(*err.why);
        snprintf(d->said, sizeof d->said, "%s; %s", err.why, err.todo);
        return false;
    }
    int64_t until = d->loop.truth + INT64_C(60000000000);
    while (!d->lasts && d->loop.truth < until)
        loop_turn(&d->loop.loop, until);
    assert_int_equal(d->lasts, 1);
    return !d->failed;
}

static void expect(const struct desk *d, const char *text)
{
    if (!strstr(d->said, text))
        fail_msg("'%s' is not in:\n%s", text, d->said);
}

static void both(void (*test)(struct desk *))
{
    for (int keys = 0; keys < 2; keys++) {
        struct desk *d = new_desk(keys);
        test(d);
        clear_desk(d);
    }
}

static int64_t legacy_or_key(struct desk *d, const uint8_t *at, uint32_t key)
{
    return d->receiver.keys ? *receiver_find(&d->receiver, key) : (int8_t)*at;
}

static void set_elevation(struct desk *d)
{
    assert_true(order(d, "elevation 15"));
    expect(d, "elevation mask: was 5 degrees, is 15 degrees");
    expect(d, "receiver save keeps it");
    assert_int_equal(legacy_or_key(d, d->receiver.nav5 + 12, 0x201100a4), 15);
    assert_int_equal(d->receiver.nav5[2], 2); /* the dynamic model is left alone */
    assert_int_equal(d->receiver.saves, 0);
}

static void set_cable(struct desk *d)
{
    assert_true(order(d, "cable -0.00000005"));
    expect(d, "cable delay: was 0 ns, is -50 ns");
    assert_true(order(d, "jamming on"));
    expect(d, "jamming monitor: was off, is on");
}

static void set_place(struct desk *d)
{
    assert_true(order(d, "survey 86400 2.5"));
    expect(d, "time mode: was off, is survey");
    expect(d, "survey time: was 0 s, is 86400 s");
    expect(d, "survey limit: was 0 m, is 2.5 m");
    assert_true(order(d, "fixed 0 -90 100 0.5"));
    expect(d, "time mode: was survey, is fixed");
    expect(d, "position Y: was 0.00 m, is -6378237.00 m");
    expect(d, "position accuracy: was 0 m, is 0.5 m");
    assert_true(order(d, "fixed ecef 4000000 300000 -4900000"));
    expect(d, "position Z: was 0.00 m, is -4900000.00 m");
    assert_true(order(d, "moving"));
    expect(d, "is off");
}

static void set_constellations(struct desk *d)
{
    assert_true(order(d, "constellations gps galileo"));
    expect(d, "galileo: was off, is on");
    expect(d, "glonass: was");
    assert_true(order(d, "constellations glonass"));
    expect(d, "gps: was on, is off");
    if (!d->receiver.keys) {
        assert_false(order(d, "constellations gps qzss"));
        expect(d, "this receiver has no qzss");
    }
}

static void trim_messages(struct desk *d)
{
    assert_true(order(d, "messages trim"));
    expect(d, "GSV: was on, is off");
    expect(d, "NAV-PVT: was off, is on");
    expect(d, "NAV-SAT: was off, is every 10 epochs");
    expect(d, "of the line at 9600 baud");
    expect(d, "before 1"); /* all of NMEA did not fit */
}

static void change_rate(struct desk *d)
{
    assert_true(order(d, "baud 38400"));
    expect(d, "baud rate: was 9600 baud, is 38400 baud");
    assert_int_equal(d->receiver.port_rate, 38400);
    assert_int_equal(d->setup.rate, 38400);
}

/* A receiver that took the rate and is not heard is told at the new one, and the port goes back. */
static void rate_goes_wrong(struct desk *d)
{
    d->receiver.broken = true;
    assert_false(order(d, "baud 115200"));
    expect(d, "no answer at 115200 baud");
    assert_int_equal(d->receiver.port_rate, 9600);
    assert_int_equal(d->setup.rate, 9600);
}

/* A line that cannot carry the new rate: the receiver hears the old one again. */
static int set_baud_deaf(void *arg, int baud, struct err *err)
{
    struct desk *d = arg;
    (void)err;
    d->receiver.port_rate = baud == 115200 ? 115199 : baud;
    if (baud == 9600)
        d->receiver.rate = 9600; /* as after its own fall-back */
    return 0;
}

static void rate_is_put_back(struct desk *d)
{
    static const struct ubx_setup_host deaf = {.write = write_port, .set_baud = set_baud_deaf};
    d->setup.host = &deaf;
    assert_false(order(d, "baud 115200"));
    expect(d, "receiver and port are back at 9600 baud");
}

static void keep(struct desk *d)
{
    assert_true(order(d, "save"));
    assert_int_equal(d->receiver.saves, 1);
    assert_true(order(d, "reset-config"));
    assert_int_equal(d->receiver.saves, 2);
}

static void show(struct desk *d)
{
    d->setup.satellites = 12;
    d->setup.used = 9;
    assert_true(order(d, "show"));
    expect(d, "antenna: unknown");
    expect(d, "spoofing: unknown");
    expect(d, "satellites: 12 seen, 9 used");
    expect(d, "elevation mask: 5 degrees");
    expect(d, "time mode: off");
    expect(d, "GSV: on");
    assert_int_equal(d->receiver.saves, 0);
}

static void lost_frames_are_sent_again(struct desk *d)
{
    d->receiver.drop = 1;
    assert_true(order(d, "elevation 7"));
    d->receiver.drop = 2;
    assert_false(order(d, "elevation 8"));
}

static void what_is_not_done_is_noticed(struct desk *d)
{
    d->receiver.stubborn = true;
    assert_false(order(d, "elevation 7"));
    expect(d, "elevation mask: was 5 degrees, is 5 degrees");
    expect(d, "reads back 1 other value");
}

static void mute(struct desk *d)
{
    d->receiver.mute = true;
    assert_false(order(d, "elevation 7"));
    expect(d, "speaks NMEA only");
    assert_false(order(d, "show"));
    expect(d, "antenna: unknown");
    expect(d, "speaks NMEA only");
}

static void fall_silent(struct desk *d)
{
    int64_t begun = d->loop.truth;
    d->receiver.drop = -1; /* all but the first */
    assert_false(order(d, "show"));
    expect(d, "does not answer any more");
    assert_true(d->loop.truth - begun < INT64_C(15000000000));
}

static void leave(struct desk *d)
{
    const char *const words[] = {"show"};
    struct driver_command c = {.words = words, .count = 1, .reply = reply, .arg = d};
    struct err err = {0};
    assert_int_equal(ubx_setup_command(&d->setup, &c, &err), 0);
    assert_int_equal(ubx_setup_command(&d->setup, &c, &err), -1);
    assert_string_equal(err.why, "another command is under way");
    ubx_setup_gone(&d->setup);
    expect(d, "the port has gone");
    assert_int_equal(d->lasts, 1);
    assert_true(order(d, "show"));
}

#define BOTH(name, test)           \
    static void name(void **state) \
    {                              \
        (void)state;               \
        both(test);                \
    }
BOTH(an_elevation_mask_is_set, set_elevation)
BOTH(a_cable_delay_is_set, set_cable)
BOTH(a_place_is_set, set_place)
BOTH(constellations_are_set, set_constellations)
BOTH(messages_are_trimmed_to_the_line, trim_messages)
BOTH(a_new_rate_is_verified, change_rate)
BOTH(a_rate_without_an_answer_is_taken_back, rate_goes_wrong)
BOTH(a_rate_that_the_line_cannot_carry_is_put_back, rate_is_put_back)
BOTH(only_a_word_writes_to_flash, keep)
BOTH(show_reads_and_writes_nothing, show)
BOTH(a_lost_frame_is_sent_again_once, lost_frames_are_sent_again)
BOTH(a_value_that_reads_back_otherwise_is_a_failure, what_is_not_done_is_noticed)
BOTH(a_receiver_without_ubx_is_named, mute)
BOTH(a_receiver_that_falls_silent_is_given_up, fall_silent)
BOTH(a_port_that_goes_ends_the_command, leave)

static void no_time_mode_is_said(void **state)
{
    struct desk *d = new_desk(false);
    (void)state;
    d->receiver.timing = false;
    assert_false(order(d, "survey 100 1"));
    expect(d, "this receiver has no time mode");
    clear_desk(d);
}

static void wrong_words_are_never_sent(void **state)
{
    static const char *const wrong[] = {
        "dance",           "elevation",      "elevation 90",
        "elevation x",     "elevation 0x10", "elevation nan",
        "cable 1",         "survey 10",      "survey 0 1",
        "fixed 1 2",       "fixed 91 0 0",   "fixed ecef 1 2 3",
        "fixed 1 2 3 4 5", "baud 12345",     "baud 9600x",
        "messages",        "messages all",   "jamming",
        "jamming maybe",   "constellations", "constellations gps moon",
        "save now",        "moving on",      "show me"};
    struct desk *d = new_desk(true);
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (order(d, wrong[i]))
            fail_msg("taken: %s", wrong[i]);
    assert_int_equal(d->receiver.heard, 0);
    d->setup.dialect.port = UBX_PORT_USB;
    assert_false(order(d, "baud 38400"));
    expect(d, "USB");
    assert_true(order(d, "help"));
    expect(d, "survey SECONDS ACCURACY");
    assert_int_equal(d->receiver.heard, 0);
    clear_desk(d);
}

/* Positions of known points: on the equator, at the pole, and Greenwich's dome by hand. */
static void positions_become_ecef(void **state)
{
    double p[3];
    (void)state;
    ubx_ecef(0, 0, 0, p);
    assert_true(fabs(p[0] - 6378137) < 1e-6 && fabs(p[1]) < 1e-6 && fabs(p[2]) < 1e-6);
    ubx_ecef(90, 0, 10, p);
    assert_true(fabs(p[0]) < 1e-6 && fabs(p[2] - 6356762.314245) < 1e-5);
    ubx_ecef(45, 180, 0, p);
    assert_true(fabs(p[0] + 4517590.878849) < 1e-5 && fabs(p[2] - 4487348.408866) < 1e-5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_elevation_mask_is_set),
        cmocka_unit_test(a_cable_delay_is_set),
        cmocka_unit_test(a_place_is_set),
        cmocka_unit_test(constellations_are_set),
        cmocka_unit_test(messages_are_trimmed_to_the_line),
        cmocka_unit_test(a_new_rate_is_verified),
        cmocka_unit_test(a_rate_without_an_answer_is_taken_back),
        cmocka_unit_test(a_rate_that_the_line_cannot_carry_is_put_back),
        cmocka_unit_test(only_a_word_writes_to_flash),
        cmocka_unit_test(show_reads_and_writes_nothing),
        cmocka_unit_test(a_lost_frame_is_sent_again_once),
        cmocka_unit_test(a_value_that_reads_back_otherwise_is_a_failure),
        cmocka_unit_test(a_receiver_without_ubx_is_named),
        cmocka_unit_test(a_receiver_that_falls_silent_is_given_up),
        cmocka_unit_test(a_port_that_goes_ends_the_command),
        cmocka_unit_test(no_time_mode_is_said),
        cmocka_unit_test(wrong_words_are_never_sent),
        cmocka_unit_test(positions_become_ecef),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
