/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "refclock/civil.h"

void ntpq_put_bytes(struct ntpq_text *t, const void *bytes, size_t size)
{
    if (size > sizeof t->bytes - t->size)
        return;
    memcpy(t->bytes + t->size, bytes, size);
    t->size += size;
}

void ntpq_put(struct ntpq_text *t, const char *name, const char *value, ...)
{
    char text[512], item[640];
    va_list args;
    va_start(args, value);
    /* begun above; the checker forgets it when it looks at several files
       NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(text, sizeof text, value, args);
    va_end(args);
    int n = snprintf(item, sizeof item, "%s%s=%s", t->size ? ", " : "", name, text);
    if (n > 0 && (size_t)n < sizeof item)
        ntpq_put_bytes(t, item, (size_t)n);
}

void ntpq_put_instant(struct ntpq_text *t, const char *name, int64_t instant)
{
    uint64_t ntp = instant ? civil_to_ntp(instant) : 0;
    ntpq_put(t, name, "0x%08" PRIx32 ".%08" PRIx32, (uint32_t)(ntp >> 32), (uint32_t)ntp);
}

static void put_minute(struct ntpq_text *t, const char *name, int64_t instant)
{
    struct civil c = civil_from_posix(instant / NS_PER_S);
    ntpq_put(t, name, "%04d%02d%02d%02d%02d", c.year, c.month, c.day, c.hour, c.minute);
}

/* Text from a configuration or a receiver: nothing in it can end the string or drive a terminal. */
static void put_string(struct ntpq_text *t, const char *name, const char *value)
{
    char clean[256];
    size_t n = 0;
    for (; n < sizeof clean - 1 && value[n]; n++)
        clean[n] = (char)(value[n] < ' ' || value[n] > '~' || value[n] == '"' ? '?' : value[n]);
    clean[n] = 0;
    ntpq_put(t, name, "\"%s\"", clean);
}

static double known(const void *at, double scale)
{
    double value = *(const double *)at;
    return isfinite(value) ? value * scale : 0;
}

static void put_row(struct ntpq_text *t, const struct ntpq_row *row, const void *at)
{
    switch (row->type) {
    case NTPQ_INT:
        ntpq_put(t, row->name, "%d", *(const int *)at);
        return;
    case NTPQ_NATURAL:
        ntpq_put(t, row->name, "%d", *(const int *)at > 0 ? *(const int *)at : 0);
        return;
    case NTPQ_COUNT:
        ntpq_put(t, row->name, "%" PRIu64, *(const uint64_t *)at);
        return;
    case NTPQ_HEX:
        ntpq_put(t, row->name, "0x%x", (unsigned)*(const int *)at);
        return;
    case NTPQ_MS:
        ntpq_put(t, row->name, "%.6f", known(at, 1e3));
        return;
    case NTPQ_PPM:
        ntpq_put(t, row->name, "%.6f", known(at, 1e6));
        return;
    case NTPQ_SECONDS:
        ntpq_put(t, row->name, "%.0f", known(at, 1));
        return;
    case NTPQ_INSTANT:
        ntpq_put_instant(t, row->name, *(const int64_t *)at);
        return;
    case NTPQ_MINUTE:
        put_minute(t, row->name, *(const int64_t *)at);
        return;
    case NTPQ_WORD:
        ntpq_put(t, row->name, "%s", (const char *)at);
        return;
    case NTPQ_STRING:
        put_string(t, row->name, at);
        return;
    }
}

static bool is_known(const struct ntpq_row *row, const void *at)
{
    switch (row->type) {
    case NTPQ_NATURAL:
        return *(const int *)at >= 0;
    case NTPQ_INSTANT:
    case NTPQ_MINUTE:
        return *(const int64_t *)at != 0;
    case NTPQ_WORD:
    case NTPQ_STRING:
        return *(const char *)at != 0;
    default:
        return true;
    }
}

static const void *place(const struct ntpq_row *row, const void *const *bases)
{
    return (const char *)bases[row->base] + row->offset;
}

void ntpq_put_default(struct ntpq_text *t, const struct ntpq_row *rows, const void *const *bases)
{
    for (; rows->name; rows++)
        if (!rows->asked && is_known(rows, place(rows, bases)))
            put_row(t, rows, place(rows, bases));
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == 0;
}

static void trim(const char **text, size_t *size)
{
    while (*size && is_space(**text))
        ++*text, --*size;
    while (*size && is_space((*text)[*size - 1]))
        --*size;
}

bool ntpq_next_item(const char **list, size_t *size, struct ntpq_item *item)
{
    trim(list, size);
    if (!*size)
        return false;
    const char *comma = memchr(*list, ',', *size);
    size_t whole = comma ? (size_t)(comma - *list) : *size;
    const char *equals = memchr(*list, '=', whole);
    *item = (struct ntpq_item){.name = *list, .name_size = whole, .value = *list + whole};
    if (equals) {
        item->name_size = (size_t)(equals - *list);
        item->value = equals + 1;
        item->value_size = whole - item->name_size - 1;
    }
    trim(&item->name, &item->name_size);
    trim(&item->value, &item->value_size);
    size_t step = whole + (comma ? 1 : 0);
    *list += step;
    *size -= step;
    return true;
}

bool ntpq_item_is(const struct ntpq_item *item, const char *name)
{
    return strlen(name) == item->name_size && !memcmp(name, item->name, item->name_size);
}

int ntpq_put_named(struct ntpq_text *t, const struct ntpq_row *rows, const void *const *bases,
                   const char *list, size_t size)
{
    struct ntpq_item item;
    while (ntpq_next_item(&list, &size, &item)) {
        const struct ntpq_row *row = rows;
        while (row->name && !ntpq_item_is(&item, row->name))
            row++;
        if (row->name)
            put_row(t, row, place(row, bases));
        else if (item.name_size)
            return -1;
    }
    return 0;
}
