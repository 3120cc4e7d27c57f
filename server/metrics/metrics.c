/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/metrics/metrics.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/text.h"

/* One sample's place: which row, and the label of the array's element. */
struct place {
    const struct metric_row *row;
    const char *label, *element; /* NULL: not in an array */
    const char *value;           /* of the row's label; NULL: the row's own, or none */
    int twin;                    /* so many elements before this one have the same labels */
};

struct writer {
    FILE *out;
    const json_t *status;
    int64_t now;      /* ns, the status' own time; 0: not known */
    const char *head; /* the name whose HELP and TYPE were written last */
};

static bool is_counter(const char *name)
{
    size_t length = strlen(name);
    return length > 6 && !strcmp(name + length - 6, "_total");
}

/* Control characters cannot drive a terminal that shows the text. */
static char cleaned(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f ? '?' : c;
}

static bool is_clean(const char *text)
{
    while (*text && cleaned(*text) == *text)
        text++;
    return !*text;
}

static bool looks_alike(const char *a, const char *b)
{
    while (*a && cleaned(*a) == cleaned(*b)) {
        a++;
        b++;
    }
    return !*a && !*b;
}

static void print_label(FILE *out, char before, const char *label, const char *value)
{
    fprintf(out, "%c%s=\"", before, label);
    for (; *value; value++) {
        if (*value == '"' || *value == '\\')
            fputc('\\', out);
        fputc(cleaned(*value), out);
    }
    fputc('"', out);
}

/* All of a line but its value. `value`: of the row's label, or NULL. */
static void print_name(struct writer *w, const struct place *p, const char *value)
{
    const char *name = p->row->name;
    char before = '{';
    if (!w->head || strcmp(w->head, name) != 0)
        fprintf(w->out, "# HELP timeball_%s %s\n# TYPE timeball_%s %s\n", name, p->row->help, name,
                is_counter(name) ? "counter" : "gauge");
    w->head = name;
    fprintf(w->out, "timeball_%s", name);
    if (p->element) {
        print_label(w->out, before, p->label, p->element);
        before = ',';
        if (p->twin)
            fprintf(w->out, ",twin=\"%d\"", p->twin + 1);
    }
    if (value) {
        print_label(w->out, before, p->row->label, value);
        before = ',';
    }
    fputs(before == ',' ? "} " : " ", w->out);
}

static bool is_value(const json_t *v)
{
    return json_is_number(v) || json_is_boolean(v);
}

static void print_value(struct writer *w, const struct place *p, const char *value, const json_t *v)
{
    print_name(w, p, value);
    if (json_is_real(v))
        fprintf(w->out, "%.12g\n", json_real_value(v));
    else
        fprintf(w->out, "%lld\n",
                json_is_integer(v) ? (long long)json_integer_value(v) : json_is_true(v));
}

/* Whole seconds and nanoseconds apart: a double would round a date to 0.2 us. */
static void print_instant(struct writer *w, const struct place *p, const json_t *v)
{
    const char *value = p->value ? p->value : p->row->value;
    int64_t at;
    if (!json_is_string(v) || ctl_instant(json_string_value(v), &at))
        return;
    if (p->row->form == METRIC_INSTANT) {
        print_name(w, p, value);
        fprintf(w->out, "%.3f\n", (double)at * 1e-9);
    } else if (w->now) {
        print_name(w, p, value);
        fprintf(w->out, "%.3f\n", ((double)at - (double)w->now) * 1e-9);
    }
}

/* The row of status.c that a path means. */
static const struct status_row *status_row_of(const char *path)
{
    const struct status_row *rows = status_rows, *row = NULL;
    while (*path && rows) {
        char name[32];
        size_t length = strcspn(path, ".[");
        snprintf(name, sizeof name, "%.*s", (int)length, path);
        row = status_find(rows, name);
        rows = row ? row->rows : NULL;
        path += length;
        path += strspn(path, "[].");
    }
    return *path ? NULL : row;
}

/* What this version does not know is a sample too, so that one of them is always 1. */
static void print_state(struct writer *w, const struct place *p, const json_t *v)
{
    const struct status_row *row = status_row_of(p->row->path);
    const char *text = json_string_value(v);
    bool known = false;
    if (!text || !row || !row->names)
        return;
    for (const char *const *name = row->names; *name; name++) {
        bool is = !strcmp(*name, text);
        print_name(w, p, *name);
        fprintf(w->out, "%d\n", is);
        known |= is;
    }
    if (!known) {
        print_name(w, p, text);
        fputs("1\n", w->out);
    }
}

static void print_counters(struct writer *w, const struct place *p, json_t *v)
{
    const char *name;
    json_t *count;
    int left = METRICS_NAMES;
    json_object_foreach(v, name, count) if (json_is_integer(count) && is_clean(name) && left-- > 0)
        print_value(w, p, name, count);
}

static bool is_counted(const struct metric_row *row, const json_t *element)
{
    return !row->value || json_is_true(json_object_get(element, row->value));
}

/* A kind whose elements are all left out is there with 0. */
static void print_tally(struct writer *w, const struct place *p, const json_t *v)
{
    json_t *tally = json_object(), *count;
    const char *kind;
    size_t i;
    json_t *element;
    json_array_foreach(v, i, element)
    {
        kind = ctl_string(element, p->row->member);
        if (!kind || !is_clean(kind) || i >= METRICS_ELEMENTS)
            continue;
        json_int_t n = json_integer_value(json_object_get(tally, kind));
        json_object_set_new(tally, kind, json_integer(n + is_counted(p->row, element)));
    }
    json_object_foreach(tally, kind, count) print_value(w, p, kind, count);
    json_decref(tally);
}

static void print_sample(struct writer *w, const struct place *p, json_t *v)
{
    switch (p->row->form) {
    case METRIC_VALUE:
        if (is_value(v))
            print_value(w, p, p->row->value, v);
        break;
    case METRIC_INSTANT:
    case METRIC_UNTIL:
        print_instant(w, p, v);
        break;
    case METRIC_STATE:
        print_state(w, p, v);
        break;
    case METRIC_TEXT:
        if (json_is_string(v)) {
            print_name(w, p, json_string_value(v));
            fputs("1\n", w->out);
        }
        break;
    case METRIC_COUNTERS:
        print_counters(w, p, v);
        break;
    case METRIC_TALLY:
        print_tally(w, p, v);
        break;
    }
}

/* What a path of names and dots leads to; NULL: nothing. */
static json_t *follow(const json_t *from, const char *path, size_t length)
{
    json_t *at = NULL;
    while (from && length) {
        const char *dot = memchr(path, '.', length);
        size_t part = dot ? (size_t)(dot - path) : length;
        at = json_object_getn(from, path, part);
        from = at;
        path += part + (dot != NULL);
        length -= part + (dot != NULL);
    }
    return at;
}

static const struct metric_list *list_of(const char *path, size_t length)
{
    const struct metric_list *list = metric_lists;
    while (list->path && (strlen(list->path) != length || memcmp(list->path, path, length) != 0))
        list++;
    return list->path ? list : NULL;
}

/* The element's text of that name; NULL: there is none, or it is too long for a label. */
static const char *label_of(const json_t *element, const char *member)
{
    const char *text = member ? ctl_string(element, member) : NULL;
    return text && strlen(text) <= STATUS_TEXT ? text : NULL;
}

/* How many elements before `end` have the same labels, as they are printed. */
static int twins(const json_t *array, size_t end, const char *member, const struct place *p)
{
    int count = 0;
    for (size_t i = 0; i < end; i++) {
        const json_t *element = json_array_get(array, i);
        const char *other = label_of(element, member);
        const char *value = label_of(element, p->row->member);
        count += other && looks_alike(other, p->element) &&
                 looks_alike(value ? value : "", p->value ? p->value : "");
    }
    return count;
}

static void print_elements(struct writer *w, const struct metric_row *row, size_t length)
{
    const struct metric_list *list = list_of(row->path, length);
    const char *rest = row->path + length + 3; /* "[]." */
    const json_t *array = follow(w->status, row->path, length);
    json_t *element;
    size_t i;
    json_array_foreach(array, i, element)
    {
        struct place p = {.row = row, .label = list->label};
        p.element = label_of(element, list->member);
        p.value = label_of(element, row->member);
        if (!p.element || i >= METRICS_ELEMENTS)
            continue;
        p.twin = twins(array, i, list->member, &p);
        print_sample(w, &p, follow(element, rest, strlen(rest)));
    }
}

static void print_row(struct writer *w, const struct metric_row *row)
{
    const char *bracket = strchr(row->path, '[');
    if (bracket) {
        print_elements(w, row, (size_t)(bracket - row->path));
        return;
    }
    struct place p = {.row = row};
    print_sample(w, &p, follow(w->status, row->path, strlen(row->path)));
}

char *metrics_text(const json_t *status, size_t *size)
{
    char *text = NULL;
    struct writer w = {.status = status, .out = open_memstream(&text, size)};
    const char *time = ctl_string(status, "time");
    if (!w.out)
        return NULL;
    if (!time || ctl_instant(time, &w.now))
        w.now = 0;
    fprintf(w.out,
            "# HELP timeball_up Whether timeballd answered at its status socket.\n"
            "# TYPE timeball_up gauge\ntimeball_up %d\n",
            status != NULL);
    for (const struct metric_row *row = metric_rows; status && row->name; row++)
        print_row(&w, row);
    bool bad = ferror(w.out);
    if (fclose(w.out) || bad) {
        free(text);
        return NULL;
    }
    return text;
}
