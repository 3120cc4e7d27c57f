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

#include "refclock/civil.h"
#include "refclock/sample.h"
#include "refclock/snapshot.h"
#include "server/ctl/ctl.h"
#include "server/ctl/text.h"
#include "server/status/json.h"

static void seconds_get_a_unit(void **state)
{
    static const struct {
        double s;
        bool sign;
        const char *text;
    } tests[] = {
        {0, false, "0 s"},
        {1.2345e-8, false, "12.35 ns"},
        {-1e-9, true, "-1.00 ns"},
        {1e-12, true, "+0.00 ns"},
        {1.5e-6, false, "1.500 us"},
        {9.999999e-7, true, "+1.000 us"},
        {0.0123456, false, "12.35 ms"},
        {0.5, true, "+500.0 ms"},
        {-2, true, "-2.000 s"},
        {12345678, false, "12345678 s"},
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        assert_string_equal(ctl_seconds(tests[i].s, tests[i].sign, text, sizeof text),
                            tests[i].text);
    assert_string_equal(ctl_seconds(1e300, true, text, 48) + 47, "");
}

static void bounds_are_rounded_up(void **state)
{
    static const struct {
        double s;
        const char *text;
    } tests[] = {
        {21.3e-6, "21.3 us"}, {21.31e-6, "21.4 us"}, {1.001e-3, "1.01 ms"}, {100.1e-9, "101 ns"},
        {0.5, "500 ms"},      {0.50001, "501 ms"},   {1e-9, "1.00 ns"},     {3, "3.00 s"},
    };
    char text[64];
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        assert_string_equal(ctl_bound(tests[i].s, text, sizeof text), tests[i].text);
}

static void ages_are_read_at_a_glance(void **state)
{
    char text[64];
    (void)state;
    assert_string_equal(ctl_age(0.44, text, sizeof text), "0.4 s");
    assert_string_equal(ctl_age(61, text, sizeof text), "1 min 1 s");
    assert_string_equal(ctl_age(7322, text, sizeof text), "2 h 2 min");
    assert_string_equal(ctl_age(200000, text, sizeof text), "2 d 7 h");
    assert_non_null(ctl_age(1e300, text, sizeof text));
    assert_non_null(ctl_age(-5, text, sizeof text));
}

static void instants_are_read_strictly(void **state)
{
    static const char *const bad[] = {"2551-11-24T12:00:00.000000000Z",
                                      "1600-11-24T12:00:00.000000000Z",
                                      "",
                                      "2026-11-24T00:00:00Z",
                                      "2026-11-24T00:00:00.5Z",
                                      "2026-11-31T00:00:00.000000000Z",
                                      "2026-11-24T00:00:00.000000000",
                                      "2026-11-24T00:00:00.000000000Zx",
                                      "2026-11-24T00:00:00.-00000001Z"};
    int64_t at;
    (void)state;
    assert_int_equal(ctl_instant("1970-01-02T00:00:01.000000002Z", &at), 0);
    assert_true(at == 86401 * NS_PER_S + 2);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(ctl_instant(bad[i], &at), -1);
}

static json_t *answer_now(const char *time, double bound, int stratum)
{
    return json_pack("{s:s,s:f,s:{s:i,s:s}}", "time", time, "bound", bound, "clock", "stratum",
                     stratum, "reftime", time);
}

static void now_holds_the_trip(void **state)
{
    json_t *json = answer_now("1970-01-01T00:01:40.000000000Z", 1e-6, 1);
    (void)state;
    /* true time was within 100 s +- 1 us some time in the last 50 us */
    struct ctl_now now = ctl_now_from(json, 50e-6);
    assert_true(now.known);
    assert_true(now.earliest == 100 * NS_PER_S - 1000);
    assert_true(now.latest >= 100 * NS_PER_S + 51000 && now.latest < 100 * NS_PER_S + 51200);
    assert_true(now.time - now.earliest <= (int64_t)ceil(now.bound * 1e9));
    assert_true(now.latest - now.time <= (int64_t)ceil(now.bound * 1e9));
    assert_int_equal(ctl_judge(json), CTL_OK);
    assert_false(ctl_now_from(json, NAN).known);
    json_decref(json);
    json = answer_now("garbage", 1e-6, 16);
    assert_false(ctl_now_from(json, 0).known);
    assert_int_equal(ctl_judge(json), CTL_UNSYNCHRONISED);
    json_decref(json);
    json = answer_now("1970-01-01T00:01:40.000000000Z", 16, 16);
    json_object_set_new(json_object_get(json, "clock"), "reftime", json_null());
    assert_false(ctl_now_from(json, 0).known); /* nothing was ever measured */
    json_decref(json);
    json = json_object();
    assert_false(ctl_now_from(json, 0).known);
    assert_int_equal(ctl_judge(json), CTL_UNSYNCHRONISED);
    json_decref(json);
}

static void fill_clock(struct status_clock *c)
{
    c->state = STATUS_LOCKED;
    strcpy(c->sentence, "Locked to pps /dev/pps0: the time served is right within 21.4 us.");
    c->stratum = 1;
    c->refid = SNAPSHOT_REFID('P', 'P', 'S', 0);
    c->leap = LEAP_NONE;
    c->offset = 1.25e-8;
    c->bound_stat = 1.3e-6;
    c->bound_total = 2.13e-5;
    c->frequency = 1.2e-5;
    c->latency = 0;
    c->latency_uncertainty = 2e-5;
    c->latency_assumed = true;
}

static struct status *locked_status(void)
{
    struct status *s = malloc(sizeof *s);
    status_init(s);
    s->time = INT64_C(1795521600) * NS_PER_S + 1;
    fill_clock(&s->clock);
    s->source_count = 2;
    strcpy(s->source[0].name, "pps /dev/pps0");
    strcpy(s->source[0].sentence, "Used: it marks the second.");
    s->source[0].health = HEALTH_OK;
    s->source[0].used = true;
    s->source[0].reach = 0377;
    s->source[0].offset = 1.2e-8;
    strcpy(s->source[1].name, "nmea /dev/ttyAMA0 \033[31m");
    s->source[1].health = HEALTH_CLOSED;
    strcpy(s->source[1].error, "/dev/ttyAMA0: permission denied; add timeball to group dialout");
    strcpy(s->sky.source, "nmea /dev/ttyAMA0");
    s->sky.sky = (struct sky){.count = 2, .used = 1, .fix = 3, .pdop = 1.5, .hdop = NAN};
    s->sky.sky.satellite[0] = (struct satellite){'G', 7, 45, 270, 40, true};
    s->sky.sky.satellite[1] = (struct satellite){'E', 31, -1, -1, 0, false};
    s->server.listen_count = 1;
    strcpy(s->server.listen[0].address, "0.0.0.0");
    s->server.listen[0].port = 123;
    status_count(&s->server.verdicts, "answered", 1234);
    status_count(&s->server.verdicts, "short", 0);
    return s;
}

/* The view of a status as text; to be freed. */
static char *view_of(const struct status *s, void (*view)(FILE *, const json_t *))
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    json_t *json = status_json(status_rows, s, NULL);
    view(f, json);
    json_decref(json);
    fclose(f);
    return text;
}

static void shows(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' is not in\n%s", part, text);
}

static void status_is_for_people(void **state)
{
    struct status *s = locked_status();
    char *text = view_of(s, ctl_view_status);
    (void)state;
    assert_ptr_equal(strstr(text, s->clock.sentence), text); /* the sentence comes first */
    shows(text, "offset             +12.50 ns\n");
    shows(text, "error bound        21.3 us\n");
    shows(text, "frequency          +12.0000 ppm\n");
    shows(text, "latency is         assumed, not measured\n");
    shows(text, "pps /dev/pps0            yes   ok      377    -            +12.00 ns");
    shows(text, "    Used: it marks the second.\n");
    shows(text, "group dialout\n");
    shows(text, "answered 1234\n");
    shows(text, "listens on         0.0.0.0 port 123\n");
    assert_null(strstr(text, "short"));
    assert_null(strchr(text, '\033')); /* a device's name cannot drive the terminal */
    assert_null(strstr(text, "nan"));
    free(text);
    text = view_of(s, ctl_view_satellites);
    shows(text, "  G7            45       270        40  yes\n");
    shows(text, "  E31            -         -         -  no\n");
    free(text);
    text = view_of(s, ctl_view_line);
    shows(text, "locked  stratum 1 PPS  offset +12.50 ns  bound 21.3 us");
    assert_null(strchr(text, '\n'));
    free(text);
    free(s);
}

static void an_empty_status_is_shown_too(void **state)
{
    struct status *s = malloc(sizeof *s);
    (void)state;
    status_init(s);
    char *text = view_of(s, ctl_view_status);
    shows(text, "starting");
    shows(text, "no sources");
    free(text);
    text = view_of(s, ctl_view_satellites);
    shows(text, "no receiver reports any");
    free(text);
    text = view_of(s, ctl_view_line);
    shows(text, "stratum 16");
    free(text);
    free(s);
}

static void clients_are_a_table(void **state)
{
    struct status *s = locked_status();
    (void)state;
    s->time = INT64_C(1795521600) * NS_PER_S;
    status_count(&s->server.modes, "3", 4711);
    s->clients = (struct status_clients){.room = 65536, .memory = 2097152, .count = 2};
    s->clients.client[0] = (struct status_client){.address = "2001:db8:1:2::/64",
                                                  .port = 123,
                                                  .requests = 4000,
                                                  .dropped = 3900,
                                                  .rate = 12.345,
                                                  .first = s->time - 300 * NS_PER_S,
                                                  .last = s->time - 3 * NS_PER_S,
                                                  .mode = 3,
                                                  .version = 4,
                                                  .limited = true};
    s->clients.client[1] = (struct status_client){
        .address = "192.0.2.7\033[2J", .requests = 1, .rate = NAN, .mode = 1, .version = 3};
    char *text = view_of(s, ctl_view_clients);
    shows(text, "remembers up to 65536 clients, in 2.1 MB\n");
    shows(text, "answered 1234");
    shows(text, "by mode            3 4711");
    shows(text,
          "      4000       3900      12.3    3   4    123  3.0 s          2001:db8:1:2::/64  over "
          "the limit\n");
    shows(text, "         1          0         -    1   3      0  -              192.0.2.7?[2J\n");
    shows(text, "`restrict ADDRESS ignore`");
    free(text);
    s->clients.client[0].limited = false;
    s->clients.client[0].rate = 12345.6;
    text = view_of(s, ctl_view_clients);
    shows(text, "     12346    3   4    123");
    assert_null(strstr(text, "restrict"));
    free(text);
    s->clients.count = 0;
    text = view_of(s, ctl_view_clients);
    shows(text, "nobody has asked");
    free(text);
    free(s);
}

/* timeballctl meets whatever is at the other end of the socket. */
static void views_bear_any_json(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "{\"clock\":5,\"sources\":{},\"sky\":[],\"server\":null}",
        "{\"clock\":{\"offset\":\"x\",\"stratum\":{},\"counters\":[1]},\"sources\":[1,null,{}]}",
        "{\"sky\":{\"source\":\"a\",\"satellites\":[{},5,{\"id\":1e300,\"cn0\":true}]}}",
        "{\"server\":{\"listen\":[{},7],\"verdicts\":{\"a\":\"b\"}},\"process\":{\"uptime\":-1}}",
        "{\"clients\":{\"busiest\":[{},5,{\"address\":7,\"requests\":\"x\",\"rate\":1e308}]}}",
        "{\"clock\":{\"offset\":1e308,\"bound_total\":-1e308,\"rate_ppm\":1e308,\"refid\":7}}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);
        json_t *json = json_loads(texts[i], 0, NULL);
        assert_non_null(json);
        ctl_view_status(f, json);
        ctl_view_sources(f, json);
        ctl_view_satellites(f, json);
        ctl_view_clients(f, json);
        ctl_view_line(f, json);
        ctl_now_from(json, 0);
        ctl_judge(json);
        fclose(f);
        json_decref(json);
        assert_true(size > 0);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seconds_get_a_unit),        cmocka_unit_test(bounds_are_rounded_up),
        cmocka_unit_test(ages_are_read_at_a_glance), cmocka_unit_test(instants_are_read_strictly),
        cmocka_unit_test(now_holds_the_trip),        cmocka_unit_test(status_is_for_people),
        cmocka_unit_test(clients_are_a_table),       cmocka_unit_test(an_empty_status_is_shown_too),
        cmocka_unit_test(views_bear_any_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
