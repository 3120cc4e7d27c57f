/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any JSON as a status: the metrics are well formed, whatever it holds. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/metrics/metrics.h"
#include "tests/fuzz/fuzz.h"

static const char *skip_name(const char *c)
{
    return c + strspn(c, "abcdefghijklmnopqrstuvwxyz_0123456789");
}

/* After `name="`: behind the quote that ends it. */
static const char *skip_label(const char *c)
{
    for (; *c != '"'; c++) {
        if ((unsigned char)*c < 0x20)
            abort();
        if (*c == '\\' && *++c != '\\' && *c != '"')
            abort();
    }
    return c + 1;
}

/* A sample, up to its value: exposition format 0.0.4. */
static const char *skip_series(const char *line)
{
    const char *c = skip_name(line);
    if (strncmp(line, "timeball_", 9) != 0)
        abort();
    for (char before = '{'; *c == before; before = ',') {
        const char *end = skip_name(c + 1);
        if (end == c + 1 || end[0] != '=' || end[1] != '"')
            abort();
        c = skip_label(end + 2);
    }
    return *c == '}' ? c + 1 : c;
}

static void look_at(const char *text)
{
    for (const char *line = text; *line;) {
        const char *end = strchr(line, '\n');
        if (!end)
            abort();
        if (*line != '#') {
            const char *value = skip_series(line);
            char *after;
            if (*value != ' ' || (strtod(value + 1, &after), after != end))
                abort();
            /* each sample once */
            size_t length = (size_t)(value - line) + 1;
            for (const char *other = end; other; other = strchr(other + 1, '\n'))
                if (!strncmp(other + 1, line, length))
                    abort();
        }
        line = end + 1;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *status = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    size_t length = 0;
    if (!status)
        return 0;
    char *text = metrics_text(status, &length);
    if (!text || strlen(text) != length)
        abort();
    look_at(text);
    free(text);
    json_decref(status);
    return 0;
}
