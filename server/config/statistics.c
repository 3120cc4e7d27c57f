/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/statistics.h"

#include <string.h>

#include "server/config/config.h"
#include "server/config/line.h"
#include "server/options.h"

static const char *const names[] = {[STATISTICS_LOOP] = "loopstats",
                                    [STATISTICS_PEER] = "peerstats",
                                    [STATISTICS_CLOCK] = "clockstats"};
static const char *const others[] = {"rawstats",    "sysstats",    "protostats",
                                     "cryptostats", "timingstats", "usestats"};
static const char *const type_names[] = {
    [STATISTICS_NONE] = "none",   [STATISTICS_PID] = "pid",   [STATISTICS_DAY] = "day",
    [STATISTICS_MONTH] = "month", [STATISTICS_YEAR] = "year", [STATISTICS_YEAR + 1] = NULL,
};

static const struct option_row type_row = {
    .word = "type",
    .type = OPTION_CHOICE,
    .offset = offsetof(struct config_statistics_file, type),
    .choices = type_names,
};
static const struct option_row file_row = {
    .word = "file",
    .type = OPTION_TEXT,
    .offset = offsetof(struct config_statistics_file, file),
    .max = 100,
};

void config_statistics_initial(struct config_statistics *s)
{
    for (int i = 0; i < STATISTICS_SETS; i++) {
        s->set[i].type = STATISTICS_DAY;
        snprintf(s->set[i].file, sizeof s->set[i].file, "%s", names[i]);
    }
}

const char *config_statistics_name(enum config_statistics_set set)
{
    return names[set];
}

static int index_of(const char *const *list, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i], word))
            return (int)i;
    return -1;
}

/* The set of that name; -1: another one of ntpd, with a warning; -2 with *err. */
static int find_set(struct config *c, const struct config_line *line, const char *word,
                    struct err *err)
{
    char quoted[48];
    int set = index_of(names, STATISTICS_SETS, word);
    if (set >= 0)
        return set;
    if (index_of(others, sizeof others / sizeof *others, word) < 0) {
        err_set(err, line->thing, "known: loopstats, peerstats, clockstats",
                "%s: '%s' is not known", line->word[0], options_quote(word, quoted, sizeof quoted));
        return -2;
    }
    err_set(config_warning(c), line->thing, "",
            "%s are not written; loopstats, peerstats and clockstats are", word);
    return -1;
}

int config_statistics_take(struct config *c, const struct config_line *line, struct err *err)
{
    for (size_t i = 1; i < line->count; i++) {
        int set = find_set(c, line, line->word[i], err);
        if (set == -2)
            return -1;
        if (set >= 0)
            c->statistics.set[set].on = true;
    }
    return 0;
}

static int take_file_name(struct config_statistics_file *f, const struct config_line *line,
                          const char *word, struct err *err)
{
    if (strchr(word, '/') || *word == '.')
        return err_set(err, line->thing, "name a file in the folder of statsdir",
                       "filegen: file is a path");
    return options_set(&file_row, f, word, line->thing, err);
}

static int take_type(struct config *c, struct config_statistics_file *f,
                     const struct config_line *line, const char *word, struct err *err)
{
    if (strcmp(word, "age") != 0 && strcmp(word, "week") != 0)
        return options_set(&type_row, f, word, line->thing, err);
    err_set(config_warning(c), line->thing, "", "filegen: type %s is treated as day", word);
    f->type = STATISTICS_DAY;
    return 0;
}

int config_filegen_take(struct config *c, const struct config_line *line, struct err *err)
{
    static const char *const words[] = {"enable", "disable", "link", "nolink"};
    struct config_statistics_file unused = {0}, *f = &unused;
    int set = find_set(c, line, line->word[1], err);
    if (set == -2)
        return -1;
    if (set >= 0)
        f = &c->statistics.set[set];
    for (size_t i = 2; i < line->count; i++) {
        const char *word = line->word[i];
        int known = index_of(words, sizeof words / sizeof *words, word);
        bool file = !strcmp(word, "file"), type = !strcmp(word, "type");
        char quoted[48];
        if (known < 0 && !file && !type)
            return err_set(err, line->thing, "known: file, type, link, nolink, enable, disable",
                           "filegen: unknown word '%s'",
                           options_quote(word, quoted, sizeof quoted));
        if (known == 0 || known == 1)
            f->on = known == 0;
        if (known == 2 || known == 3)
            f->unlinked = known == 3;
        if (known >= 0)
            continue;
        if (++i == line->count)
            return options_missing(file ? &file_row : &type_row, line->thing, err);
        if (file ? take_file_name(f, line, line->word[i], err)
                 : take_type(c, f, line, line->word[i], err))
            return -1;
    }
    return 0;
}

static int unknown_switch(const struct config_line *line, size_t i, struct err *err)
{
    char quoted[48];
    return err_set(err, line->thing, "known: stats, ntp", "unknown word '%s' in %s",
                   options_quote(line->word[i], quoted, sizeof quoted), line->word[0]);
}

int config_disable_take(struct config *c, const struct config_line *line, struct err *err)
{
    for (size_t i = 1; i < line->count; i++) {
        if (!strcmp(line->word[i], "stats"))
            c->statistics.off = true;
        else if (!strcmp(line->word[i], "ntp"))
            c->clock = CONFIG_CLOCK_NONE;
        else
            return unknown_switch(line, i, err);
    }
    return 0;
}

void config_statistics_print(FILE *out, const struct config *c)
{
    bool any = false;
    for (int i = 0; i < STATISTICS_SETS; i++)
        any |= c->statistics.set[i].on;
    if (!any)
        return;
    fputs("statistics", out);
    for (int i = 0; i < STATISTICS_SETS; i++)
        if (c->statistics.set[i].on)
            fprintf(out, " %s", names[i]);
    fputs(*c->statistics.folder ? "\n" : " # not written: statsdir names no folder\n", out);
}

void config_filegen_print(FILE *out, const struct config *c)
{
    for (int i = 0; i < STATISTICS_SETS; i++) {
        const struct config_statistics_file *f = &c->statistics.set[i];
        char file[OPTION_TEXT_SIZE + 2];
        if (f->on)
            fprintf(out, "filegen %s file %s type %s %s enable\n", names[i],
                    options_value(&file_row, f, file, sizeof file), type_names[f->type],
                    f->unlinked ? "nolink" : "link");
    }
}

void config_disable_print(FILE *out, const struct config *c)
{
    if (c->statistics.off)
        fputs("disable stats\n", out);
}
