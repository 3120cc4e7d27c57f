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
#include "server/status/json.h"

static struct status *new_status(void)
{
    struct status *s = malloc(sizeof *s);
    assert_non_null(s);
    status_init(s);
    return s;
}

static json_t *answer(const struct status *s, const char *request)
{
    char *line = status_json_line(s, request);
    assert_non_null(line);
    assert_true(strlen(line) < STATUS_LINE_MAX);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    json_t *json = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    free(line);
    return json;
}

static const json_t *member(const json_t *json, const char *path)
{
    char word[128];
    snprintf(word, sizeof word, "%s", path);
    for (char *rest = NULL, *w = strtok_r(word, ".", &rest); w; w = strtok_r(NULL, ".", &rest))
        json = json_is_array(json) ? json_array_get(json, strtoul(w, NULL, 10))
                                   : json_object_get(json, w);
    if (!json)
        fail_msg("%s is missing", path);
    return json;
}

static void unknown_values_are_null(void **state)
{
    struct status *s = new_status();
    (void)state;
    json_t *json = answer(s, "status");
    assert_int_equal(json_integer_value(member(json, "version")), 1);
    assert_string_equal(json_string_value(member(json, "release")), TIMEBALL_VERSION);
    assert_true(json_is_null(member(json, "time")));
    assert_true(json_is_null(member(json, "bound")));
    assert_true(json_is_null(member(json, "bound_ns")));
    assert_string_equal(json_string_value(member(json, "clock.state")), "starting");
    assert_int_equal(json_integer_value(member(json, "clock.stratum")), 16);
    assert_string_equal(json_string_value(member(json, "clock.leap")), "unknown");
    assert_true(json_is_null(member(json, "clock.sentence")));
    assert_true(json_is_null(member(json, "clock.offset")));
    assert_true(json_is_null(member(json, "clock.refid")));
    assert_true(json_is_null(member(json, "sky.source")));
    assert_int_equal(json_array_size(member(json, "sources")), 0);
    json_decref(json);
    free(s);
}

static void values_have_their_forms(void **state)
{
    struct status *s = new_status();
    (void)state;
    s->time = civil_to_posix(&(struct civil){.year = 2026, .month = 11, .day = 24}) * NS_PER_S + 5;
    s->bound = 2.05e-8;
    s->clock.state = STATUS_HOLDOVER;
    s->clock.refid = SNAPSHOT_REFID('P', 'P', 'S', 0);
    s->clock.offset = 0.1;
    s->clock.rate = -2.5e-6;
    s->clock.leap = LEAP_INSERT;
    s->clock.bound_total = INFINITY;
    s->clock.steps = UINT64_C(9007199254740993);
    status_count(&s->server.verdicts, "answered", 12);
    s->source_count = 1;
    s->source[0].reach = 0377;
    s->source[0].used = true;
    s->source[0].health = HEALTH_NO_FIX;
    strcpy(s->source[0].name, "nmea \xff\x01\"");
    s->sky.sky.count = 1;
    s->sky.sky.satellite[0] = (struct satellite){.system = 'G', .id = 7, .used = true};
    json_t *json = answer(s, "status");
    assert_string_equal(json_string_value(member(json, "time")), "2026-11-24T00:00:00.000000005Z");
    assert_int_equal(json_integer_value(member(json, "bound_ns")), 21); /* up, not to nearest */
    assert_true(json_real_value(member(json, "bound")) == 2.05e-8);
    assert_string_equal(json_string_value(member(json, "clock.state")), "holdover");
    assert_string_equal(json_string_value(member(json, "clock.refid")), "PPS");
    assert_string_equal(json_string_value(member(json, "clock.leap")), "insert");
    assert_true(json_real_value(member(json, "clock.offset")) == 0.1);
    assert_true(fabs(json_real_value(member(json, "clock.rate_ppm")) + 2.5) < 1e-12);
    assert_true(json_is_null(member(json, "clock.bound_total")));
    assert_true(json_is_null(member(json, "clock.bound_total_ns")));
    assert_true(json_integer_value(member(json, "clock.steps")) == INT64_C(9007199254740993));
    assert_int_equal(json_integer_value(member(json, "server.verdicts.answered")), 12);
    assert_int_equal(json_integer_value(member(json, "sources.0.reach")), 255);
    assert_string_equal(json_string_value(member(json, "sources.0.health")), "no_fix");
    assert_true(json_is_true(member(json, "sources.0.used")));
    assert_string_equal(json_string_value(member(json, "sources.0.name")), "nmea ?\x01\"");
    assert_string_equal(json_string_value(member(json, "sky.satellites.0.system")), "G");
    json_decref(json);
    s->clock.refid = 0xc0000201;
    json = answer(s, "now");
    assert_string_equal(json_string_value(member(json, "clock.refid")), "192.0.2.1");
    json_decref(json);
    free(s);
}

static void a_request_gets_its_part(void **state)
{
    struct status *s = new_status();
    (void)state;
    json_t *json = answer(s, "version");
    assert_null(json_object_get(json, "clock"));
    json_decref(json);
    json = answer(s, "satellites");
    assert_non_null(json_object_get(json, "sky"));
    assert_null(json_object_get(json, "sources"));
    json_decref(json);
    assert_null(status_json_line(s, ""));
    assert_null(status_json_line(s, "statu"));
    assert_null(status_json_line(s, "status "));
    free(s);
}

/* Everything full, every count beyond its room: still one line within its limit. */
static void the_largest_status_fits(void **state)
{
    struct status *s = new_status();
    (void)state;
    s->source_count = s->sky.sky.count = s->server.listen_count = 1000000;
    memset(s->clock.sentence, 'a', sizeof s->clock.sentence - 1);
    for (int i = 0; i < STATUS_SOURCES_MAX; i++) {
        struct status_source *source = &s->source[i];
        memset(source->name, 'n', sizeof source->name - 1);
        memset(source->path, 'p', sizeof source->path - 1);
        memset(source->sentence, 's', sizeof source->sentence - 1);
        memset(source->error, 'e', sizeof source->error - 1);
        for (int k = 0; k < STATUS_COUNTERS_MAX + 5; k++) {
            char name[40];
            snprintf(name, sizeof name, "a_counter_with_a_long_name_%d", k);
            status_count(&source->counters, name, UINT64_MAX / 2);
        }
    }
    json_t *json = answer(s, "status");
    assert_int_equal(json_array_size(member(json, "sources")), STATUS_SOURCES_MAX);
    assert_int_equal(json_array_size(member(json, "sky.satellites")), SKY_MAX);
    assert_int_equal(json_object_size(member(json, "sources.3.counters")), STATUS_COUNTERS_MAX);
    json_decref(json);
    free(s);
}

static void check_rows(const struct status_row *rows)
{
    for (const struct status_row *row = rows; row->name; row++) {
        assert_non_null(row->help);
        assert_true(strlen(row->help) > 4);
        assert_ptr_equal(status_find(rows, row->name), row); /* no name twice */
        assert_int_equal(strspn(row->name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                         strlen(row->name));
        if (row->type == STATUS_TYPE_NAME)
            assert_non_null(row->names);
        if (row->rows)
            check_rows(row->rows);
    }
}

static void every_row_is_described(void **state)
{
    (void)state;
    check_rows(status_rows);
    for (const struct status_request *r = status_requests; r->word; r++)
        for (const char *const *name = r->names; name && *name; name++)
            assert_non_null(status_find(status_rows, *name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unknown_values_are_null), cmocka_unit_test(values_have_their_forms),
        cmocka_unit_test(a_request_gets_its_part), cmocka_unit_test(the_largest_status_fits),
        cmocka_unit_test(every_row_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
