/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The status protocol as a manual's tables and as a JSON schema: one source, so the two agree. */
#include "docs_status.h"

#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "drivers/driver.h"
#include "server/ntp/exchange.h"
#include "server/status/status.h"
#include "server/ntp/verdict.h"

#define LINE_MOST 280 /* of the schema */

/* Counters that the daemon adds itself; one that is missing here fails the tests that hold its
 * answers against the schema. */
struct own_counter {
    const char *name, *help;
};
static const struct own_counter clock_counters[] = {
    {"edges", "edges that were looked at"},
    {"edges_off_grid", "of these, edges that are no whole seconds after the others"},
    {"labels", "times of messages that were looked at"},
    {"label_conflicts", "times that contradict those before"},
    {"renumbered", "times that the pulses got another number"},
    {"foreign_frequencies", "times that another program had set the clock's frequency"},
    {"refused_offsets", "steps that were refused, because they were larger than allowed"},
    {NULL, NULL},
};
static const struct own_counter pulse_counters[] = {
    {"used", "measurements that the estimate took"},
    {"late", "measurements left out because they were late beside the others"},
    {"early", "measurements left out because they were early beside the others"},
    {"reopened", "times that the gate for outliers was opened again"},
    {NULL, NULL},
};
static const struct own_counter peer_counters[] = {
    {"sent", "requests sent"},
    {"failed", "requests that could not be sent"},
    {NULL, NULL},
};

/* How a value is said in the manual and in the schema. */
static const struct form {
    const char *manual, *json;
    bool null;     /* unknown is null */
    bool positive; /* a number that is not below 0 */
} forms[] = {
    [STATUS_TYPE_TEXT] = {"text", "string", true, false},
    [STATUS_TYPE_BOOL] = {"true or false", "boolean", false, false},
    [STATUS_TYPE_INT] = {"integer", "integer", false, false},
    [STATUS_TYPE_COUNT] = {"integer", "integer", false, true},
    [STATUS_TYPE_COUNT32] = {"integer", "integer", false, true},
    [STATUS_TYPE_SECONDS] = {"s", "number", true, false},
    [STATUS_TYPE_SIZE] = {"s", "number", true, false},
    [STATUS_TYPE_AGE] = {"s", "number", true, false},
    [STATUS_TYPE_BOUND] = {"s", "number", true, true},
    [STATUS_TYPE_NS] = {"integer, ns", "integer", true, true},
    [STATUS_TYPE_NUMBER] = {"number", "number", true, false},
    [STATUS_TYPE_PPM] = {"ppm", "number", true, false},
    [STATUS_TYPE_PPM_SIZE] = {"ppm", "number", true, false},
    [STATUS_TYPE_INSTANT] = {"instant", "string", true, false},
    [STATUS_TYPE_NAME] = {"text", "string", false, false},
    [STATUS_TYPE_REFID] = {"text", "string", true, false},
    [STATUS_TYPE_REACH] = {"integer", "integer", false, true},
    [STATUS_TYPE_LETTER] = {"text", "string", true, false},
    [STATUS_TYPE_COUNTERS] = {"object", "object", false, false},
    [STATUS_TYPE_OBJECT] = {"object", "object", false, false},
    [STATUS_TYPE_LIST] = {"array", "array", false, false},
};

/* --- the manual ------------------------------------------------------------------------------ */

void docs_requests(FILE *out)
{
    for (const struct status_request *r = status_requests; r->word; r++)
        fprintf(out, ".TP\n.B %s\n%s\n", r->word, r->help);
}

static void print_rows(FILE *out, const struct status_row *rows, const char *path)
{
    for (const struct status_row *row = rows; row->name; row++)
        fprintf(out, ".TP\n.BR %s \" (%s)\"\n%s\n", row->name, forms[row->type].manual, row->help);
    for (const struct status_row *row = rows; row->name; row++) {
        char inner[128];
        if (!row->rows)
            continue;
        snprintf(inner, sizeof inner, "%s%s%s%s", path, *path ? "." : "", row->name,
                 row->type == STATUS_TYPE_LIST ? "[]" : "");
        fprintf(out, ".SS %s\n", inner);
        print_rows(out, row->rows, inner);
    }
}

void docs_fields(FILE *out)
{
    print_rows(out, status_rows, "");
}

static void print_counters(FILE *out, const struct own_counter *c)
{
    for (; c->name; c++)
        fprintf(out, ".TP\n.B %s\n%s\n", c->name, c->help);
}

void docs_counters(FILE *out)
{
    fputs(".SS clock.counters\n", out);
    print_counters(out, clock_counters);
    fputs(".SS sources[].counters of receivers with pulses\n", out);
    print_counters(out, pulse_counters);
    fputs(".SS sources[].counters of network servers\n", out);
    print_counters(out, peer_counters);
    for (int i = 0; i < EXCHANGE_VERDICTS; i++)
        fprintf(out, ".TP\n.B %s\n%s\n", exchange_rows[i].name, exchange_rows[i].help);
    for (const struct driver_ops *const *ops = driver_table; *ops; ops++) {
        fprintf(out, ".SS sources[].counters of %s\n", (*ops)->name);
        for (const struct counter_row *row = (*ops)->counters; row && row->name; row++)
            fprintf(out, ".TP\n.B %s\n%s\n", row->name, row->help);
    }
}

/* --- the schema ------------------------------------------------------------------------------ */

static json_t *reference(const char *name)
{
    return json_pack("{s:s+}", "$ref", "#/$defs/", name);
}

/* An object that has these properties, all of them (or any of them), and no others. */
static json_t *object_of(json_t *properties, bool all)
{
    json_t *schema = json_pack("{s:s, s:O, s:b}", "type", "object", "properties", properties,
                               "additionalProperties", 0);
    json_t *required = json_array();
    const char *name;
    json_t *value;
    json_object_foreach(properties, name, value) json_array_append_new(required, json_string(name));
    if (all)
        json_object_set(schema, "required", required);
    json_decref(required);
    json_decref(properties);
    return schema;
}

static void add_own(json_t *properties, const struct own_counter *c)
{
    for (; c->name; c++)
        json_object_set_new(properties, c->name, reference("count"));
}

static void add_sources_counters(json_t *properties)
{
    add_own(properties, pulse_counters);
    add_own(properties, peer_counters);
    for (int i = 0; i < EXCHANGE_VERDICTS; i++)
        json_object_set_new(properties, exchange_rows[i].name, reference("count"));
    for (const struct driver_ops *const *ops = driver_table; *ops; ops++)
        for (const struct counter_row *row = (*ops)->counters; row && row->name; row++)
            json_object_set_new(properties, row->name, reference("count"));
}

static json_t *counters_of(const char *parent, const char *name)
{
    json_t *properties = json_object();
    bool all = true;
    if (!strcmp(parent, "clock")) {
        add_own(properties, clock_counters);
        all = false; /* without a receiver those of the numbering are not there */
    } else if (!strcmp(parent, "sources")) {
        add_sources_counters(properties);
        all = false;
    } else if (!strcmp(name, "verdicts")) {
        for (int i = 0; i < VERDICT_COUNT; i++)
            json_object_set_new(properties, verdict_table[i].name, reference("count"));
    } else { /* modes and versions of NTP */
        for (char digit[] = "0"; *digit < '8'; ++*digit)
            json_object_set_new(properties, digit, reference("count"));
    }
    return object_of(properties, all);
}

static json_t *rows_schema(const struct status_row *rows, const char *parent);

static json_t *plain(const struct status_row *row)
{
    const struct form *form = &forms[row->type];
    json_t *schema = form->null ? json_pack("{s:[s, s]}", "type", form->json, "null")
                                : json_pack("{s:s}", "type", form->json);
    if (form->positive)
        json_object_set_new(schema, "minimum", json_integer(0));
    if (row->type == STATUS_TYPE_REACH)
        json_object_set_new(schema, "maximum", json_integer(255));
    if (!strcmp(form->json, "string") && form->null)
        json_object_set_new(schema, "minLength", json_integer(1));
    if (row->type == STATUS_TYPE_LETTER)
        json_object_set_new(schema, "maxLength", json_integer(1));
    if (row->type == STATUS_TYPE_NAME) {
        json_t *names = json_array();
        for (int i = 0; row->names[i]; i++)
            json_array_append_new(names, json_string(row->names[i]));
        json_object_set_new(schema, "enum", names);
    }
    return schema;
}

static json_t *row_schema(const struct status_row *row, const char *parent)
{
    json_t *schema;
    if (row->type == STATUS_TYPE_OBJECT)
        schema = rows_schema(row->rows, row->name);
    else if (row->type == STATUS_TYPE_LIST)
        schema = json_pack("{s:s, s:i, s:o}", "type", "array", "maxItems", row->max, "items",
                           rows_schema(row->rows, row->name));
    else if (row->type == STATUS_TYPE_COUNTERS)
        schema = counters_of(parent, row->name);
    else if (row->type == STATUS_TYPE_INSTANT)
        schema = reference("instant");
    else
        schema = plain(row);
    json_object_set_new(schema, "description", json_string(row->help));
    return schema;
}

static json_t *rows_schema(const struct status_row *rows, const char *parent)
{
    json_t *properties = json_object();
    for (const struct status_row *row = rows; row->name; row++)
        json_object_set_new(properties, row->name, row_schema(row, parent));
    return object_of(properties, true);
}

static json_t *answer(const struct status_request *request)
{
    json_t *properties = json_object();
    for (const char *const *name = request->names; *name; name++)
        json_object_set_new(properties, *name, reference(*name));
    json_t *schema = object_of(properties, true);
    json_object_set_new(schema, "description", json_string(request->help));
    return schema;
}

/* The answers that are no part of the status: errors, and the control socket's two. */
static void add_others(json_t *defs)
{
    json_t *properties =
        json_pack("{s:o, s:{s:s}}", "version", reference("version"), "error", "type", "string");
    json_object_set_new(defs, "answer-error", object_of(properties, true));
    properties =
        json_pack("{s:o, s:{s:s}, s:{s:s}, s:{s:s}}", "version", reference("version"), "line",
                  "type", "string", "last", "type", "boolean", "failed", "type", "boolean");
    json_object_set_new(defs, "answer-control", object_of(properties, true));
    properties = json_pack("{s:o, s:{s:b}}", "version", reference("version"), "stream", "const", 1);
    json_object_set_new(defs, "answer-stream", object_of(properties, true));
}

static json_t *definitions(void)
{
    json_t *defs = json_object();
    for (const struct status_request *r = status_requests; r->word; r++) {
        char name[64];
        snprintf(name, sizeof name, "answer-%s", r->word);
        json_object_set_new(defs, name, answer(r));
    }
    add_others(defs);
    for (const struct status_row *row = status_rows; row->name; row++)
        json_object_set_new(defs, row->name, row_schema(row, ""));
    json_object_set_new(json_object_get(defs, "version"), "const", json_integer(STATUS_VERSION));
    json_object_set_new(defs, "count", json_pack("{s:s, s:i}", "type", "integer", "minimum", 0));
    json_object_set_new(
        defs, "instant",
        json_pack("{s:[s, s], s:s}", "type", "string", "null", "pattern",
                  "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{9}Z$"));
    return defs;
}

/* A value on a line of its own if it fits, else its members on a line each. */
static void print_json(FILE *out, const json_t *value, int depth)
{
    const size_t flags = JSON_COMPACT | JSON_ENCODE_ANY;
    if (!json_is_object(value) || json_dumpb(value, NULL, 0, flags) < LINE_MOST) {
        json_dumpf(value, out, flags);
        return;
    }
    const char *name, *before = "{";
    json_t *member;
    json_object_foreach((json_t *)value, name, member)
    {
        fprintf(out, "%s\n%*s\"%s\": ", before, depth + 1, "", name);
        print_json(out, member, depth + 1);
        before = ",";
    }
    fprintf(out, "\n%*s}", depth, "");
}

void docs_schema(FILE *out)
{
    char id[64], title[64];
    snprintf(id, sizeof id, "urn:timeball:status:%d", STATUS_VERSION);
    snprintf(title, sizeof title, "Status protocol of timeball, version %d", STATUS_VERSION);
    json_t *defs = definitions(), *any = json_array();
    const char *name;
    json_t *value;
    json_object_foreach(defs, name, value) if (!strncmp(name, "answer-", strlen("answer-")))
        json_array_append_new(any, reference(name));
    json_t *schema = json_pack(
        "{s:s, s:s, s:s, s:s, s:o, s:o}", "$schema", "https://json-schema.org/draft/2020-12/schema",
        "$id", id, "title", title, "description",
        "One line of an answer, as this release gives it: a field that is not named here is not "
        "there. A program should ignore fields that it does not know, for later releases may add "
        "some without another version. See timeball-status(7).",
        "anyOf", any, "$defs", defs);
    print_json(out, schema, 0);
    fputc('\n', out);
    json_decref(schema);
}
