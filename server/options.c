/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/options.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int number_int(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (!*digits || digits[strspn(digits, "0123456789")])
        return NUMBER_SYNTAX;
    errno = 0;
    long long v = strtoll(text, NULL, 10);
    if (errno)
        return NUMBER_OVERFLOW;
    *value = v;
    return 0;
}

int number_double(const char *text, double *value)
{
    char *end;
    /* strtod alone would take "inf", "nan", "0x1p3" and leading blanks */
    if (!*text || text[strspn(text, "0123456789+-.eE")])
        return NUMBER_SYNTAX;
    double v = strtod(text, &end);
    if (*end || end == text)
        return NUMBER_SYNTAX;
    if (!isfinite(v))
        return NUMBER_OVERFLOW;
    *value = v;
    return 0;
}

const char *options_quote(const char *word, char *buf, size_t size)
{
    size_t keep = strlen(word) <= 40 ? 40 : 37, n = 0;
    for (; n < keep && n + 4 < size && word[n]; n++)
        buf[n] = (char)(iscntrl((unsigned char)word[n]) ? '?' : word[n]);
    snprintf(buf + n, size - n, "%s", word[n] ? "..." : "");
    return buf;
}

int options_distance(const char *word, const char *known)
{
    enum { LONGEST = 24 };
    int row[3][LONGEST + 1];
    size_t a = strlen(word), b = strlen(known);
    if (a > LONGEST || b > LONGEST || !a)
        return INT_MAX;
    for (size_t j = 0; j <= b; j++)
        row[0][j] = (int)j;
    for (size_t i = 1; i <= a; i++) {
        int *now = row[i % 3], *up = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = (int)i;
        for (size_t j = 1; j <= b; j++) {
            int w = tolower((unsigned char)word[i - 1]), k = tolower((unsigned char)known[j - 1]);
            now[j] = up[j - 1] + (w != k);
            if (up[j] + 1 < now[j])
                now[j] = up[j] + 1;
            if (now[j - 1] + 1 < now[j])
                now[j] = now[j - 1] + 1;
            if (i > 1 && j > 1 && w == tolower((unsigned char)known[j - 2]) &&
                tolower((unsigned char)word[i - 2]) == k && before[j - 2] + 1 < now[j])
                now[j] = before[j - 2] + 1;
        }
    }
    int d = row[a % 3][b];
    return d <= 1 + (int)b / 4 ? d : INT_MAX;
}

static void *value_at(const struct option_row *row, void *base)
{
    return (char *)base + row->offset;
}

/* Index of `text` in the row's choices, or -1. */
static int choice_of(const struct option_row *row, const char *text)
{
    for (int i = 0; row->choices && row->choices[i]; i++)
        if (!strcmp(row->choices[i], text))
            return i;
    return -1;
}

const char *options_usage(const struct option_row *row, char *buf, size_t size)
{
    static const char *const kind[] = {
        [OPTION_FLAG] = "",          [OPTION_INT] = "N",   [OPTION_SECONDS] = "S",
        [OPTION_RANGE] = "MIN..MAX", [OPTION_CHOICE] = "", [OPTION_TEXT] = "PATH"};
    size_t n = (size_t)snprintf(buf, size, "%s", kind[row->type]);
    for (int i = 0; row->choices && row->choices[i] && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%s", n ? "|" : "", row->choices[i]);
    return buf;
}

const char *options_limits(const struct option_row *row, char *buf, size_t size)
{
    bool number =
        row->type == OPTION_INT || row->type == OPTION_SECONDS || row->type == OPTION_RANGE;
    const char *unit = row->unit ? row->unit : "";
    size_t n = 0;
    *buf = 0;
    if (number)
        n = (size_t)snprintf(buf, size, "%g to %g%s%s", row->min, row->max, *unit ? " " : "", unit);
    if (row->initial && n < size)
        snprintf(buf + n, size - n, "%sdefault %s", n ? ", " : "", row->initial);
    return buf;
}

/* "write steplimit S (0.001 to 1000 s, default 0.5)" */
static void say_how(const struct option_row *row, char *todo, size_t size)
{
    char usage[56], limits[88];
    options_usage(row, usage, sizeof usage);
    options_limits(row, limits, sizeof limits);
    snprintf(todo, size, "write %s %s%s%s%s", row->word, usage, *limits ? " (" : "", limits,
             *limits ? ")" : "");
}

int options_missing(const struct option_row *row, const char *thing, struct err *err)
{
    char todo[sizeof err->todo];
    say_how(row, todo, sizeof todo);
    return err_set(err, thing, todo, "%s: the value is missing", row->word);
}

static int bad_value(const struct option_row *row, const char *text, const char *thing,
                     const char *wrong, struct err *err)
{
    char word[48], todo[sizeof err->todo];
    say_how(row, todo, sizeof todo);
    return err_set(err, thing, todo, "%s: '%s' %s", row->word,
                   options_quote(text, word, sizeof word), wrong);
}

static int bad_number(const struct option_row *row, const char *text, int how, const char *thing,
                      struct err *err)
{
    return bad_value(row, text, thing, how == NUMBER_OVERFLOW ? "is too large" : "is not a number",
                     err);
}

static bool inside(const struct option_row *row, double v)
{
    return v >= row->min && v <= row->max;
}

static int set_int(const struct option_row *row, int64_t *place, const char *text,
                   const char *thing, struct err *err)
{
    int64_t v = 0;
    int choice = choice_of(row, text), how = choice < 0 ? number_int(text, &v) : 0;
    if (how)
        return bad_number(row, text, how, thing, err);
    if (choice < 0 && !inside(row, (double)v))
        return bad_value(row, text, thing, "is out of range", err);
    *place = choice < 0 ? v : -1 - choice;
    return 0;
}

static int set_seconds(const struct option_row *row, double *place, const char *text,
                       const char *thing, struct err *err)
{
    double v = 0;
    int how = number_double(text, &v);
    if (how)
        return bad_number(row, text, how, thing, err);
    if (!inside(row, v))
        return bad_value(row, text, thing, "is out of range", err);
    *place = v;
    return 0;
}

static int set_range(const struct option_row *row, double *place, const char *text,
                     const char *thing, struct err *err)
{
    char low[32];
    double v[2] = {0, 0};
    const char *dots = strstr(text, "..");
    if (!dots || (size_t)(dots - text) >= sizeof low)
        return bad_value(row, text, thing, "is no range", err);
    snprintf(low, sizeof low, "%.*s", (int)(dots - text), text);
    int how = number_double(low, &v[0]);
    if (!how)
        how = number_double(dots + 2, &v[1]);
    if (how)
        return bad_number(row, text, how, thing, err);
    if (!inside(row, v[0]) || !inside(row, v[1]))
        return bad_value(row, text, thing, "is out of range", err);
    if (v[0] >= v[1])
        return bad_value(row, text, thing, "is empty: the first must be the smaller one", err);
    memcpy(place, v, sizeof v);
    return 0;
}

static int set_choice(const struct option_row *row, int *place, const char *text, const char *thing,
                      struct err *err)
{
    int choice = choice_of(row, text);
    if (choice < 0)
        return bad_value(row, text, thing, "is none of its words", err);
    *place = choice;
    return 0;
}

static int set_text(const struct option_row *row, char *place, const char *text, const char *thing,
                    struct err *err)
{
    size_t most = row->max > 0 ? (size_t)row->max : OPTION_TEXT_SIZE - 1;
    char why[64];
    if (most > OPTION_TEXT_SIZE - 1)
        most = OPTION_TEXT_SIZE - 1;
    if (!*text)
        return bad_value(row, text, thing, "is empty", err);
    snprintf(why, sizeof why, "is longer than %zu bytes", most);
    if (strlen(text) > most)
        return bad_value(row, text, thing, why, err);
    snprintf(place, OPTION_TEXT_SIZE, "%s", choice_of(row, text) < 0 ? text : "");
    return 0;
}

int options_set(const struct option_row *row, void *base, const char *text, const char *thing,
                struct err *err)
{
    void *place = value_at(row, base);
    switch (row->type) {
    case OPTION_FLAG:
        *(bool *)place = true;
        return 0;
    case OPTION_INT:
        return set_int(row, place, text, thing, err);
    case OPTION_SECONDS:
        return set_seconds(row, place, text, thing, err);
    case OPTION_RANGE:
        return set_range(row, place, text, thing, err);
    case OPTION_CHOICE:
        return set_choice(row, place, text, thing, err);
    case OPTION_TEXT:
        return set_text(row, place, text, thing, err);
    }
    return err_set(err, thing, "", "%s: unknown type of option", row->word);
}

void options_initial(const struct option_row *rows, void *base)
{
    for (const struct option_row *row = rows; row && row->word; row++)
        if (row->initial)
            options_set(row, base, row->initial, "default", NULL);
}

const struct option_row *options_find(const struct option_row *rows, const char *word)
{
    for (const struct option_row *row = rows; row && row->word; row++)
        if (!strcmp(row->word, word))
            return row;
    return NULL;
}

static int unknown_option(const struct option_row *rows, const char *owner, const char *word,
                          const char *thing, struct err *err)
{
    char quoted[48], todo[sizeof err->todo] = "";
    const struct option_row *nearest = NULL;
    int best = INT_MAX;
    size_t n = 0;
    for (const struct option_row *row = rows; row && row->word; row++) {
        int d = options_distance(word, row->word);
        if (d < best) {
            best = d;
            nearest = row;
        }
        if (n < sizeof todo)
            n += (size_t)snprintf(todo + n, sizeof todo - n, "%s%s",
                                  n ? ", " : "known here: ", row->word);
    }
    if (nearest)
        snprintf(todo, sizeof todo, "did you mean '%s'?", nearest->word);
    return err_set(err, thing, *todo ? todo : "nothing may follow here", "unknown word '%s' in %s",
                   options_quote(word, quoted, sizeof quoted), owner);
}

int options_take(const struct option_row *rows, void *base, const char *owner,
                 const char *const *words, size_t count, const char *thing, uint64_t *given,
                 struct err *err)
{
    *given = 0;
    for (size_t i = 0; i < count; i++) {
        const struct option_row *row = options_find(rows, words[i]);
        if (!row)
            return unknown_option(rows, owner, words[i], thing, err);
        uint64_t bit = UINT64_C(1) << ((row - rows) & 63);
        if (*given & bit)
            return err_set(err, thing, "keep one of them", "%s is given twice", row->word);
        *given |= bit;
        if (row->type != OPTION_FLAG && ++i == count)
            return options_missing(row, thing, err);
        if (options_set(row, base, words[i], thing, err))
            return -1;
    }
    return 0;
}

const char *options_value(const struct option_row *row, const void *base, char *buf, size_t size)
{
    const void *place = (const char *)base + row->offset;
    const double *d = place;
    const char *text = place;
    int64_t v = row->type == OPTION_INT ? *(const int64_t *)place : 0;
    *buf = 0;
    switch (row->type) {
    case OPTION_FLAG:
        break;
    case OPTION_INT:
        if (v < 0 && row->choices)
            snprintf(buf, size, "%s", row->choices[-1 - v]);
        else
            snprintf(buf, size, "%lld", (long long)v);
        break;
    case OPTION_SECONDS:
        snprintf(buf, size, "%.15g", *d);
        break;
    case OPTION_RANGE:
        snprintf(buf, size, "%.15g..%.15g", d[0], d[1]);
        break;
    case OPTION_CHOICE:
        snprintf(buf, size, "%s", row->choices[*(const int *)place]);
        break;
    case OPTION_TEXT:
        text = *text || !row->choices ? text : row->choices[0];
        snprintf(buf, size, strpbrk(text, " \t\r#") ? "\"%s\"" : "%s", text);
        break;
    }
    return buf;
}
