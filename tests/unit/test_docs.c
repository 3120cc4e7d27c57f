/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The manuals hold tables made from the rows of options, drivers, verdicts and status, between
 * lines "rows: NAME" and "rows: end"; the schema of the status protocol is made as a whole. The
 * test holds them against the rows of today;
 * `test_docs --update` writes them anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/find/profile.h"
#include "server/alarm/alarm.h"
#include "server/config/config.h"
#include "server/config/ntp.h"
#include "server/metrics/metrics.h"
#include "server/options.h"
#include "server/daemon/reload.h"
#include "server/sim/scenario.h"
#include "server/sim/result.h"
#include "server/ntp/verdict.h"

#include "docs_status.h"

#define MARK "rows: "

static void print_option(FILE *out, const struct option_row *row)
{
    char usage[128], limits[128];
    options_usage(row, usage, sizeof usage);
    options_limits(row, limits, sizeof limits);
    fprintf(out, ".TP\n.BR %s \" %s\"\n%s\n", row->word, usage, row->help);
    if (*limits)
        fprintf(out, "(%s%s%s)\n", limits, row->assumed ? ", " : "",
                row->assumed ? row->assumed : "");
}

static void print_options(FILE *out, const struct option_row *rows)
{
    if (!rows || !rows->word)
        return;
    fputs(".RS\n", out);
    for (; rows->word; rows++)
        print_option(out, rows);
    fputs(".RE\n", out);
}

static void directives(FILE *out)
{
    for (const struct config_directive *d = config_directives; d->row.word; d++) {
        char limits[128] = "";
        if (!d->take)
            options_limits(&d->row, limits, sizeof limits);
        fprintf(out, ".TP\n.BR %s \" %s\"\n%s\n", d->row.word, d->usage, d->row.help);
        if (*limits)
            fprintf(out, "(%s)\n", limits);
        print_options(out, d->more);
    }
}

static void drivers(FILE *out)
{
    for (const struct driver_ops *const *ops = driver_table; *ops; ops++) {
        fprintf(out, ".TP\n.BR \"refclock %s\" \" %s\"\n%c%s.\n", (*ops)->name,
                (*ops)->path ? "[PATH]" : "PATH", toupper((unsigned char)*(*ops)->help),
                (*ops)->help + 1);
        print_options(out, (*ops)->options);
    }
}

static void boards(FILE *out)
{
    for (const struct profile *p = profile_table; p->word; p++) {
        char pin[32] = "no pulse on the header";
        if (p->gpio >= 0)
            snprintf(pin, sizeof pin, "pulse at GPIO %d", p->gpio);
        fprintf(out, ".TP\n.B %s\n%s (%s): %s, %d baud.\n", p->word, p->name, p->receiver, pin,
                p->baud);
    }
}

static void verdicts(FILE *out)
{
    for (int i = 0; i < VERDICT_COUNT; i++)
        fprintf(out, ".TP\n.B %s\n%s\n", verdict_table[i].name, verdict_table[i].help);
}

/* The words that a reload applies. */
static void reloads(FILE *out)
{
    for (const struct config_directive *d = config_directives; d->row.word; d++)
        if (reload_applies(d->row.word))
            fprintf(out, ".BR %s ,\n", d->row.word);
}

/* Rows of a simulation: help is no whole sentence, and a value may be of any unit. */
static void plain_options(FILE *out, const struct option_row *rows)
{
    for (; rows->word; rows++) {
        char usage[128], limits[128];
        options_usage(rows, usage, sizeof usage);
        options_limits(rows, limits, sizeof limits);
        fprintf(out, ".TP\n.BR %s \" %s\"\n%c%s.\n(%s)\n", rows->word,
                rows->type == OPTION_CHOICE ? usage : "VALUE", toupper((unsigned char)*rows->help),
                rows->help + 1, limits);
    }
}

static void scenario_words(FILE *out)
{
    plain_options(out, scenario_options);
}

static void oscillator_words(FILE *out)
{
    plain_options(out, oscillator_options);
}

static void climate_words(FILE *out)
{
    plain_options(out, climate_options);
}

static void sensor_words(FILE *out)
{
    plain_options(out, sim_sensor_options);
}

static void receiver_words(FILE *out)
{
    plain_options(out, sim_receiver_options);
}

static void leap_words(FILE *out)
{
    plain_options(out, sim_utc_options);
}

static void spans(FILE *out, const struct scenario_span_word *words)
{
    for (const struct scenario_span_word *w = words; w->word; w++)
        fprintf(out, ".TP\n.BR %s \" FROM..TO%s%s\"\n%c%s.\n", w->word,
                !w->amount   ? ""
                : w->by != 0 ? " [BY"
                             : " BY",
                w->rate      ? (w->by != 0 ? " [RATE]]" : " [RATE]")
                : w->by != 0 ? "]"
                             : "",
                toupper((unsigned char)*w->help), w->help + 1);
}

static void span_words(FILE *out)
{
    spans(out, scenario_span_words);
}

static void server_words(FILE *out)
{
    plain_options(out, sim_server_options);
    spans(out, scenario_server_spans);
}

static void classes(FILE *out)
{
    fputs(".RS\n", out);
    for (const struct oscillator_class *c = oscillator_classes; c->word; c++)
        fprintf(out,
                ".TP\n.B %s\n%c%s: freq %g, white_fm %g, walk_fm %g, aging %g, temp_coefficient "
                "%g, temp_curve %g.\n",
                c->word, toupper((unsigned char)*c->help), c->help + 1, c->freq, c->white_fm,
                c->walk_fm, c->aging, c->temp_coefficient, c->temp_curve);
    fputs(".RE\n", out);
}

static void figures(FILE *out)
{
    for (int i = 0; i < SIM_FIGURES; i++) {
        const struct sim_figure_row *row = &sim_figure_rows[i];
        fprintf(out, ".TP\n.BR %s \" (%s)\"\n%c%s.\n", row->name, row->label,
                toupper((unsigned char)*row->help), row->help + 1);
    }
}

/* Words of ntp.conf with the same sentence stand together. */
static void ntp_words(FILE *out)
{
    for (const struct config_ntp_row *row = config_ntp_rows; row->word; row++) {
        bool again = row != config_ntp_rows && !strcmp(row[-1].why, row->why);
        bool more = row[1].word && !strcmp(row[1].why, row->why);
        fprintf(out, again ? ".TQ\n" : ".TP\n");
        fprintf(out, ".B %s%s%s\n", row->word, row->option ? " " : "",
                row->option ? row->option : "");
        if (!more)
            fprintf(out, "%c%s.\n", toupper((unsigned char)*row->why), row->why + 1);
        if (!more && row->todo)
            fprintf(out, "%s: %s.\n", row->refused ? "This is an error" : "Instead", row->todo);
    }
}

static void metrics(FILE *out)
{
    for (const struct metric_row *m = metric_rows; m->name; m++) {
        const struct metric_list *list = metric_lists;
        const char *bracket = strchr(m->path, '[');
        if (!m->help)
            continue;
        while (bracket && list->path && strncmp(list->path, m->path, strlen(list->path)) != 0)
            list++;
        const char *first = bracket ? list->label : "", *second = m->label ? m->label : "";
        fprintf(out, ".TP\n.B timeball_%s%s%s%s%s%s\n%s\n", m->name, *first || *second ? "{" : "",
                first, *first && *second ? "," : "", second, *first || *second ? "}" : "", m->help);
    }
}

static void events(FILE *out)
{
    for (int i = 0; i < ALARM_KINDS; i++)
        fprintf(out, ".TP\n.BR %s \" (%s)\"\n%s%s\n.br\nMESSAGE_ID=%s\n", alarm_words[i],
                alarm_levels[alarm_rows[i].level], alarm_rows[i].help,
                alarm_rows[i].ends_quietly ? " Its end is not told." : "", alarm_rows[i].id);
}

/* systemd's catalog of messages. */
static void catalog(FILE *out)
{
    for (int i = 0; i < ALARM_KINDS; i++)
        fprintf(out,
                "-- %s\nSubject: timeball: %s @TIMEBALL_CHANGE@\nDefined-By: timeball\n"
                "Documentation: man:timeball-alarm(8)\n\n%s\n\n@TIMEBALL_SENTENCE@\n\n",
                alarm_rows[i].id, alarm_words[i], alarm_rows[i].help);
}

static const struct part {
    const char *file, *name; /* no name: the whole file */
    void (*print)(FILE *);
} parts[] = {
    {"timeball.conf.5", "directives", directives},
    {"timeball.conf.5", "drivers", drivers},
    {"timeball.conf.5", "boards", boards},
    {"timeball.conf.5", "ntp", ntp_words},
    {"timeballd.8", "verdicts", verdicts},
    {"timeballd.8", "reload", reloads},
    {"timeball-sim.1", "figures", figures},
    {"timeball-sim.1", "scenario", scenario_words},
    {"timeball-sim.1", "leap", leap_words},
    {"timeball-sim.1", "spans", span_words},
    {"timeball-sim.1", "classes", classes},
    {"timeball-sim.1", "oscillator", oscillator_words},
    {"timeball-sim.1", "climate", climate_words},
    {"timeball-sim.1", "sensor", sensor_words},
    {"timeball-sim.1", "receiver", receiver_words},
    {"timeball-sim.1", "servers", server_words},
    {"timeball-exporter.8", "metrics", metrics},
    {"timeball-alarm.8", "events", events},
    {"../udev/timeball.catalog", "catalog", catalog},
    {"timeball-status.7", "requests", docs_requests},
    {"timeball-status.7", "status", docs_fields},
    {"timeball-status.7", "counters", docs_counters},
    {"status.schema.json", NULL, docs_schema},
};

static void path_of(const struct part *part, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", DOCS, part->file);
}

/* The whole file; to be freed. NULL: it cannot be read. */
static char *read_whole(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = NULL;
    size_t size = 0;
    if (!f)
        return NULL;
    if (getdelim(&text, &size, 0, f) < 0) {
        free(text);
        text = NULL;
    }
    fclose(f);
    return text;
}

/* From a text's begin to what is between the marks. 0, or -1: they are not there. */
static int find_part(const char *name, const char **begin, const char **end)
{
    char mark[64];
    snprintf(mark, sizeof mark, MARK "%s", name);
    const char *at = strstr(*begin, mark);
    at = at ? strchr(at, '\n') : NULL;
    const char *stop = at ? strstr(at, MARK "end") : NULL;
    while (stop && stop > at && stop[-1] != '\n')
        stop--;
    if (!stop)
        return -1;
    *begin = at + 1;
    *end = stop;
    return 0;
}

/* The text with the part made anew; to be freed. NULL: its two marks are not there. */
static char *renew(const char *text, const struct part *part)
{
    const char *begin = text, *end = "";
    char *made = NULL;
    size_t size;
    if (part->name && find_part(part->name, &begin, &end))
        return NULL;
    FILE *f = open_memstream(&made, &size);
    fprintf(f, "%.*s", (int)(begin - text), text);
    part->print(f);
    fputs(end, f);
    fclose(f);
    return made;
}

/* Empty when the part is as it should be, else what is wrong. */
static const char *wrong_with(const char *path, const struct part *part)
{
    char *text = read_whole(path), *made = text ? renew(text, part) : NULL;
    const char *wrong = !text                ? "cannot be read"
                        : !made              ? "the marks are missing"
                        : strcmp(text, made) ? "not what the rows say: run test_docs --update"
                                             : "";
    free(text);
    free(made);
    return wrong;
}

static void tables_are_those_of_the_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[512];
        path_of(&parts[i], path, sizeof path);
        const char *wrong = wrong_with(path, &parts[i]);
        if (*wrong)
            fail_msg("%s, '" MARK "%s': %s", path, parts[i].name ? parts[i].name : "", wrong);
    }
}

static int update(void)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        char path[512];
        path_of(&parts[i], path, sizeof path);
        char *text = read_whole(path), *made = text ? renew(text, &parts[i]) : NULL;
        FILE *f = made ? fopen(path, "w") : NULL;
        if (!f || fputs(made, f) < 0 || fclose(f)) {
            fprintf(stderr, "%s was not written\n", path);
            failed = 1;
        }
        free(text);
        free(made);
    }
    return failed;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tables_are_those_of_the_rows)};
    if (argc > 1 && !strcmp(argv[1], "--update"))
        return update();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
