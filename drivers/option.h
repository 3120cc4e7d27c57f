/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_OPTION_H
#define TIMEBALL_DRIVERS_OPTION_H

#include <stddef.h>

/*
 * One row an option: from it come the parser, its errors, `--check`, the manual's table and the
 * status view. The value's place is an offset into the struct that the rows belong to.
 */
enum option_type {
    OPTION_FLAG,    /* bool; the word alone */
    OPTION_INT,     /* int64_t in [min, max]; the words of `choices` stand for -1, -2, ... */
    OPTION_SECONDS, /* double s in [min, max] */
    OPTION_RANGE,   /* double[2] s, written MIN..MAX, both in [min, max], MIN < MAX */
    OPTION_CHOICE,  /* int: index into `choices` */
    OPTION_TEXT, /* char[OPTION_TEXT_SIZE], at most `max` bytes (0: what fits); a word of `choices`
                    ("none") leaves it empty */
};
#define OPTION_TEXT_SIZE 256

struct option_row {
    const char *word; /* NULL ends the table */
    enum option_type type;
    size_t offset;
    double min, max;            /* range of numbers, in `unit` */
    const char *unit;           /* "s", ""; for messages and the manual */
    const char *const *choices; /* NULL-terminated, for OPTION_CHOICE; words for INT and TEXT */
    const char *initial;        /* default, written as in the file; NULL: zero or unset */
    const char *help;           /* one sentence */
    const char *assumed;        /* said where the default stands (OPTION_ASSUMED), or NULL */
};
#define OPTION_ASSUMED "assumed, not measured"

/*
 * Rows of several drivers: how late a source is stamped, and how far off that may be either way, s.
 * `state` is the driver's struct, with a double `latency` and `uncertainty`.
 */
#define OPTION_LATENCY(state, sentence)                                                       \
    {                                                                                         \
        .word = "latency", .type = OPTION_SECONDS, .offset = offsetof(struct state, latency), \
        .min = -1, .max = 1, .unit = "s", .initial = "0", .help = sentence,                   \
        .assumed = OPTION_ASSUMED                                                             \
    }
#define OPTION_UNCERTAINTY(state, value, sentence)                                      \
    {                                                                                   \
        .word = "uncertainty", .type = OPTION_SECONDS,                                  \
        .offset = offsetof(struct state, uncertainty), .min = 0, .max = 1, .unit = "s", \
        .initial = value, .help = sentence, .assumed = OPTION_ASSUMED                   \
    }

#endif
