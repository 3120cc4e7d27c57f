/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/options.h"
#include "server/record.h"

#define WORDS      9
#define LOCAL_MOST INT64_C(4000000000000000000) /* ns: differences stay inside 64 bits */
#define TODO       "see timeball-sim(1) for the format"

/* The line's words, cut at single blanks in *copy. Returns how many; -1: not such a line. */
static int cut(char *copy, const char *words[WORDS])
{
    char *at = copy, *blank;
    int n = 0;
    do {
        blank = strchr(at, ' ');
        if (blank)
            *blank = 0;
        if (n == WORDS || !*at)
            return -1;
        words[n++] = at;
        at = blank + 1;
    } while (blank);
    return n;
}

static int take_int(const char *word, int64_t least, int64_t most, int64_t *value)
{
    return number_int(word, value) || *value < least || *value > most ? -1 : 0;
}

static int take_double(const char *word, double least, double most, double *value)
{
    return number_double(word, value) || !(*value >= least && *value <= most) ? -1 : 0;
}

/* Both are stated, as MIN..MAX in the configuration, or neither is. */
static int take_delays(const char *const words[], struct timelabel *l)
{
    l->delay_min = l->delay_max = NAN;
    if (!strcmp(words[0], "-") && !strcmp(words[1], "-"))
        return 0;
    return take_double(words[0], 0, 2, &l->delay_min) ||
                   take_double(words[1], 0, 2, &l->delay_max) || l->delay_min >= l->delay_max
               ? -1
               : 0;
}

static int take_edge(const char *const words[], struct record_event *e)
{
    e->edge.local = e->local;
    return take_double(words[2], 0, 1, &e->edge.uncertainty);
}

static int take_label(const char *const words[], struct record_event *e)
{
    struct timelabel *l = &e->label;
    int64_t nsec, leap60, leap;
    *l = (struct timelabel){.local = e->local};
    if (take_int(words[2], -LOCAL_MOST / 1000000000, LOCAL_MOST / 1000000000, &l->second) ||
        take_int(words[3], 0, 999999999, &nsec) || take_int(words[4], 0, 1, &leap60) ||
        take_int(words[5], LEAP_NONE, LEAP_UNKNOWN, &leap) || take_delays(words + 6, l))
        return -1;
    l->nsec = (int32_t)nsec;
    l->leap60 = leap60;
    l->leap = (enum leap)leap;
    return 0;
}

static int take_temperature(const char *const words[], struct record_event *e)
{
    return take_double(words[2], -274, 1000, &e->celsius);
}

static int take_freq(const char *const words[], struct record_event *e)
{
    return take_double(words[2], -1e-3, 1e-3, &e->freq);
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int take_bytes(const char *const words[], struct record_event *e)
{
    int64_t source;
    size_t length = strlen(words[3]);
    if (take_int(words[2], 0, 63, &source) || length % 2 || length > 2 * (size_t)RECORD_BYTES)
        return -1;
    e->bytes.source = (int)source;
    e->bytes.size = length / 2;
    for (size_t i = 0; i < e->bytes.size; i++) {
        int high = digit(words[3][2 * i]), low = digit(words[3][2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        e->bytes.at[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static const struct {
    char letter;
    enum record_kind kind;
    int words;
    int (*take)(const char *const words[], struct record_event *);
} kinds[] = {
    {'E', RECORD_EDGE, 3, take_edge},
    {'L', RECORD_LABEL, 8, take_label},
    {'T', RECORD_TEMPERATURE, 3, take_temperature},
    {'F', RECORD_FREQ, 3, take_freq},
    {'B', RECORD_STREAM, 4, take_bytes},
};

int record_parse(const char *line, const char *thing, struct record_event *e, struct err *err)
{
    char copy[RECORD_LINE + 1], quoted[48];
    const char *words[WORDS];
    *e = (struct record_event){.kind = RECORD_COMMENT};
    if (*line == '#')
        return 0;
    if (snprintf(copy, sizeof copy, "%s", line) > RECORD_LINE)
        return err_set(err, thing, TODO, "is longer than %d bytes", RECORD_LINE);
    int n = cut(copy, words);
    for (size_t i = 0; n > 1 && !words[0][1] && i < sizeof kinds / sizeof *kinds; i++) {
        if (*words[0] != kinds[i].letter)
            continue;
        e->kind = kinds[i].kind;
        if (n == kinds[i].words && !take_int(words[1], -LOCAL_MOST, LOCAL_MOST, &e->local) &&
            !kinds[i].take(words, e))
            return 0;
    }
    return err_set(err, thing, TODO, "is no line of a recording: '%s'",
                   options_quote(line, quoted, sizeof quoted));
}
