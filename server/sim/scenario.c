/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/scenario.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/config/line.h"
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
     .help = "true date at the start, YYYY-MM-DD, or with THH:MM:SS"},
    {.word = "offset",
     .type = OPTION_SECONDS,
     AT(offset),
     .min = -4e9,
     .max = 4e9,
     .unit = "s",
     .initial = "0.01",
     .help = "clock minus truth at the start"},
    {.word = NULL},
};

#define SPANS(name) .word = #name, .spans = offsetof(struct sim_receiver_config, name)

const struct scenario_span_word scenario_span_words[] = {
    {SPANS(outage), .help = "neither pulses nor messages"},
    {SPANS(no_fix), .help = "messages that say that there is no fix; pulses go on"},
    {SPANS(no_pulse), .help = "no pulses"},
    {SPANS(no_message), .help = "no messages"},
    {SPANS(wrong), .by = 1, .amount = true, .rate = true, .help = "messages BY seconds wrong (1)"},
    {SPANS(delayed), .amount = true, .help = "messages that come BY seconds later than else"},
    {SPANS(pull), .amount = true, .rate = true,
     .help = "the whole time of the receiver is BY seconds ahead, and RATE more each second"},
    {SPANS(rate), .amount = true, .help = "BY edges a second: 2, 5, 10000; 0.5"},
    {SPANS(moved), .amount = true, .rate = true,
     .help = "a position BY metres away, and RATE more each second"},
    {SPANS(cn0), .amount = true, .help = "the signals of all satellites BY dB stronger"},
    {SPANS(jammed), .help = "the receiver says that it is jammed (UBX)"},
    {SPANS(spoofed), .help = "the receiver says that it is spoofed (UBX)"},
    {0},
};

#define SERVER_SPANS(name) .word = #name, .spans = offsetof(struct sim_server_config, name)

const struct scenario_span_word scenario_server_spans[] = {
    {SERVER_SPANS(silent), .help = "no answers"},
    {SERVER_SPANS(lies), .amount = true, .rate = true,
     .help = "its time is BY seconds ahead, and RATE more each second"},
    {0},
};

int scenario_begin(const struct scenario *s, int64_t *posix)
{
    char date[11], rest;
    int hour = 0, minute = 0, second = 0;
    snprintf(date, sizeof date, "%.10s", s->start);
    if (civil_parse_date(date, posix))
        return -1;
    if (strlen(s->start) > 10 &&
        (strlen(s->start) != 19 ||
         /* NOLINTNEXTLINE(cert-err34-c): the widths keep every number in range */
         sscanf(s->start + 10, "T%2d:%2d:%2d%c", &hour, &minute, &second, &rest) != 3))
        return -1;
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59)
        return -1;
    *posix += hour * 3600 + minute * 60 + second;
    return 0;
}

void scenario_default(struct scenario *s)
{
    memset(s, 0, sizeof *s);
    options_initial(scenario_options, s);
    options_initial(oscillator_options, &s->oscillator);
    options_initial(climate_options, &s->climate);
    options_initial(sim_sensor_options, &s->sensor);
    options_initial(sim_utc_options, &s->utc);
    for (int i = 0; i < SCENARIO_SOURCES; i++)
        options_initial(sim_receiver_options, &s->receiver[i]);
    s->receivers = 1;
    for (int i = 0; i < SIM_SERVERS; i++)
        options_initial(sim_server_options, &s->server[i]);
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

static int take_span(void *base, const struct scenario_span_word *w, const struct config_line *l,
                     struct err *err)
{
    static const struct option_row row = {
        .word = "span", .type = OPTION_RANGE, .max = 4e7, .unit = "s", .offset = 0};
    struct sim_span *span = (struct sim_span *)((char *)base + w->spans);
    struct sim_span new = {.by = w->by};
    double range[2];
    size_t most = w->rate ? 4 : w->amount ? 3 : 2, least = w->amount && w->by == 0 ? 3 : 2;
    if (l->count < least || l->count > most)
        return err_set(err, l->thing,
                       "write it as FROM..TO, in seconds, and what timeball-sim(1) adds",
                       "needs one span%s", w->amount ? " and an amount" : "");
    if (options_set(&row, range, l->word[1], l->thing, err))
        return -1;
    if ((l->count > 2 && number_double(l->word[2], &new.by)) ||
        (l->count > 3 && number_double(l->word[3], &new.rate)) || !(fabs(new.by) <= OFFSET_MOST))
        return err_set(err, l->thing, TODO, "needs a number after the span");
    if (!strcmp(w->word, "rate") && !(new.by >= 0.1 && new.by <= 1e5))
        return err_set(err, l->thing, "0.1 to 100000 edges a second", "is no rate of pulses");
    new.from = range[0];
    new.to = range[1];
    for (int i = 0; i < SIM_SPANS; i++)
        if (span[i].to == 0) {
            span[i] = new;
            return 0;
        }
    return err_set(err, l->thing, "", "more than %d spans", SIM_SPANS);
}

static int take_pause(struct scenario *s, const struct config_line *l, struct err *err)
{
    double at, length;
    if (l->count != 3 || number_double(l->word[1], &at) || number_double(l->word[2], &length) ||
        !(at > 0 && at <= TIME_MOST && length > 0 && length <= TIME_MOST))
        return err_set(err, l->thing, "write `pause AT S` or `freeze AT S`, in seconds",
                       "needs two numbers");
    if (s->pauses == SCENARIO_PAUSES)
        return err_set(err, l->thing, "", "more than %d of them", SCENARIO_PAUSES);
    s->pause[s->pauses].at = at;
    s->pause[s->pauses].frozen = !strcmp(l->word[0], "freeze");
    s->pause[s->pauses++].length = length;
    return 0;
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

static int one_value(const struct option_row *row, void *base, const struct config_line *l,
                     struct err *err)
{
    if (l->count != 2)
        return err_set(err, l->thing, TODO, "%s needs one value", row->word);
    return options_set(row, base, l->word[1], l->thing, err);
}

/* A word of a receiver's: 1 when it is none, else 0, or -1 with *err. */
static int take_receiver_word(struct sim_receiver_config *r, const struct config_line *l,
                              struct err *err)
{
    const struct option_row *row = options_find(sim_receiver_options, l->word[0]);
    if (row)
        return one_value(row, r, l, err);
    for (const struct scenario_span_word *w = scenario_span_words; w->word; w++)
        if (!strcmp(l->word[0], w->word))
            return take_span(r, w, l, err);
    return 1;
}

static int take_receiver(struct scenario *s, const struct config_line *l, struct err *err)
{
    struct config_line rest = *l;
    int64_t number;
    if (l->count < 3 || number_int(l->word[1], &number) || number < 1 || number > SCENARIO_SOURCES)
        return err_set(err, l->thing, TODO, "needs a number from 1 to %d and a receiver's word",
                       SCENARIO_SOURCES);
    rest.count -= 2;
    memmove(rest.word, rest.word + 2, rest.count * sizeof *rest.word);
    int bad = take_receiver_word(&s->receiver[number - 1], &rest, err);
    if (bad > 0)
        return err_set(err, l->thing, TODO, "is no word of a receiver");
    if (!bad && number > s->receivers)
        s->receivers = (int)number;
    return bad;
}

static int take_receivers(struct scenario *s, const struct config_line *l, struct err *err)
{
    int64_t number;
    if (l->count != 2 || number_int(l->word[1], &number) || number < 0 || number > SCENARIO_SOURCES)
        return err_set(err, l->thing, TODO, "receivers needs a number from 0 to %d",
                       SCENARIO_SOURCES);
    s->receivers = (int)number;
    return 0;
}

static int take_server_word(struct sim_server_config *c, const struct config_line *l,
                            struct err *err)
{
    const struct option_row *row = options_find(sim_server_options, l->word[0]);
    if (row)
        return one_value(row, c, l, err);
    for (const struct scenario_span_word *w = scenario_server_spans; w->word; w++)
        if (!strcmp(l->word[0], w->word))
            return take_span(c, w, l, err);
    return err_set(err, l->thing, TODO, "is no word of a network server");
}

/* `server all` changes those that are there. */
static int take_server(struct scenario *s, const struct config_line *l, struct err *err)
{
    struct config_line rest = *l;
    int64_t number = 0;
    bool all = l->count > 1 && !strcmp(l->word[1], "all");
    if (l->count < 2 ||
        (!all && (number_int(l->word[1], &number) || number < 1 || number > SIM_SERVERS)))
        return err_set(err, l->thing, TODO, "needs a number from 1 to %d, or all", SIM_SERVERS);
    if (number > s->servers)
        s->servers = (int)number;
    rest.count -= 2;
    memmove(rest.word, rest.word + 2, rest.count * sizeof *rest.word);
    for (int i = 0; i < s->servers && rest.count; i++)
        if ((all || i == number - 1) && take_server_word(&s->server[i], &rest, err))
            return -1;
    return 0;
}

static const struct {
    const char *word;
    int (*take)(struct scenario *, const struct config_line *, struct err *);
} own_words[] = {{"class", take_class},       {"temp_step", take_temp_step},
                 {"disturb", take_disturb},   {"restart", take_restart},
                 {"pause", take_pause},       {"freeze", take_pause},
                 {"receiver", take_receiver}, {"receivers", take_receivers},
                 {"server", take_server},     {"conf", take_conf}};

int scenario_line(struct scenario *s, const struct config_line *l, struct err *err)
{
    const struct {
        const struct option_row *rows;
        void *base;
    } tables[] = {{scenario_options, s},
                  {oscillator_options, &s->oscillator},
                  {climate_options, &s->climate},
                  {sim_sensor_options, &s->sensor},
                  {sim_utc_options, &s->utc}};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        const struct option_row *row = options_find(tables[i].rows, l->word[0]);
        if (row)
            return one_value(row, tables[i].base, l, err);
    }
    for (size_t i = 0; i < sizeof own_words / sizeof *own_words; i++)
        if (!strcmp(l->word[0], own_words[i].word))
            return own_words[i].take(s, l, err);
    int bad = take_receiver_word(s->receiver, l, err);
    if (bad <= 0)
        return bad;
    char word[48];
    return err_set(err, l->thing, TODO, "unknown word '%s'",
                   options_quote(l->word[0], word, sizeof word));
}

static int check(const struct scenario *s, const char *path, struct err *err)
{
    int64_t begin;
    if (scenario_begin(s, &begin))
        return err_set(err, path, "write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS",
                       "start is not a date");
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
        config_errors_add(errors, &err);
        return -1;
    }
    ssize_t size;
    for (int number = 1; (size = getline(&text, &room, in)) >= 0; number++) {
        size -= size > 0 && text[size - 1] == '\n';
        if (config_line_cut(&line, path, number, text, (size_t)size, &err) ||
            (line.count > 0 && scenario_line(s, &line, &err)))
            config_errors_add(errors, &err);
    }
    if (ferror(in)) {
        err_set(&err, path, "", "cannot be read");
        config_errors_add(errors, &err);
    }
    free(text);
    fclose(in);
    if (errors->count == 0 && check(s, path, &err))
        config_errors_add(errors, &err);
    return errors->count ? -1 : 0;
}
