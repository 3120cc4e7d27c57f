/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"

/* A JSON string; bytes that are no UTF-8 (receivers send anything) become '?'. "" is null. */
static json_t *text_json(const char *text)
{
    char plain[1024];
    if (!*text)
        return json_null();
    json_t *json = json_string(text);
    if (json)
        return json;
    snprintf(plain, sizeof plain, "%s", text);
    for (char *p = plain; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    return json_string(plain);
}

static json_t *number_json(double v)
{
    return isfinite(v) ? json_real(v) : json_null();
}

static json_t *ns_json(double seconds)
{
    double ns = ceil(seconds * 1e9);
    return fabs(ns) < 9e18 ? json_integer((json_int_t)ns) : json_null(); /* NAN too */
}

static json_t *instant_json(int64_t instant)
{
    char text[40];
    return instant ? json_string(civil_iso(instant, 9, text, sizeof text)) : json_null();
}

static json_t *name_json(const struct status_row *row, int value)
{
    for (int i = 0; row->names[i]; i++)
        if (i == value)
            return json_string(row->names[i]);
    return json_null();
}

static json_t *refid_json(uint32_t refid)
{
    char text[16];
    return refid ? json_string(status_refid(refid, text, sizeof text)) : json_null();
}

/* Out of memory: half an object must not pass for a whole one. */
static json_t *none_of(json_t *json)
{
    json_decref(json);
    return NULL;
}

/* Adds a member and takes it over: the object, or NULL. */
static json_t *with(json_t *object, const char *name, json_t *value)
{
    return json_object_set_new(object, name, value) ? none_of(object) : object;
}

static json_t *counters_json(const struct status_counters *c)
{
    json_t *json = json_object();
    for (int i = 0; json && i < c->count && i < STATUS_COUNTERS_MAX; i++)
        json = with(json, c->item[i].name, json_integer((json_int_t)c->item[i].value));
    return json;
}

static json_t *list_json(const struct status_row *row, const void *base)
{
    int count;
    memcpy(&count, (const char *)base + row->count_offset, sizeof count);
    json_t *json = json_array();
    for (int i = 0; json && i < count && i < row->max; i++) {
        const char *item = (const char *)base + row->offset + (size_t)i * row->size;
        if (json_array_append_new(json, status_json(row->rows, item, NULL)))
            json = none_of(json);
    }
    return json;
}

static json_t *row_json(const struct status_row *row, const void *base)
{
    const void *at = (const char *)base + row->offset;
    switch (row->type) {
    case STATUS_TYPE_TEXT:
        return text_json(at);
    case STATUS_TYPE_BOOL:
        return json_boolean(*(const bool *)at);
    case STATUS_TYPE_INT:
    case STATUS_TYPE_REACH:
        return json_integer(*(const int *)at);
    case STATUS_TYPE_COUNT:
        return json_integer((json_int_t) * (const uint64_t *)at);
    case STATUS_TYPE_COUNT32:
        return json_integer(*(const uint32_t *)at);
    case STATUS_TYPE_SECONDS:
    case STATUS_TYPE_SIZE:
    case STATUS_TYPE_AGE:
    case STATUS_TYPE_BOUND:
    case STATUS_TYPE_NUMBER:
        return number_json(*(const double *)at);
    case STATUS_TYPE_NS:
        return ns_json(*(const double *)at);
    case STATUS_TYPE_PPM:
    case STATUS_TYPE_PPM_SIZE:
        return number_json(*(const double *)at * 1e6);
    case STATUS_TYPE_INSTANT:
        return instant_json(*(const int64_t *)at);
    case STATUS_TYPE_NAME:
        return name_json(row, *(const int *)at);
    case STATUS_TYPE_REFID:
        return refid_json(*(const uint32_t *)at);
    case STATUS_TYPE_LETTER:
        return text_json((const char[]){*(const char *)at, 0});
    case STATUS_TYPE_COUNTERS:
        return counters_json(at);
    case STATUS_TYPE_OBJECT:
        return status_json(row->rows, at, NULL);
    case STATUS_TYPE_LIST:
        return list_json(row, base);
    }
    return json_null();
}

static bool wanted(const char *name, const char *const *names)
{
    if (!names)
        return true;
    while (*names && strcmp(*names, name) != 0)
        names++;
    return *names != NULL;
}

json_t *status_json(const struct status_row *rows, const void *base, const char *const *names)
{
    json_t *json = json_object();
    for (const struct status_row *row = rows; json && row->name; row++)
        if (wanted(row->name, names))
            json = with(json, row->name, row_json(row, base));
    return json;
}

/* Writes a JSON value as a line and drops it. */
static char *line_of(json_t *json)
{
    const size_t flags = JSON_COMPACT | JSON_REAL_PRECISION(17);
    size_t n = json ? json_dumpb(json, NULL, 0, flags) : 0;
    char *line = n && n + 2 <= STATUS_LINE_MAX ? malloc(n + 2) : NULL;
    if (line && json_dumpb(json, line, n, flags) != n) {
        free(line);
        line = NULL;
    }
    if (line) {
        memcpy(line + n, "\n", 2);
    }
    json_decref(json);
    return line;
}

char *status_json_line(const struct status *s, const char *request)
{
    for (const struct status_request *r = status_requests; r->word; r++)
        if (!strcmp(r->word, request))
            return line_of(status_json(status_rows, s, r->names));
    return NULL;
}

char *status_json_error(const char *why)
{
    json_t *json = json_object();
    json = with(json, "version", json_integer(STATUS_VERSION));
    return line_of(json ? with(json, "error", text_json(why)) : NULL);
}
