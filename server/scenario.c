/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/scenario.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/config_line.h"
#include "server/options.h"

#define AT(field)   .offset = offsetof(struct scenario, field)
#define TIME_MOST   4e7 /* s */
#define OFFSET_MOST 1e9
#define TODO        "see timeball-sim(1) for the words of a scenario"

const struct option_row scenario_options[] = {
    {.word = "length",
     .type = OPTION_SECONDS,
     AT(length),
     .min = 10,
     .max = 4e7,
     .unit = "s",
     .initial = "3600",
     .help = "how long it plays"},
    {.word = "settle",
     .type = OPTION_SECONDS,
     AT(settle),
     .min = 0,
     .max = 4e7,
     .unit = "s",
     .initial = "600",
     .help = "seconds at the start that do not count for RMS and maximum"},
    {.word = "seed",
     .type = OPTION_INT,
     AT(seed),
     .min = 0,
     .max = 1e15,
     .unit = "",
     .initial = "1",
     .help = "of all randomness: the same seed gives the same run"},
    {.word = "start",
     .type = OPTION_TEXT,
     AT(start),
     .unit = "",
     .initial = "2026-11-24",
     .help = "true date at the start, YYYY-MM-DD"},
    {.word = "offset",
     .type = OPTION_SECONDS,
     AT(offset),
     .min = -1e9,
     .max = 1e9,
     .unit = "s",
     .initial = "0.01",
     .help = "clock minus truth at the start"},
    {.word = NULL},
};

/* Words that take FROM..TO, and where their spans are. */
static const struct {
    struct option_row row;
    size_t spans;
} span_words[] = {
    {{.word = "outage"}, offsetof(struct sim_receiver_config, outage)},
    {{.word = "no_fix"}, offsetof(struct sim_receiver_config, no_fix)},
    {{.word = "no_pulse"}, offsetof(struct sim_receiver_config, no_pulse)},
    {{.word = "wrong"}, offsetof(struct sim_receiver_config, wrong)},
};

void scenario_default(struct scenario *s)
{
    memset(s, 0, sizeof *s);
    options_initial(scenario_options, s);
    options_initial(oscillator_options, &s->oscillator);
    options_initial(climate_options, &s->climate);
    options_initial(sim_sensor_options, &s->sensor);
    options_initial(sim_receiver_options, &s->receiver);
}

static int take_class(struct scenario *s, const struct config_line *l, struct err *err)
{
    for (const struct oscillator_class *c = oscillator_classes; l->count == 2 && c->word; c++)
        if (!strcmp(l->word[1], c->word)) {
            oscillator_set_class(&s->oscillator, c);
            return 0;
        }
    return err_set(err, l->thing, "write class pi, class tcxo or class ocxo",
                   "needs one known class");
}

static int take_temp_step(struct scenario *s, const struct config_line *l, struct err *err)
{
    struct climate_step step = {0};
    if (l->count < 3 || l->count > 4 || number_double(l->word[1], &step.at) ||
        number_double(l->word[2], &step.by) ||
        (l->count == 4 && number_double(l->word[3], &step.ramp)))
        return err_set(err, l->thing, "write `temp_step AT K [RAMP]`, in s, K and s",
                       "needs two or three numbers");
    if (!(step.ramp >= 0 && step.ramp < 1e9 && fabs(step.by) <= 200))
        return err_set(err, l->thing, "at most 200 K, in a ramp of 0 s or more",
                       "is no change of a temperature");
    if (s->climate.steps == CLIMATE_STEPS)
        return err_set(err, l->thing, "", "more than %d of them", CLIMATE_STEPS);
    s->climate.step[s->climate.steps++] = step;
    return 0;
}

static int take_span(struct scenario *s, size_t spans, const struct config_line *l, struct err *err)
{
    static const struct option_row row = {
        .word = "span", .type = OPTION_RANGE, .max = 4e7, .unit = "s", .offset = 0};
    struct sim_span *span = (struct sim_span *)((char *)&s->receiver + spans);
    double range[2];
    if (l->count != 2)
        return err_set(err, l->thing, "write it as FROM..TO, in seconds", "needs one span");
    if (options_set(&row, range, l->word[1], l->thing, err))
        return -1;
    for (int i = 0; i < SIM_SPANS; i++)
        if (span[i].to == 0) {
            span[i] = (struct sim_span){range[0], range[1]};
            return 0;
        }
    return err_set(err, l->thing, "", "more than %d spans", SIM_SPANS);
}

static int take_disturb(struct scenario *s, const struct config_line *l, struct err *err)
{
    double at, offset;
    if (l->count != 3 || number_double(l->word[1], &at) || number_double(l->word[2], &offset))
        return err_set(err, l->thing, "write `disturb AT OFFSET`, in seconds", "needs two numbers");
    if (!(at >= 0 && at <= TIME_MOST && fabs(offset) <= OFFSET_MOST))
        return err_set(err, l->thing, "at most 4e7 s from the start, by 1e9 s at most",
                       "is out of range");
    if (s->disturbs == SCENARIO_DISTURBS)
        return err_set(err, l->thing, "", "more than %d of them", SCENARIO_DISTURBS);
    s->disturb[s->disturbs].at = at;
    s->disturb[s->disturbs++].offset = offset;
    return 0;
}

static int take_restart(struct scenario *s, const struct config_line *l, struct err *err)
{
    double at, away = 10;
    if (l->count < 2 || l->count > 3 || number_double(l->word[1], &at) ||
        (l->count == 3 && number_double(l->word[2], &away)) ||
        !(at > 0 && at <= TIME_MOST && away >= 1 && away <= TIME_MOST))
        return err_set(err, l->thing, "write `restart AT [AWAY]`, in seconds, AWAY at least 1",
                       "needs one or two numbers");
    if (s->restarts == SCENARIO_RESTARTS)
        return err_set(err, l->thing, "", "more than %d of them", SCENARIO_RESTARTS);
    s->restart[s->restarts].at = at;
    s->restart[s->restarts++].away = away;
    return 0;
}

static int take_conf(struct scenario *s, const struct config_line *l, struct err *err)
{
    for (size_t i = 1; i <= l->count; i++) {
        size_t used = strlen(s->conf);
        int n = snprintf(s->conf + used, sizeof s->conf - used, "%s%s",
                         i < l->count ? l->word[i] : "\n", i + 1 < l->count ? " " : "");
        if (n >= (int)(sizeof s->conf - used))
            return err_set(err, l->thing, "", "too many conf lines");
    }
    return 0;
}

static const struct {
    const char *word;
    int (*take)(struct scenario *, const struct config_line *, struct err *);
} own_words[] = {{"class", take_class},
                 {"temp_step", take_temp_step},
                 {"disturb", take_disturb},
                 {"restart", take_restart},
                 {"conf", take_conf}};

int scenario_line(struct scenario *s, const struct config_line *l, struct err *err)
{
    const struct {
        const struct option_row *rows;
        void *base;
    } tables[] = {{scenario_options, s},
                  {oscillator_options, &s->oscillator},
                  {climate_options, &s->climate},
                  {sim_sensor_options, &s->sensor},
                  {sim_receiver_options, &s->receiver}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const struct option_row *row = options_find(tables[i].rows, l->word[0]);
        if (row && l->count != 2)
            return err_set(err, l->thing, TODO, "%s needs one value", row->word);
        if (row)
            return options_set(row, tables[i].base, l->word[1], l->thing, err);
    }
    for (size_t i = 0; i < sizeof span_words / sizeof *span_words; i++)
        if (!strcmp(l->word[0], span_words[i].row.word))
            return take_span(s, span_words[i].spans, l, err);
    for (size_t i = 0; i < sizeof own_words / sizeof *own_words; i++)
        if (!strcmp(l->word[0], own_words[i].word))
            return own_words[i].take(s, l, err);
    char word[48];
    return err_set(err, l->thing, TODO, "unknown word '%s'",
                   options_quote(l->word[0], word, sizeof word));
}

static void take_error(struct config_errors *errors, const struct err *err)
{
    if (errors->count < CONFIG_ERRORS_MAX)
        errors->err[errors->count++] = *err;
    else
        errors->more++;
}

static int check(const struct scenario *s, const char *path, struct err *err)
{
    int64_t date;
    if (civil_parse_date(s->start, &date))
        return err_set(err, path, "write it as YYYY-MM-DD", "start is not a date");
    return 0;
}

int scenario_load(struct scenario *s, const char *path, struct config_errors *errors)
{
    struct config_line line;
    struct err err;
    char *text = NULL;
    size_t room = 0;
    errors->count = errors->more = 0;
    scenario_default(s);
    FILE *in = fopen(path, "re");
    if (!in) {
        err_errno(&err, path, "name a scenario file; some are in tests/sim", "opening", errno);
        take_error(errors, &err);
        return -1;
    }
    ssize_t size;
    for (int number = 1; (size = getline(&text, &room, in)) >= 0; number++) {
        size -= size > 0 && text[size - 1] == '\n';
        if (config_line_cut(&line, path, number, text, (size_t)size, &err) ||
            (line.count > 0 && scenario_line(s, &line, &err)))
            take_error(errors, &err);
    }
    if (ferror(in)) {
        err_set(&err, path, "", "cannot be read");
        take_error(errors, &err);
    }
    free(text);
    fclose(in);
    if (errors->count == 0 && check(s, path, &err))
        take_error(errors, &err);
    return errors->count ? -1 : 0;
}
