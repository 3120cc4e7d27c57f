/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/refclock.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "server/options.h"

static int unknown_driver(const char *name, const char *thing, struct err *err)
{
    char quoted[48], todo[sizeof err->todo] = "";
    const char *nearest = NULL;
    int best = INT_MAX;
    size_t n = 0;
    for (const struct driver_ops *const *ops = driver_table; *ops; ops++) {
        int d = options_distance(name, (*ops)->name);
        if (d < best) {
            best = d;
            nearest = (*ops)->name;
        }
        if (n < sizeof todo)
            n += (size_t)snprintf(todo + n, sizeof todo - n, "%s%s",
                                  n ? ", " : "known: ", (*ops)->name);
    }
    if (nearest)
        snprintf(todo, sizeof todo, "did you mean '%s'?", nearest);
    return err_set(err, thing, todo, "refclock: unknown driver '%s'",
                   options_quote(name, quoted, sizeof quoted));
}

static int check_new_refclock(const struct config *c, const struct driver_ops *ops,
                              const char *path, const char *thing, struct err *err)
{
    char quoted[48];
    for (size_t i = 0; i < c->refclock_count; i++)
        if (c->refclock[i].ops == ops && !strcmp(c->refclock[i].driver->path, path) &&
            (!ops->path || strcmp(path, ops->path) != 0))
            return err_set(err, thing, "delete one of the lines",
                           "refclock %s %s is named twice (line %d)", ops->name,
                           options_quote(path, quoted, sizeof quoted), c->refclock[i].line);
    if (c->refclock_count == CONFIG_REFCLOCK_MAX)
        return err_set(err, thing, "delete those that are not needed",
                       "more than %d refclock lines", CONFIG_REFCLOCK_MAX);
    return 0;
}

static const struct option_row refclock_path = {
    .word = "refclock",
    .type = OPTION_TEXT,
    .offset = offsetof(struct driver, path),
};

/* in the order of enum integrity_site */
static const char *const words_site[] = {"auto", "fixed", "mobile", NULL};

const struct option_row config_refclock_options[] = {
    {.word = "receiver",
     .type = OPTION_TEXT,
     .offset = offsetof(struct config_refclock, receiver),
     .max = 40,
     .help = "Which receiver the line belongs to: lines with the same word are one. Without it the "
             "first line with messages belongs to the first one with pulses, the second to the "
             "second, and so on."},
    {.word = "noselect",
     .type = OPTION_FLAG,
     .offset = offsetof(struct config_refclock, noselect),
     .help = "The receiver is watched and compared, and never followed."},
    {.word = "prefer",
     .type = OPTION_FLAG,
     .offset = offsetof(struct config_refclock, prefer),
     .help = "Among receivers that agree, this one is followed before others of its kind."},
    {.word = "trust",
     .type = OPTION_FLAG,
     .offset = offsetof(struct config_refclock, trust),
     .help = "Who contradicts it is wrong, and only another trusted source may say otherwise: "
             "witnesses do not outvote it. See trust of server."},
    {.word = "site",
     .type = OPTION_CHOICE,
     .offset = offsetof(struct config_refclock, site),
     .choices = words_site,
     .initial = "auto",
     .help = "Where the antenna stands: `fixed`: a receiver that says otherwise is rejected; "
             "`mobile`: anywhere; `auto`: the place is learned in an hour, who leaves it is "
             "doubted, and after ten minutes another place is learned."},
    {.word = NULL},
};

/* The options that follow driver and path, parted into the driver's own and those of any. */
struct parted {
    const char *own[CONFIG_WORDS_MAX], *common[CONFIG_WORDS_MAX];
    size_t owns, commons;
};

static void part_options(const struct driver_ops *ops, const struct config_line *line,
                         struct parted *p)
{
    for (size_t i = 3; i < line->count;) {
        const struct option_row *own = options_find(ops->options, line->word[i]);
        const struct option_row *any = options_find(config_refclock_options, line->word[i]);
        const struct option_row *row = own ? own : any;
        size_t words = row && row->type != OPTION_FLAG ? 2 : 1;
        for (; words && i < line->count; words--, i++) {
            if (any && !own)
                p->common[p->commons++] = line->word[i];
            else
                p->own[p->owns++] = line->word[i];
        }
    }
}

static int take_refclock_none(struct config *c, const struct config_line *line, struct err *err)
{
    if (line->count > 2)
        return err_set(err, line->thing, "delete what follows it",
                       "refclock none takes no options");
    c->refclock_none = true;
    return 0;
}

static bool is_option(const struct driver_ops *ops, const char *word)
{
    return options_find(ops->options, word) || options_find(config_refclock_options, word);
}

/* The path may be left out where the driver has a word for that. */
static int find_path(const struct driver_ops *ops, const struct config_line *line,
                     struct config_line *whole, struct err *err)
{
    bool absent = line->count < 3 || (ops->path && is_option(ops, line->word[2]));
    *whole = *line;
    if (!absent)
        return 0;
    if (!ops->path || line->count >= CONFIG_WORDS_MAX)
        return err_set(err, line->thing,
                       "write refclock DRIVER PATH, as in refclock nmea /dev/ttyS0",
                       "refclock %s: the path is missing", ops->name);
    for (size_t i = whole->count++; i > 2; i--)
        whole->word[i] = line->word[i - 1];
    whole->word[2] = ops->path;
    return 0;
}

int config_refclock_take(struct config *c, const struct config_line *given, struct err *err)
{
    struct config_refclock r = {.line = given->number};
    struct config_line whole, *line = &whole;
    if (!strcmp(given->word[1], "none"))
        return take_refclock_none(c, given, err);
    r.ops = driver_find(given->word[1]);
    if (!r.ops)
        return unknown_driver(given->word[1], given->thing, err);
    if (find_path(r.ops, given, line, err))
        return -1;
    if (check_new_refclock(c, r.ops, line->word[2], line->thing, err))
        return -1;
    r.driver = calloc(1, r.ops->size);
    if (!r.driver)
        return err_set(err, line->thing, "", "out of memory");
    r.driver->ops = r.ops;
    options_initial(r.ops->options, r.driver);
    struct parted p = {0};
    part_options(r.ops, line, &p);
    if (options_set(&refclock_path, r.driver, line->word[2], line->thing, err) ||
        options_take(r.ops->options, r.driver, r.ops->name, p.own, p.owns, line->thing, &r.given,
                     err) ||
        options_take(config_refclock_options, &r, "refclock", p.common, p.commons, line->thing,
                     &r.common_given, err)) {
        free(r.driver);
        return -1;
    }
    c->refclock[c->refclock_count++] = r;
    return 0;
}

/* One option of a refclock line; those not given follow as comments. */
static void print_option(FILE *out, const struct option_row *row, const void *base)
{
    char value[OPTION_TEXT_SIZE + 2];
    options_value(row, base, value, sizeof value);
    fprintf(out, " %s%s%s", row->word, *value ? " " : "", value);
}

void config_refclock_print(FILE *out, const struct config *c)
{
    if (c->refclock_none && !c->refclock_count)
        fputs("refclock none\n", out);
    for (const struct config_refclock *r = c->refclock; r < c->refclock + c->refclock_count; r++) {
        char path[OPTION_TEXT_SIZE + 2];
        const struct option_row *rows = r->ops->options;
        const char *mark = " # default:";
        options_value(&refclock_path, r->driver, path, sizeof path);
        if (*r->origin)
            fprintf(out, "# server %s of ntp.conf becomes:\n", r->origin);
        fprintf(out, "refclock %s %s", r->ops->name, path);
        for (size_t i = 0; rows && rows[i].word; i++)
            if (r->given >> (i & 63) & 1)
                print_option(out, &rows[i], r->driver);
        for (size_t i = 0; config_refclock_options[i].word; i++)
            if (r->common_given >> i & 1)
                print_option(out, &config_refclock_options[i], r);
        for (size_t i = 0; rows && rows[i].word; i++) {
            if (r->given >> (i & 63) & 1 || !rows[i].initial)
                continue;
            fputs(mark, out);
            mark = ",";
            print_option(out, &rows[i], r->driver);
            if (rows[i].assumed)
                fprintf(out, " (%s)", rows[i].assumed);
        }
        fputc('\n', out);
    }
}
