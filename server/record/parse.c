/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/options.h"
#include "server/record/record.h"

#define WORDS      9
#define LOCAL_MOST INT64_C(4000000000000000000) /* ns: differences stay inside 64 bits */
#define TODO       "see timeball-sim(1) for the format"

/* The line's words, cut at single blanks in *copy. Returns how many; -1: not such a line. */
static int cut(char *copy, const char *words[WORDS])
{
    char *at = copy;
    int n = 0;
    for (;;) {
        char *blank = strchr(at, ' ');
        if (blank)
            *blank = 0;
        if (n == WORDS || !*at)
            return -1;
        words[n++] = at;
        if (!blank)
            return n;
        at = blank + 1;
    }
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

static int take_source(const char *word, struct record_event *e)
{
    int64_t source = 0;
    if (word && take_int(word, 0, RECORD_SOURCES - 1, &source))
        return -1;
    e->source = (int)source;
    return 0;
}

static int take_leap(const char *word, enum leap *leap)
{
    int64_t value;
    if (take_int(word, LEAP_NONE, LEAP_UNKNOWN, &value))
        return -1;
    *leap = (enum leap)value;
    return 0;
}

static int take_edge(const char *const words[], struct record_event *e)
{
    e->edge = (struct edge){.local = e->local};
    return take_double(words[2], 0, 1, &e->edge.uncertainty) || take_source(words[3], e) ? -1 : 0;
}

static int take_label(const char *const words[], struct record_event *e)
{
    struct timelabel *l = &e->label;
    int64_t nsec, leap60;
    *l = (struct timelabel){.local = e->local};
    if (take_int(words[2], -LOCAL_MOST / 1000000000, LOCAL_MOST / 1000000000, &l->second) ||
        take_int(words[3], 0, 999999999, &nsec) || take_int(words[4], 0, 1, &leap60) ||
        take_leap(words[5], &l->leap) || take_delays(words + 6, l) || take_source(words[8], e))
        return -1;
    l->nsec = (int32_t)nsec;
    l->leap60 = leap60;
    return 0;
}

static int take_sample(const char *const words[], struct record_event *e)
{
    struct sample *s = &e->sample;
    *s = (struct sample){.local = e->local};
    return take_int(words[2], -LOCAL_MOST, LOCAL_MOST, &s->truth) ||
                   take_double(words[3], 0, 1e3, &s->error) ||
                   take_double(words[4], 0, 1e3, &s->uncertainty) ||
                   take_leap(words[5], &s->leap) || take_source(words[6], e)
               ? -1
               : 0;
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

static int take_hex(const char *word, struct record_bytes *to)
{
    size_t length = strlen(word);
    if (length % 2 || length > 2 * (size_t)RECORD_BYTES)
        return -1;
    to->size = length / 2;
    for (size_t i = 0; i < to->size; i++) {
        int high = digit(word[2 * i]), low = digit(word[2 * i + 1]);
        if (high < 0 || low < 0)
            return -1;
        to->at[i] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

static int take_bytes(const char *const words[], struct record_event *e)
{
    return take_source(words[2], e) || take_hex(words[3], &e->bytes) ? -1 : 0;
}

static int take_pivot(const char *const words[], struct record_event *e)
{
    return take_int(words[2], -LOCAL_MOST / 1000000000, LOCAL_MOST / 1000000000, &e->pivot);
}

static int take_address(const char *const words[], struct record_event *e)
{
    int64_t port;
    return take_int(words[1], 1, 65535, &port) ||
                   address_read(&e->net.address, words[0], (uint16_t)port)
               ? -1
               : 0;
}

static int take_request(const char *const words[], struct record_event *e)
{
    struct record_bytes origin;
    if (take_address(words + 2, e) || take_hex(words[4], &origin) || origin.size != 8)
        return -1;
    e->net.origin = 0;
    for (int i = 0; i < 8; i++)
        e->net.origin = e->net.origin << 8 | origin.at[i];
    return 0;
}

static int take_packet(const char *const words[], struct record_event *e)
{
    return take_int(words[2], -LOCAL_MOST, LOCAL_MOST, &e->net.left) ||
                   take_address(words + 3, e) || take_hex(words[5], &e->net.got)
               ? -1
               : 0;
}

static const struct {
    char letter;
    enum record_kind kind;
    int least, most; /* words; where there are fewer, the last one is the source, 0 */
    int (*take)(const char *const words[], struct record_event *);
} kinds[] = {
    {'E', RECORD_EDGE, 3, 4, take_edge},     {'L', RECORD_LABEL, 8, 9, take_label},
    {'S', RECORD_SAMPLE, 7, 7, take_sample}, {'T', RECORD_TEMPERATURE, 3, 3, take_temperature},
    {'F', RECORD_FREQ, 3, 3, take_freq},     {'B', RECORD_STREAM, 4, 4, take_bytes},
    {'P', RECORD_PIVOT, 3, 3, take_pivot},   {'Q', RECORD_REQUEST, 5, 5, take_request},
    {'N', RECORD_PACKET, 6, 6, take_packet},
};

static int take_local(const char *word, struct record_event *e)
{
    return take_int(word, -LOCAL_MOST, LOCAL_MOST, &e->local);
}

/* The rest of the line is a directive, with as many blanks as it likes. */
static int take_config(char *copy, struct record_event *e)
{
    char *text = strchr(copy + 2, ' ');
    if (!text || strlen(text + 1) > RECORD_TEXT)
        return -1;
    *text = 0;
    e->kind = RECORD_CONFIG;
    snprintf(e->config, sizeof e->config, "%s", text + 1);
    return take_local(copy + 2, e);
}

static int take_event(char *copy, struct record_event *e)
{
    const char *words[WORDS] = {0};
    int n = cut(copy, words);
    for (size_t i = 0; n > 1 && !words[0][1] && i < sizeof kinds / sizeof *kinds; i++) {
        if (*words[0] != kinds[i].letter)
            continue;
        e->kind = kinds[i].kind;
        return n < kinds[i].least || n > kinds[i].most || take_local(words[1], e) ||
                       kinds[i].take(words, e)
                   ? -1
                   : 0;
    }
    return -1;
}

int record_parse(const char *line, const char *thing, struct record_event *e, struct err *err)
{
    char copy[RECORD_LINE + 1], quoted[48];
    e->kind = RECORD_COMMENT;
    e->local = 0;
    e->source = 0;
    if (*line == '#')
        return 0;
    if (snprintf(copy, sizeof copy, "%s", line) > RECORD_LINE)
        return err_set(err, thing, TODO, "is longer than %d bytes", RECORD_LINE);
    if (!(strncmp(copy, "C ", 2) ? take_event(copy, e) : take_config(copy, e)))
        return 0;
    return err_set(err, thing, TODO, "is no line of a recording: '%s'",
                   options_quote(line, quoted, sizeof quoted));
}
