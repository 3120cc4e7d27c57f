/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_LINE_H
#define TIMEBALL_SERVER_CONFIG_LINE_H

#include <stddef.h>

#include "refclock/err.h"

/* A line of a configuration, cut into words. */
#define CONFIG_LINE_MAX  1024 /* bytes */
#define CONFIG_WORDS_MAX 32

struct config_line {
    char thing[sizeof((struct err *)0)->thing]; /* "FILE:LINE" */
    int number;                                 /* from 1 */
    const char *word[CONFIG_WORDS_MAX];         /* point into text */
    size_t count;
    char text[CONFIG_LINE_MAX + 1];
    struct config_parse *parse; /* that it is part of, for `includefile`; NULL: none */
};

struct config;
/* `includefile`: reads the lines of another file in this place. 0, or -1 with *err. */
int config_include_take(struct config *c, const struct config_line *line, struct err *err);

/*
 * Cuts the `size` bytes at `text` (one line, no newline) into words: separated by blanks; '#' at
 * the start of a word begins a comment; a word in double quotes may hold blanks. 0, or -1 with
 * *err: too long, too many words, an open quote, a NUL or another control character.
 */
int config_line_cut(struct config_line *line, const char *file, int number, const char *text,
                    size_t size, struct err *err);

#endif
