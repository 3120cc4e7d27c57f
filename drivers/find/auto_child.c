/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/find/auto_child.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const size_t value_size[] = {
    [OPTION_FLAG] = sizeof(bool),      [OPTION_INT] = sizeof(int64_t),
    [OPTION_SECONDS] = sizeof(double), [OPTION_RANGE] = 2 * sizeof(double),
    [OPTION_CHOICE] = sizeof(int),     [OPTION_TEXT] = OPTION_TEXT_SIZE,
};

static int choice_of(const struct option_row *row)
{
    for (int i = 0; row->choices && row->choices[i]; i++)
        if (!strcmp(row->choices[i], row->initial))
            return i;
    return -1;
}

/* The default as the row writes it: our own tables, so it is what its type says. */
static void set_initial(const struct option_row *row, void *value)
{
    int choice = choice_of(row);
    double number = strtod(row->initial, NULL);
    int64_t whole = choice >= 0 ? -1 - choice : (int64_t)number;
    if (row->type == OPTION_SECONDS)
        memcpy(value, &number, sizeof number);
    else if (row->type == OPTION_INT)
        memcpy(value, &whole, sizeof whole);
    else if (row->type == OPTION_CHOICE)
        memcpy(value, &choice, sizeof choice);
    else if (row->type == OPTION_TEXT && choice < 0)
        snprintf(value, OPTION_TEXT_SIZE, "%s", row->initial);
}

static const struct option_row *row_of(const struct driver *d, const char *word)
{
    for (const struct option_row *row = d->ops->options; row && row->word; row++)
        if (!strcmp(row->word, word))
            return row;
    return NULL;
}

static void set_options(struct driver *child, const struct driver *from)
{
    for (const struct option_row *row = child->ops->options; row && row->word; row++) {
        const struct option_row *same = row_of(from, row->word);
        void *value = (char *)child + row->offset;
        if (row->initial)
            set_initial(row, value);
        if (same && same->type == row->type)
            memcpy(value, (const char *)from + same->offset, value_size[row->type]);
    }
}

struct driver *auto_child_new(const struct driver_ops *ops, struct driver *from,
                              const struct driver_sink *sink, const char *path)
{
    struct driver *child = calloc(1, ops->size);
    if (!child)
        return NULL;
    child->ops = ops;
    child->env = from->env;
    child->sink = sink;
    child->sink_arg = from;
    snprintf(child->path, sizeof child->path, "%s", path);
    set_options(child, from);
    return child;
}

void auto_child_set_text(struct driver *child, const char *word, const char *value)
{
    const struct option_row *row = row_of(child, word);
    if (row && row->type == OPTION_TEXT)
        snprintf((char *)child + row->offset, OPTION_TEXT_SIZE, "%s", value);
}

void auto_child_free(struct driver *child)
{
    if (!child)
        return;
    child->ops->close(child);
    free(child);
}
