/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/drift/drift_delays.h"

#include <stdio.h>
#include <string.h>

#include "server/options.h"

#define WORD "delay "

/* A text from `from` to the next tab or end; false when it is empty, too long or not printable. */
static bool take_text(const char **from, const char *end, char *to, size_t size)
{
    size_t n = 0;
    for (; *from < end && **from != '\t'; (*from)++) {
        if (n + 1 >= size || (unsigned char)**from < ' ' || **from == 0x7f)
            return false;
        to[n++] = **from;
    }
    to[n] = 0;
    return n > 0;
}

static bool take_line(const char *line, const char *end, struct memory_delay *m)
{
    char low[32], high[32];
    int used = 0;
    if (sscanf(line, WORD "%31[0-9.e+-] %31[0-9.e+-]%n", low, high, &used) != 2 ||
        number_double(low, &m->low) || number_double(high, &m->high))
        return false;
    const char *at = line + used;
    if (at >= end || *at++ != '\t' || !take_text(&at, end, m->name, sizeof m->name) || at == end)
        return false;
    at++;
    if (!take_text(&at, end, m->model, sizeof m->model) || at != end)
        return false;
    if (!strcmp(m->model, "-"))
        m->model[0] = 0;
    return m->low >= 0 && m->low <= m->high && m->high <= MEMORY_DELAY_MAX &&
           m->high - m->low <= MEMORY_SPAN_MAX;
}

static bool is_there(const struct drift *d, const char *name)
{
    for (int i = 0; i < d->delays; i++)
        if (!strcmp(d->delay[i].name, name))
            return true;
    return false;
}

void drift_delays_parse(const char *text, struct drift *d)
{
    d->delays = d->damaged = 0;
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        struct memory_delay m = {0};
        if (strncmp(text, WORD, strlen(WORD)) != 0)
            continue;
        if (d->delays < MEMORY_DELAYS && take_line(text, end, &m) && !is_there(d, m.name))
            d->delay[d->delays++] = m;
        else
            d->damaged++;
    }
}

/* What a receiver says of itself may be anything; a tab or a line's end would be another line. */
static const char *tidy(const char *from, char *to, size_t size)
{
    size_t n = 0;
    for (; *from && n + 1 < size; from++)
        to[n++] = (unsigned char)*from < ' ' || *from == 0x7f ? '?' : *from;
    to[n] = 0;
    return n ? to : "-";
}

size_t drift_delays_put(const struct drift *d, char *to, size_t room)
{
    size_t used = 0;
    for (int i = 0; i < d->delays; i++) {
        const struct memory_delay *m = &d->delay[i];
        char name[sizeof m->name], model[sizeof m->model], line[256];
        int n = snprintf(line, sizeof line, WORD "%.6f %.6f\t%s\t%s\n", m->low, m->high,
                         tidy(m->name, name, sizeof name), tidy(m->model, model, sizeof model));
        if (n < 0 || (size_t)n >= sizeof line || (size_t)n >= room - used)
            break;
        memcpy(to + used, line, (size_t)n + 1);
        used += (size_t)n;
    }
    return used;
}
