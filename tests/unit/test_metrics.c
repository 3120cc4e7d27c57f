/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/alarm/alarm.h"
#include "server/metrics/metrics.h"
#include "server/status/json.h"

/* The metrics of some JSON; to be freed. */
static char *metrics_of(const char *json)
{
    size_t size;
    json_t *status = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(status);
    char *text = metrics_text(status, &size);
    assert_non_null(text);
    assert_int_equal(strlen(text), size);
    json_decref(status);
    return text;
}

static int times(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        count++;
    return count;
}

#define EXPECT(text, part)                                 \
    do {                                                   \
        if (times(text, part) != 1)                        \
            fail_msg("not once '%s' in:\n%s", part, text); \
    } while (0)

static void nobody_answers(void **state)
{
    size_t size;
    char *text = metrics_text(NULL, &size);
    (void)state;
    EXPECT(text, "\n# TYPE timeball_up gauge\ntimeball_up 0\n");
    assert_int_equal(times(text, "\n"), 3);
    free(text);
}

/* Every path leads to a row of the status, of a type that the form can show. */
static const struct status_row *row_at(const char *path)
{
    const struct status_row *rows = status_rows, *row = NULL;
    char part[64];
    int used;
    for (; sscanf(path, "%63[^.[]%n", part, &used) == 1;
         path += used + strspn(path + used, "[].")) {
        if (!rows || !(row = status_find(rows, part)))
            return NULL;
        rows = row->rows;
    }
    return row;
}

static bool is_flag(const struct status_row *row)
{
    return row && row->type == STATUS_TYPE_BOOL;
}

static bool suits(const struct metric_row *m, const struct status_row *row)
{
    switch (m->form) {
    case METRIC_STATE:
        return row->type == STATUS_TYPE_NAME && row->names;
    case METRIC_TEXT:
        return row->type == STATUS_TYPE_TEXT;
    case METRIC_INSTANT:
    case METRIC_UNTIL:
        return row->type == STATUS_TYPE_INSTANT;
    case METRIC_COUNTERS:
        return row->type == STATUS_TYPE_COUNTERS;
    case METRIC_TALLY:
        return row->type == STATUS_TYPE_LIST && status_find(row->rows, m->member) &&
               (!m->value || is_flag(status_find(row->rows, m->value)));
    case METRIC_VALUE:
        return row->type != STATUS_TYPE_TEXT && row->type != STATUS_TYPE_NAME &&
               row->type != STATUS_TYPE_INSTANT && !row->rows;
    }
    return false;
}

static bool counts(const struct status_row *row)
{
    return row->type == STATUS_TYPE_COUNT || row->type == STATUS_TYPE_COUNTERS;
}

static void rows_fit_the_status(void **state)
{
    const struct metric_row *before = NULL;
    (void)state;
    for (const struct metric_row *m = metric_rows; m->name; before = m++) {
        const struct status_row *row = row_at(m->path);
        const char *bracket = strchr(m->path, '[');
        bool again = before && !strcmp(before->name, m->name);
        if (!row || !suits(m, row)) {
            fail_msg("%s: %s does not suit", m->name, m->path);
            return;
        }
        bool total = strlen(m->name) > 6 && !strcmp(m->name + strlen(m->name) - 6, "_total");
        if (total != counts(row))
            fail_msg("%s: a counter's name ends in _total, and no other's", m->name);
        if (again == (m->help != NULL))
            fail_msg("%s: one sentence for each name", m->name);
        for (const struct metric_row *far = metric_rows; before && far < before; far++)
            if (strcmp(far->name, m->name) == 0 && !again)
                fail_msg("%s: its rows must stand together", m->name);
        for (const struct metric_list *list = metric_lists; bracket; list++)
            if (!list->path)
                fail_msg("%s: no label for the elements of %s", m->name, m->path);
            else if (!strncmp(list->path, m->path, (size_t)(bracket - m->path)))
                break;
        for (const char *c = m->name; *c; c++)
            assert_true(islower((unsigned char)*c) || *c == '_' || isdigit((unsigned char)*c));
    }
}

static void fill(struct status *s)
{
    status_init(s);
    s->time = INT64_C(1795521600123456789);
    s->clock.state = STATUS_HOLDOVER;
    s->clock.stratum = 1;
    s->clock.offset = -1.5e-6;
    s->clock.bound_total = 2.5e-5;
    s->clock.steps = 3;
    s->clock.passes_1us = s->time - INT64_C(1500000000);
    s->clock.passes_1ms = s->time + INT64_C(86400500000000);
    status_count(&s->server.verdicts, "answered", UINT64_C(5000000000));
    status_count(&s->server.verdicts, "short", 2);
    s->source_count = 2;
    for (int i = 0; i < 2; i++) {
        snprintf(s->source[i].name, sizeof s->source[i].name, "nmea /dev/ttyS%d", i);
        snprintf(s->source[i].verdict, sizeof s->source[i].verdict, i ? "falseticker" : "leads");
        s->source[i].used = !i;
        s->source[i].reach = i ? 0 : 255;
    }
    s->sky.sky.count = 3;
    memcpy(s->sky.sky.satellite,
           (struct satellite[]){{.system = 'G', .used = true}, {.system = 'G'}, {.system = 'E'}},
           3 * sizeof(struct satellite));
    s->leap.witness_count = 1;
    s->leap.witness[0].expires = INT64_C(1798761600000000000);
    snprintf(s->leap.witness[0].name, sizeof s->leap.witness[0].name, "/l");
    alarm_add(&s->alarms, ALARM_HOLDOVER, LOG_LEVEL_WARNING, "", "It is lost.");
    alarm_add(&s->alarms, ALARM_ANTENNA, LOG_LEVEL_WARNING, "a", "It is open.");
    alarm_add(&s->alarms, ALARM_ANTENNA, LOG_LEVEL_WARNING, "b", "It is short.");
    for (int i = 0; i < s->alarms.count; i++)
        s->alarms.item[i].since = s->time;
}

/* Of the status that fill() makes. */
static const char *const expected[] = {
    "\ntimeball_up 1\n",
    ("\ntimeball_build_info{version=\"" TIMEBALL_VERSION "\"} 1\n"),
    "# TYPE timeball_state gauge\n",
    "\ntimeball_state{state=\"holdover\"} 1\n",
    "\ntimeball_state{state=\"locked\"} 0\n",
    "\ntimeball_stratum 1\n",
    "\ntimeball_offset_seconds -1.5e-06\n",
    "\ntimeball_error_bound_seconds 2.5e-05\n",
    "# TYPE timeball_steps_total counter\ntimeball_steps_total 3\n",
    "# HELP timeball_holdover_promise_seconds",
    "\ntimeball_holdover_promise_seconds{bound=\"1us\"} -1.500\n",
    "\ntimeball_holdover_promise_seconds{bound=\"1ms\"} 86400.500\n",
    "\ntimeball_ntp_packets_total{verdict=\"answered\"} 5000000000\n",
    "\ntimeball_alarm_since_timestamp_seconds{event=\"holdover\"} 1795521600.123\n",
    "\ntimeball_alarm_since_timestamp_seconds{event=\"antenna\",thing=\"a\"} 1795521600.123\n",
    "\ntimeball_alarm_since_timestamp_seconds{event=\"antenna\",thing=\"b\"} 1795521600.123\n",
    "\ntimeball_source_used{source=\"nmea /dev/ttyS0\"} 1\n",
    "\ntimeball_source_used{source=\"nmea /dev/ttyS1\"} 0\n",
    "\ntimeball_source_reach{source=\"nmea /dev/ttyS0\"} 255\n",
    "{source=\"nmea /dev/ttyS1\",verdict=\"falseticker\"} 1\n",
    "\ntimeball_source_antenna{source=\"nmea /dev/ttyS1\",antenna=\"unknown\"} 1\n",
    "\ntimeball_satellites{system=\"G\"} 2\n",
    "\ntimeball_satellites_used{system=\"G\"} 1\n",
    "\ntimeball_satellites_used{system=\"E\"} 0\n",
    "\ntimeball_leap_list_expiry_timestamp_seconds{witness=\"/l\"} 1798761600.000\n",
};

static void values(void **state)
{
    static struct status s;
    (void)state;
    fill(&s);
    char *line = status_json_line(&s, "status"), *text = metrics_of(line);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        EXPECT(text, expected[i]);
    assert_int_equal(times(text, "timeball_temperature_celsius"), 0); /* not known: no sample */
    free(text);
    free(line);
}

/* A receiver's text can neither end a label nor a line, nor drive a terminal. */
static void hostile_labels(void **state)
{
    (void)state;
    char *text = metrics_of(
        "{\"release\":\"1\\\"} 7\\nevil 1\\n\",\"clock\":{\"state\":\"x\\\\\"},"
        "\"sources\":[{\"name\":\"a\\\"b\\\\c\\n\\u001b[2J\",\"used\":true},{\"used\":true},7,"
        "{\"name\":\"twin\",\"used\":true},{\"name\":\"twin\",\"used\":false},"
        "{\"name\":\"e\\u0001\",\"reach\":1},{\"name\":\"e\\u0002\",\"reach\":2}],"
        "\"alarms\":[{\"event\":\"e\",\"thing\":\"t\\u0001\",\"since\":\"2026-11-24T12:00:00."
        "000000000Z\"},"
        "{\"event\":\"e\",\"thing\":\"t\\u0002\",\"since\":\"2026-11-24T12:00:00.000000000Z\"}],"
        "\"server\":{\"verdicts\":{\"q\\\"\":1,\"n\\n\":2,\"text\":\"no number\"}}}");
    EXPECT(text, "\ntimeball_build_info{version=\"1\\\"} 7?evil 1?\"} 1\n");
    EXPECT(text, "\ntimeball_state{state=\"x\\\\\"} 1\n"); /* of a later release, say */
    EXPECT(text, "\ntimeball_source_used{source=\"a\\\"b\\\\c??[2J\"} 1\n");
    EXPECT(text, "\ntimeball_source_used{source=\"twin\"} 1\n");
    EXPECT(text, "\ntimeball_source_used{source=\"twin\",twin=\"2\"} 0\n");
    EXPECT(text, "\ntimeball_source_reach{source=\"e?\"} 1\n");
    EXPECT(text, "\ntimeball_source_reach{source=\"e?\",twin=\"2\"} 2\n");
    EXPECT(text, "timestamp_seconds{event=\"e\",thing=\"t?\"} ");
    EXPECT(text, "timestamp_seconds{event=\"e\",twin=\"2\",thing=\"t?\"} ");
    EXPECT(text, "\ntimeball_ntp_packets_total{verdict=\"q\\\"\"} 1\n");
    assert_int_equal(times(text, "timeball_ntp_packets_total{"), 1);
    assert_null(strstr(text, "\nevil"));
    assert_null(strchr(text, '\033'));
    free(text);
}

static void other_types_have_no_sample(void **state)
{
    (void)state;
    char *text = metrics_of("{\"time\":7,\"release\":null,\"clock\":[1],\"sources\":{\"a\":1},"
                            "\"sky\":{\"satellites\":[7,{\"system\":7}]},\"server\":\"x\","
                            "\"process\":{\"started\":\"yesterday\"},\"leap\":null}");
    assert_int_equal(times(text, "\n"), 3);
    EXPECT(text, "\ntimeball_up 1\n");
    free(text);
}

static void bounded(void **state)
{
    char *json = NULL;
    size_t size;
    FILE *f = open_memstream(&json, &size);
    (void)state;
    fputs("{\"server\":{\"verdicts\":{\"a\":1", f);
    for (int i = 0; i < 1000; i++)
        fprintf(f, ",\"a%d\":1", i);
    fputs("}},\"sources\":[{\"name\":\"first\",\"used\":true}", f);
    for (int i = 0; i < 1000; i++)
        fprintf(f, ",{\"name\":\"n%d\",\"used\":true}", i);
    fputs("]}", f);
    fclose(f);
    char *text = metrics_of(json);
    assert_int_equal(times(text, "\ntimeball_source_used{"), METRICS_ELEMENTS);
    assert_int_equal(times(text, "\ntimeball_ntp_packets_total{"), METRICS_NAMES);
    free(text);
    free(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_answers),
        cmocka_unit_test(rows_fit_the_status),
        cmocka_unit_test(values),
        cmocka_unit_test(hostile_labels),
        cmocka_unit_test(other_types_have_no_sample),
        cmocka_unit_test(bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
