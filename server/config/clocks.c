/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/clocks.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/config/config.h"
#include "server/config/line.h"
#include "server/config/refclock.h"
#include "server/options.h"

#define AT(field) .offset = offsetof(struct config_clock_line, field)
#define NUMBER(name, least, most)                                                  \
    {                                                                              \
        .word = #name, .type = OPTION_INT, AT(name), .min = (least), .max = (most) \
    }
#define SECONDS(name)                                                                \
    {                                                                                \
        .word = #name, .type = OPTION_SECONDS, AT(name), .min = -86400, .max = 86400 \
    }
#define FLAG(name, place)                            \
    {                                                \
        .word = name, .type = OPTION_FLAG, AT(place) \
    }
#define TEXT(name)                                   \
    {                                                \
        .word = #name, .type = OPTION_TEXT, AT(name) \
    }

enum {
    TIME1,
    TIME2,
    BIAS,
    FLAG1,
    FLAG2,
    FLAG3,
    FLAG4,
    MODE,
    SUBTYPE,
    MINPOLL,
    MAXPOLL,
    STRATUM,
    REFID,
    PATH,
    PPSPATH,
    BAUD
};

const struct option_row config_clocks_rows[] = {
    [TIME1] = SECONDS(time1),
    [TIME2] = SECONDS(time2),
    [BIAS] = SECONDS(bias),
    [FLAG1] = NUMBER(flag1, 0, 1),
    [FLAG2] = NUMBER(flag2, 0, 1),
    [FLAG3] = NUMBER(flag3, 0, 1),
    [FLAG4] = NUMBER(flag4, 0, 1),
    [MODE] = NUMBER(mode, 0, 0xffffffff),
    [SUBTYPE] = NUMBER(subtype, 0, 255),
    [MINPOLL] = NUMBER(minpoll, 0, 17),
    [MAXPOLL] = NUMBER(maxpoll, 0, 17),
    [STRATUM] = NUMBER(stratum, 0, 16),
    [REFID] = TEXT(refid),
    [PATH] = TEXT(path),
    [PPSPATH] = TEXT(ppspath),
    [BAUD] = NUMBER(baud, 4800, 921600),
    NUMBER(version, 1, 7),
    NUMBER(holdover, 0, 1e6),
    NUMBER(unit, 0, 255),
    FLAG("prefer", prefer),
    FLAG("noselect", noselect),
    FLAG("true", trust),
    FLAG("iburst", iburst),
    FLAG("burst", burst),
    {.word = NULL},
};

static const struct {
    int type;
    const char *name;
} types[] = {{1, "local"}, {20, "nmea"}, {22, "pps"}, {28, "shm"}, {46, "gpsd"}};

static bool given(const struct config_clock_line *l, int row)
{
    return l->given >> row & 1;
}

/* ---- reading ---- */

static int type_of(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, name))
            return types[i].type;
    return 0;
}

/* "127.127.20.0": true with type and unit. */
static bool magic(const char *word, struct config_clock_line *l)
{
    char type[4], unit[4], rest;
    if (sscanf(word, "127.127.%3[0-9].%3[0-9]%c", type, unit, &rest) != 2)
        return false;
    return !number_int(type, &l->type) && !number_int(unit, &l->unit) && l->type < 256 &&
           l->unit < 256;
}

/* NTPsec's line has a word of its own where ours has a path. */
static bool ntpsec(const struct config_line *line)
{
    return !strcmp(line->word[0], "refclock") && line->count > 2 && type_of(line->word[1]) &&
           options_find(config_clocks_rows, line->word[2]) &&
           strcmp(line->word[2], "prefer") != 0 && strcmp(line->word[2], "noselect") != 0;
}

bool config_clocks_mine(const struct config_line *line)
{
    struct config_clock_line l;
    return ntpsec(line) ||
           (!strcmp(line->word[0], "server") && line->count > 1 && magic(line->word[1], &l));
}

/* The lines of one clock are one. */
static struct config_clock_line *place(struct config *c, const struct config_clock_line *l)
{
    struct config_clock_line *of = c->clock_line;
    for (; of < c->clock_line + c->clock_lines; of++)
        if (of->type == l->type && of->unit == l->unit)
            return of;
    if (c->clock_lines == CONFIG_CLOCK_LINES_MAX)
        return NULL;
    c->clock_lines++;
    *of = (struct config_clock_line){.type = l->type, .unit = l->unit};
    return of;
}

int config_clocks_take(struct config *c, const struct config_line *line, struct err *err)
{
    struct config_clock_line l = {0}, *of;
    uint64_t now;
    bool named = ntpsec(line);
    const char *owner = line->word[0];
    if (named) {
        l.type = type_of(line->word[1]);
        for (size_t i = 2; i + 1 < line->count; i++)
            if (!strcmp(line->word[i], "unit") && number_int(line->word[i + 1], &l.unit))
                l.unit = -1; /* said below */
    } else if (!magic(line->word[1], &l))
        return err_set(err, line->thing, "write fudge 127.127.TYPE.UNIT",
                       "%s: that is no refclock of ntpd", owner);
    of = place(c, &l);
    if (!of)
        return err_set(err, line->thing, "write refclock lines", "more than %d clocks of ntpd",
                       CONFIG_CLOCK_LINES_MAX);
    bool fudge = !strcmp(owner, "fudge");
    if (of->server && !fudge)
        return err_set(err, line->thing, "delete one of the lines", "%s is named twice (line %d)",
                       line->word[1], of->line);
    of->server |= !fudge;
    if (!fudge || !*of->thing) {
        snprintf(of->thing, sizeof of->thing, "%s", line->thing);
        of->line = line->number;
    }
    if (options_take(config_clocks_rows, of, owner, line->word + 2, line->count - 2, line->thing,
                     &now, err))
        return -1;
    of->given |= now;
    return 0;
}

/* ---- translating ---- */

struct translation {
    struct config *c;
    struct config_errors *errors;
    const struct config_clock_line *of;
    FILE *out; /* into `text` */
    char text[CONFIG_LINE_MAX];
};

static void warn(struct translation *t, const char *what, const char *why)
{
    err_set(config_warning(t->c), t->of->thing, "", "127.127.%d.%d: %s means nothing here: %s",
            (int)t->of->type, (int)t->of->unit, what, why);
}

/* Ends the line with what is common to all, and reads it. */
static void take(struct translation *t)
{
    struct config_line line;
    struct err err = {0};
    const struct config_clock_line *l = t->of;
    size_t before = t->c->refclock_count;
    if (l->prefer)
        fprintf(t->out, " prefer");
    if (l->noselect)
        fprintf(t->out, " noselect");
    if (l->trust && options_find(config_refclock_options, "trust"))
        fprintf(t->out, " trust");
    long size = fflush(t->out) ? -1 : ftell(t->out);
    rewind(t->out);
    if (size < 0)
        err_set(&err, l->thing, "", "out of memory");
    if (size < 0 || config_line_cut(&line, "", l->line, t->text, (size_t)size, &err)) {
        config_errors_add(t->errors, &err);
        return;
    }
    snprintf(line.thing, sizeof line.thing, "%s", l->thing);
    if (config_refclock_take(t->c, &line, &err))
        config_errors_add(t->errors, &err);
    else if (t->c->refclock_count > before)
        snprintf(t->c->refclock[before].origin, sizeof t->c->refclock[before].origin,
                 "127.127.%d.%d", (int)l->type, (int)l->unit);
}

/* From the true second to the end of a message; its first byte is sooner. */
static void put_delay(struct translation *t)
{
    double late = t->of->time2;
    if (late > 0 && late <= 2)
        fprintf(t->out, " delay 0..%.9g", late);
    else if (given(t->of, TIME2) && late != 0)
        warn(t, "time2", "a message ends at most 2 s after the second");
    else
        warn(t, "the time of its messages",
             "without pulses (flag1) it needs time2, how late their end is");
}

static void put_latency(struct translation *t)
{
    if (given(t->of, TIME1))
        fprintf(t->out, " latency %.12g", t->of->time1);
}

static void nmea(struct translation *t)
{
    static const int bauds[] = {0, 9600, 19200, 38400, 57600, 115200};
    const struct config_clock_line *l = t->of;
    int64_t bits = l->mode >> 4 & 7;
    char device[32], pulse[32];
    snprintf(device, sizeof device, "/dev/gps%d", (int)l->unit);
    snprintf(pulse, sizeof pulse, "/dev/gpspps%d", (int)l->unit);
    const char *port = *l->path ? l->path : device;
    /* ntpd too tries the port itself when there is no such link */
    const char *pps = *l->ppspath                                  ? l->ppspath
                      : access(pulse, F_OK) && !access(port, F_OK) ? port
                                                                   : pulse;
    fprintf(t->out, "refclock nmea \"%s\"", port);
    if (l->baud || (bits > 0 && bits < 6))
        fprintf(t->out, " baud %d", l->baud ? (int)l->baud : bauds[bits]);
    if (l->mode & 0x1ff0f)
        warn(t, "mode", "all messages of a receiver are read; its baud rate is taken");
    if (!l->flag1) {
        put_delay(t);
        take(t);
        return;
    }
    if (given(l, TIME2))
        warn(t, "time2", "with pulses (flag1) the delay of the messages is measured");
    fprintf(t->out, " receiver gps%d", (int)l->unit);
    take(t);
    fprintf(t->out, "refclock pps \"%s\" receiver gps%d%s", pps, (int)l->unit,
            l->flag2 ? " edge clear" : "");
    put_latency(t);
    take(t);
}

static void pps(struct translation *t)
{
    char device[32];
    snprintf(device, sizeof device, "/dev/pps%d", (int)t->of->unit);
    fprintf(t->out, "refclock pps \"%s\"%s", *t->of->ppspath ? t->of->ppspath : device,
            t->of->flag2 ? " edge clear" : "");
    put_latency(t);
    take(t);
}

static void shm(struct translation *t)
{
    const struct config_clock_line *l = t->of;
    bool anyone = l->unit >= 2 && !(l->mode & 1);
    fprintf(t->out, "refclock shm %d%s", (int)l->unit, anyone ? " anyone" : "");
    put_latency(t);
    if (given(l, TIME2) || given(l, FLAG1))
        warn(t, "a limit of the difference", "samples are judged with those of other sources");
    if (anyone)
        warn(t, "who may write the segment",
             "as in ntpd any user of this machine may from unit 2 on; mode 1 would forbid it");
    take(t);
}

/* Unit 128 + U is the pulse of unit U: one driver here. */
static const struct config_clock_line *pulse_of(const struct config *c,
                                                const struct config_clock_line *l)
{
    for (const struct config_clock_line *o = c->clock_line; o < c->clock_line + c->clock_lines; o++)
        if (o->type == l->type && o->unit == l->unit + 128)
            return o;
    return NULL;
}

static void gpsd(struct translation *t)
{
    const struct config_clock_line *l = t->of, *pulse = pulse_of(t->c, l);
    char device[32];
    snprintf(device, sizeof device, "/dev/gps%d", (int)l->unit);
    if (l->unit >= 128) {
        struct config_clock_line primary = {.type = l->type, .unit = l->unit - 128};
        bool known = false;
        for (size_t i = 0; i < t->c->clock_lines; i++)
            known |= t->c->clock_line[i].type == 46 && t->c->clock_line[i].unit == primary.unit;
        if (!known)
            warn(t, "a unit from 128 on", "it is the pulse of unit - 128, which is not named");
        return;
    }
    fprintf(t->out, "refclock gpsd localhost device \"%s\"", *l->path ? l->path : device);
    if (pulse && given(pulse, TIME1))
        fprintf(t->out, " latency %.12g", pulse->time1);
    else
        put_latency(t);
    if (l->time2 > 0)
        put_delay(t);
    take(t);
}

static void remarks(struct translation *t)
{
    static const struct {
        int row;
        const char *why;
    } nothing[] = {
        {BIAS, "time1 corrects an offset"},
        {SUBTYPE, "the driver has none"},
        {MINPOLL, "a receiver is read as often as it speaks"},
        {MAXPOLL, "a receiver is read as often as it speaks"},
        {STRATUM, "a receiver is stratum 0, and what follows it stratum 1"},
        {REFID, "PPS is served with pulses, and GPS without"},
    };
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        if (given(t->of, nothing[i].row))
            warn(t, config_clocks_rows[nothing[i].row].word, nothing[i].why);
    if (t->of->flag3 && t->of->type != 46)
        warn(t, "flag3", "the kernel's own PPS loop is left out");
}

static void out_of_memory(struct translation *t)
{
    struct err err;
    err_set(&err, t->of->thing, "", "out of memory");
    config_errors_add(t->errors, &err);
}

static void unknown(struct translation *t)
{
    struct err err;
    err_set(&err, t->of->thing, "name the receiver in a refclock line: see DRIVERS in the manual",
            "127.127.%d.%d: timeball has no driver like that of ntpd's type %d", (int)t->of->type,
            (int)t->of->unit, (int)t->of->type);
    config_errors_add(t->errors, &err);
}

static void translate(struct translation *t)
{
    struct err err;
    if (!t->of->server) {
        err_set(&err, t->of->thing, "name it in a server line, or delete the line",
                "fudge 127.127.%d.%d: there is no such clock", (int)t->of->type, (int)t->of->unit);
        config_errors_add(t->errors, &err);
        return;
    }
    if (t->of->type == 1) {
        warn(t, "the local clock",
             "who has lost all sources serves on while the error bound allows it");
        return;
    }
    remarks(t);
    switch (t->of->type) {
    case 20:
        nmea(t);
        break;
    case 22:
        pps(t);
        break;
    case 28:
        shm(t);
        break;
    case 46:
        gpsd(t);
        break;
    default:
        unknown(t);
    }
}

int config_clocks_finish(struct config *c, struct config_errors *errors)
{
    for (size_t i = 0; i < c->clock_lines; i++) {
        struct translation t = {.c = c, .errors = errors, .of = &c->clock_line[i]};
        t.out = fmemopen(t.text, sizeof t.text, "w");
        if (t.out) {
            translate(&t);
            fclose(t.out);
        } else
            out_of_memory(&t);
    }
    return errors->count ? -1 : 0;
}
