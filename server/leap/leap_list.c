/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha1.h>

#include "refclock/civil.h"
#include "server/leap/leap_file.h"

#define NTP_TO_POSIX INT64_C(2208988800)
#define LINE_MAX_LEN 256
#define COUNT_FIRST  10                  /* of 1972-01-01, when whole seconds began */
#define TIME_MOST    INT64_C(9000000000) /* 2255 */
#define DAY_S        INT64_C(86400)
#define TODO_UPDATE  "update the package tzdata, or name another file with `leapfile`"

/* A file in work. */
struct reading {
    const char *name;
    struct leap_list list;
    struct sha1_ctx hash;
    uint32_t said[5]; /* the hash that the file names */
    bool hashed, has_update;
    int line;
    struct err *err;
};

static int damaged(const struct reading *r, const char *what)
{
    return err_set(r->err, r->name, TODO_UPDATE, "line %d is damaged: %s", r->line, what);
}

/* A number of digits alone, that goes into the hash; *p moves behind it. */
static int take_number(struct reading *r, const char **p, int64_t *value)
{
    while (**p == ' ' || **p == '\t')
        ++*p;
    const char *begin = *p;
    int64_t v = 0;
    for (; isdigit((unsigned char)**p); ++*p) {
        if (*p - begin > 12)
            return -1;
        v = v * 10 + (**p - '0');
    }
    if (*p == begin)
        return -1;
    sha1_update(&r->hash, (size_t)(*p - begin), (const uint8_t *)begin);
    *value = v;
    return 0;
}

static bool ends(const char *p)
{
    p += strspn(p, " \t");
    return !*p || *p == '#';
}

static int add_row(struct reading *r, int64_t at, int64_t tai)
{
    struct leap_list *l = &r->list;
    bool first = l->count == 0;
    if (l->count == LEAP_LIST_MAX)
        return damaged(r, "too many leap seconds");
    if (at > TIME_MOST || !leap_possible(at) || (!first && at <= l->row[l->count - 1].at))
        return damaged(r, "a day that cannot be");
    if (first ? tai != COUNT_FIRST : llabs(tai - l->row[l->count - 1].tai) != 1)
        return damaged(r, "a count that cannot be");
    l->row[l->count].at = at;
    l->row[l->count++].tai = (int)tai;
    return 0;
}

static int take_hash(struct reading *r, const char *p)
{
    for (int i = 0; i < 5; i++) {
        p += strspn(p, " \t");
        if (!isxdigit((unsigned char)*p))
            return damaged(r, "not a hash");
        char *end;
        errno = 0;
        unsigned long word = strtoul(p, &end, 16);
        if (errno || word > UINT32_MAX || end - p > 8)
            return damaged(r, "not a hash");
        r->said[i] = (uint32_t)word;
        p = end;
    }
    r->hashed = true;
    return ends(p) ? 0 : damaged(r, "not a hash");
}

static int check_instant(struct reading *r, int64_t at)
{
    return at < 0 || at > TIME_MOST ? damaged(r, "not a time") : 0;
}

static int take_instant(struct reading *r, const char *p, int64_t *to)
{
    if (take_number(r, &p, to) || !ends(p))
        return damaged(r, "not a time");
    *to -= NTP_TO_POSIX;
    return check_instant(r, *to);
}

static int list_line(struct reading *r, const char *line)
{
    int64_t at, tai;
    if (!strncmp(line, "#$", 2)) {
        r->has_update = true;
        return take_instant(r, line + 2, &r->list.updated);
    }
    if (!strncmp(line, "#@", 2))
        return take_instant(r, line + 2, &r->list.expires);
    if (!strncmp(line, "#h", 2))
        return take_hash(r, line + 2);
    if (ends(line))
        return 0;
    if (take_number(r, &line, &at) || take_number(r, &line, &tai) || !ends(line))
        return damaged(r, "not a time and a count");
    return add_row(r, at - NTP_TO_POSIX, tai);
}

/* "Leap YEAR MONTH DAY HH:MM:SS +|- S" */
static int zone_leap(struct reading *r, const char *line)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    struct leap_list *l = &r->list;
    int year, day, hour, minute, second;
    char month[4], sign;
    /* NOLINTNEXTLINE(cert-err34-c): the widths keep every number in range */
    if (sscanf(line, "Leap %4d %3s %2d %2d:%2d:%2d %c S", &year, month, &day, &hour, &minute,
               &second, &sign) != 7 ||
        strlen(month) != 3 || (sign != '+' && sign != '-'))
        return damaged(r, "not a leap second");
    const char *found = strstr(months, month);
    if (!found || (found - months) % 3)
        return damaged(r, "not a month");
    struct civil c = {.year = year, .month = (int)(found - months) / 3 + 1, .day = day};
    if (!civil_valid(&c))
        return damaged(r, "no such day");
    int tai = l->row[l->count - 1].tai + (sign == '+' ? 1 : -1);
    return add_row(r, civil_to_posix(&c) + DAY_S, tai);
}

static int zone_instant(struct reading *r, const char *text, int64_t *to)
{
    /* NOLINTNEXTLINE(cert-err34-c): the width keeps the number in range */
    if (sscanf(text, " %12" SCNd64, to) != 1)
        return damaged(r, "not a time");
    return check_instant(r, *to);
}

static int zone_line(struct reading *r, const char *line)
{
    if (!strncmp(line, "#updated", 8)) {
        r->has_update = true;
        return zone_instant(r, line + 8, &r->list.updated);
    }
    if (!strncmp(line, "#expires", 8))
        return zone_instant(r, line + 8, &r->list.expires);
    return strncmp(line, "Leap", 4) != 0 ? 0 : zone_leap(r, line);
}

/* Each line, without its end, goes through `take`. */
static int each_line(struct reading *r, const char *text, size_t size,
                     int (*take)(struct reading *, const char *))
{
    const char *end = text + size;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        size_t length = (size_t)((stop ? stop : end) - text);
        char line[LINE_MAX_LEN];
        r->line++;
        if (memchr(text, 0, length))
            return damaged(r, "a zero byte");
        if (length >= sizeof line && *text != '#')
            return damaged(r, "too long");
        snprintf(line, sizeof line, "%.*s", (int)(length < INT_MAX ? length : INT_MAX), text);
        if (*line && line[strlen(line) - 1] == '\r')
            line[strlen(line) - 1] = 0;
        if (take(r, line))
            return -1;
        text += length + 1;
    }
    if (!r->has_update || !r->list.expires)
        return err_set(r->err, r->name, TODO_UPDATE,
                       "does not say when it was made and when it expires");
    return 0;
}

static bool hash_is_right(struct reading *r)
{
    uint8_t digest[SHA1_DIGEST_SIZE];
    bool right = true;
    sha1_digest(&r->hash, sizeof digest, digest);
    for (size_t i = 0; i < 5; i++) {
        const uint8_t *d = digest + 4 * i;
        right &= r->said[i] ==
                 ((uint32_t)d[0] << 24 | (uint32_t)d[1] << 16 | (uint32_t)d[2] << 8 | d[3]);
    }
    return right;
}

int leap_list_parse(const char *name, const char *text, size_t size, struct leap_list *list,
                    struct err *err)
{
    struct reading r = {.name = name, .err = err};
    sha1_init(&r.hash);
    if (each_line(&r, text, size, list_line))
        return -1;
    if (r.list.count < 2)
        return err_set(err, name, TODO_UPDATE, "names no leap seconds");
    if (!r.hashed || !hash_is_right(&r))
        return err_set(err, name, TODO_UPDATE,
                       r.hashed ? "its figures do not fit its hash" : "has no hash");
    *list = r.list;
    return 0;
}

int leap_zone_parse(const char *name, const char *text, size_t size, struct leap_list *list,
                    struct err *err)
{
    static const struct civil first = {.year = 1972, .month = 1, .day = 1};
    struct reading r = {.name = name, .err = err};
    sha1_init(&r.hash);
    (void)add_row(&r, civil_to_posix(&first), COUNT_FIRST);
    if (each_line(&r, text, size, zone_line))
        return -1;
    if (r.list.count < 2)
        return err_set(err, name, TODO_UPDATE, "names no leap seconds");
    *list = r.list;
    return 0;
}

struct leap_claim leap_list_claim(const struct leap_list *list, int64_t now)
{
    struct leap_claim c = {.tai = LEAP_COUNT_UNKNOWN, .confirmed = true, .change = LEAP_NONE};
    int i = 0;
    for (; i < list->count && list->row[i].at <= now; i++)
        c.tai = list->row[i].tai;
    if (i == 0 || i == list->count)
        return c;
    c.change = list->row[i].tai > c.tai ? LEAP_INSERT : LEAP_DELETE;
    c.at = list->row[i].at;
    return c;
}
