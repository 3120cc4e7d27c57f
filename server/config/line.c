/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/config/line.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static int check_bytes(const struct config_line *line, const char *text, size_t size,
                       struct err *err)
{
    if (size > CONFIG_LINE_MAX)
        return err_set(err, line->thing, "is this a text file?", "line is longer than %d bytes",
                       CONFIG_LINE_MAX);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)text[i];
        if (!c)
            return err_set(err, line->thing, "write the file as plain text (UTF-8)", "NUL byte");
        if ((c < 0x20 && !blank(text[i])) || c == 0x7f)
            return err_set(err, line->thing, "delete it", "control character 0x%02x", c);
    }
    return 0;
}

/* Takes the word that begins at *at, ends it with a NUL, and moves *at behind it. */
static int cut_word(struct config_line *line, char **at, struct err *err)
{
    char *p = *at;
    bool quoted = *p == '"';
    char *end = quoted ? strchr(++p, '"') : p + strcspn(p, " \t\r");
    if (!end)
        return err_set(err, line->thing, "close it with \" on the same line", "open quote");
    char after = *end ? end[quoted] : 0;
    if ((quoted && after && !blank(after)) || (!quoted && memchr(p, '"', (size_t)(end - p))))
        return err_set(err, line->thing, "put the whole word into quotes, or none of it",
                       "quote inside a word");
    if (line->count == CONFIG_WORDS_MAX)
        return err_set(err, line->thing, "write fewer options on one line",
                       "more than %d words on a line", CONFIG_WORDS_MAX);
    line->word[line->count++] = p;
    *at = *end ? end + 1 : end;
    *end = 0;
    return 0;
}

int config_line_cut(struct config_line *line, const char *file, int number, const char *text,
                    size_t size, struct err *err)
{
    size_t length = strlen(file);
    bool cut = length > 120; /* the end of a path says more than its beginning */
    snprintf(line->thing, sizeof line->thing, "%s%s:%d", cut ? "..." : "",
             cut ? file + length - 117 : file, number);
    line->number = number;
    line->count = 0;
    if (check_bytes(line, text, size, err))
        return -1;
    memcpy(line->text, text, size);
    line->text[size] = 0;
    for (char *p = line->text;;) {
        while (blank(*p))
            p++;
        if (!*p || *p == '#')
            return 0;
        if (cut_word(line, &p, err))
            return -1;
    }
}
