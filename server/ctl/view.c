/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <math.h>
#include <string.h>

#include "server/ctl/text.h"

static const struct status_row *rows_of(const char *section)
{
    return status_find(status_rows, section)->rows;
}

/* A member's text by section and name. */
static const char *value(const char *section, const char *name, const json_t *object, char *buf,
                         size_t size)
{
    return ctl_value(status_find(rows_of(section), name), object, buf, size);
}

int ctl_judge(const json_t *status)
{
    double stratum = ctl_number(json_object_get(status, "clock"), "stratum");
    return stratum >= 1 && stratum <= 15 ? CTL_OK : CTL_UNSYNCHRONISED;
}

static void print_text(FILE *out, const char *before, const char *text, const char *after)
{
    if (!text)
        return;
    fputs(before, out);
    ctl_print_clean(out, text);
    fputs(after, out);
}

/* What the receiver said of itself, on one line; what it did not say is left out. */
static void print_report(FILE *out, const json_t *source)
{
    static const char *const names[] = {"model",    "firmware", "antenna", "jamming",
                                        "spoofing", "survey",   "notice"};
    const json_t *report = json_object_get(source, "report");
    const char *trust = ctl_string(source, "trust");
    const char *before = "    ";
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *text = ctl_string(report, names[i]);
        if (!text || !strcmp(text, "unknown"))
            continue;
        fprintf(out, "%s%s ", before, names[i]);
        ctl_print_clean(out, !strcmp(text, "not_monitored") ? "not monitored" : text);
        before = "; ";
    }
    if (*before == ';')
        fputc('\n', out);
    if (!trust || !strcmp(trust, "not_monitored"))
        print_text(out, "    integrity not monitored: ", ctl_string(source, "trust_why"), "\n");
    else {
        fprintf(out, "    integrity %s", trust);
        print_text(out, ": ", ctl_string(source, "trust_why"), "");
        fputc('\n', out);
    }
}

bool ctl_said_above(const json_t *status, const char *sentence)
{
    const char *first = ctl_string(json_object_get(status, "clock"), "sentence");
    return first && sentence && !strcmp(first, sentence);
}

void ctl_view_alarms(FILE *out, const json_t *status)
{
    json_t *alarm;
    size_t i;
    json_array_foreach(json_object_get(status, "alarms"), i, alarm)
    {
        const char *sentence = ctl_string(alarm, "sentence");
        if (ctl_said_above(status, sentence))
            continue;
        fputs("! ", out);
        ctl_print_hanging(out, 2, 2, sentence ? sentence : "?");
    }
}

/* "NAME  USED  HEALTH ..." and a line for each source, its sentence below. */
void ctl_view_sources(FILE *out, const json_t *status)
{
    static const char *const columns[] = {"used", "health", "reach", "age", "offset", "jitter"};
    static const int width[] = {5, 7, 6, 12, 12, 0};
    json_t *sources = json_object_get(status, "sources"), *source;
    size_t i;
    if (!json_array_size(sources)) {
        fputs("no sources: write a refclock line in the configuration\n", out);
        return;
    }
    fprintf(out, "%-24s", "source");
    for (size_t k = 0; k < sizeof columns / sizeof *columns; k++)
        fprintf(out, " %-*s", width[k], status_find(rows_of("sources"), columns[k])->label);
    fputc('\n', out);
    json_array_foreach(sources, i, source)
    {
        char text[640];
        const char *name = ctl_string(source, "name");
        ctl_print_clean(out, name ? name : "?");
        fprintf(out, "%*s", name && strlen(name) < 24 ? 24 - (int)strlen(name) : 0, "");
        for (size_t k = 0; k < sizeof columns / sizeof *columns; k++) {
            value("sources", columns[k], source, text, sizeof text);
            fprintf(out, " %-*s", width[k], *text ? text : "-");
        }
        fputc('\n', out);
        if (ctl_string(source, "sentence"))
            ctl_print_folded(out, 4, ctl_string(source, "sentence"));
        if (ctl_string(source, "error"))
            ctl_print_folded(out, 4, ctl_string(source, "error"));
        print_report(out, source);
    }
}

void ctl_view_satellites(FILE *out, const json_t *status)
{
    json_t *sky = json_object_get(status, "sky"), *satellite;
    char text[6][48];
    static const char *const names[] = {"system", "id", "elevation", "azimuth", "cn0", "used"};
    size_t i;
    if (!ctl_string(sky, "source")) {
        fputs("no satellites: no receiver reports any\n", out);
        return;
    }
    ctl_print_rows(out, rows_of("sky"), sky);
    fprintf(out, "\n  %-6s %9s %9s %9s  %s\n", "name", "elevation", "azimuth", "C/N0", "used");
    json_array_foreach(json_object_get(sky, "satellites"), i, satellite)
    {
        const struct status_row *rows = status_find(rows_of("sky"), "satellites")->rows;
        for (size_t k = 0; k < 6; k++) {
            ctl_value(status_find(rows, names[k]), satellite, text[k], sizeof text[k]);
            /* -1 is "unknown"; so is a signal of 0 */
            if (k >= 2 && (!strcmp(text[k], "-1") || (k == 4 && !strcmp(text[k], "0"))))
                strcpy(text[k], "-");
        }
        fputs("  ", out);
        ctl_print_clean(out, text[0]);
        fprintf(out, "%-5.5s %9s %9s %9s  %s\n", text[1], text[2], text[3], text[4], text[5]);
    }
}

static void print_title(FILE *out, const char *title)
{
    fprintf(out, "\n%s\n", title);
}

static void view_clock(FILE *out, const json_t *status)
{
    json_t *clock = json_object_get(status, "clock");
    print_title(out, "clock");
    print_text(out, "  time               ", ctl_string(status, "time"), "\n");
    ctl_print_rows(out, rows_of("clock"), clock);
    ctl_print_counters(out, "counters", json_object_get(clock, "counters"));
}

static void view_server(FILE *out, const json_t *status)
{
    json_t *server = json_object_get(status, "server"), *listen;
    size_t i;
    print_title(out, "server");
    json_array_foreach(json_object_get(server, "listen"), i, listen)
    {
        print_text(out, "  listens on         ", ctl_string(listen, "address"), "");
        fprintf(out, " port %.0f\n", ctl_number(listen, "port"));
    }
    ctl_print_rows(out, rows_of("server"), server);
    ctl_print_counters(out, "requests", json_object_get(server, "verdicts"));
}

static void view_feeds(FILE *out, const json_t *status)
{
    json_t *feed;
    size_t i;
    json_array_foreach(json_object_get(status, "feeds"), i, feed)
    {
        if (!i)
            print_title(out, "feeds");
        ctl_print_rows(out, rows_of("feeds"), feed);
    }
}

void ctl_view_status(FILE *out, const json_t *status)
{
    json_t *sky = json_object_get(status, "sky");
    const char *sentence = ctl_string(json_object_get(status, "clock"), "sentence");
    ctl_print_folded(out, 0, sentence ? sentence : "timeballd has not said yet how it fares");
    ctl_view_alarms(out, status);
    fputc('\n', out);
    ctl_view_sources(out, status);
    view_clock(out, status);
    if (ctl_string(sky, "source")) {
        print_title(out, "satellites");
        ctl_print_rows(out, rows_of("sky"), sky);
    }
    view_feeds(out, status);
    view_server(out, status);
    print_title(out, "process");
    ctl_print_rows(out, status_rows, status);
    ctl_print_rows(out, rows_of("process"), json_object_get(status, "process"));
}

static void print_used(FILE *out, const json_t *sources)
{
    json_t *source;
    size_t i;
    json_array_foreach((json_t *)sources, i, source)
    {
        if (json_is_true(json_object_get(source, "used")))
            print_text(out, "  ", ctl_string(source, "name"), "");
    }
}

void ctl_view_line(FILE *out, const json_t *status)
{
    json_t *clock = json_object_get(status, "clock"), *sky = json_object_get(status, "sky");
    const char *time = ctl_string(status, "time");
    char text[640];
    print_text(out, "", time ? time : "time unknown", "  ");
    ctl_print_clean(out, value("clock", "state", clock, text, sizeof text));
    fprintf(out, "  stratum %s", value("clock", "stratum", clock, text, sizeof text));
    print_text(out, " ", ctl_string(clock, "refid"), "");
    if (*value("clock", "offset", clock, text, sizeof text))
        fprintf(out, "  offset %s", text);
    if (*value("clock", "bound_total", clock, text, sizeof text))
        fprintf(out, "  bound %s", text);
    if (*value("clock", "frequency_ppm", clock, text, sizeof text))
        fprintf(out, "  frequency %s", text);
    if (ctl_string(sky, "source"))
        fprintf(out, "  satellites %.0f/%.0f", ctl_number(sky, "used"), ctl_number(sky, "count"));
    print_used(out, json_object_get(status, "sources"));
}
