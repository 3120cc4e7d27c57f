/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/text.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "refclock/civil.h"

/* The unit in which |s| is at least 1, where there is one. */
static const struct unit {
    const char *name;
    double size;
} units[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}};

static const struct unit *unit_of(double s)
{
    const struct unit *u = units, *last = units + sizeof units / sizeof *units - 1;
    /* 0.99996 us would be written as 1000 ns */
    while (u < last && fabs(s) < u->size * 0.99995)
        u++;
    return s == 0 ? units : u;
}

const char *ctl_seconds(double s, bool sign, char *buf, size_t size)
{
    const struct unit *u = unit_of(s);
    double v = s / u->size;
    /* four digits, but neither an exponent nor parts of a hundredth of a nanosecond */
    int decimals = fabs(v) >= 1000 ? 0 : fabs(v) >= 100 ? 1 : fabs(v) >= 10 ? 2 : 3;
    if (u->size < 1e-8 && decimals > 2)
        decimals = 2;
    if (s == 0)
        decimals = 0;
    snprintf(buf, size, sign ? "%+.*f %s" : "%.*f %s", decimals, v, u->name);
    return buf;
}

const char *ctl_bound(double s, char *buf, size_t size)
{
    const struct unit *u = unit_of(s);
    double v = s / u->size;
    int decimals = v >= 100 ? 0 : v >= 10 ? 1 : 2;
    double step = decimals == 0 ? 1 : decimals == 1 ? 0.1 : 0.01;
    /* the allowance keeps 21.3 from becoming 21.4 by the last bit of a double */
    snprintf(buf, size, "%.*f %s", decimals, ceil(v / step - 1e-9) * step, u->name);
    return buf;
}

const char *ctl_age(double s, char *buf, size_t size)
{
    int64_t whole = s < 1e15 ? (int64_t)s : INT64_C(1000000000000000);
    if (!(s >= 60))
        snprintf(buf, size, "%.1f s", s);
    else if (whole < 3600)
        snprintf(buf, size, "%d min %d s", (int)(whole / 60), (int)(whole % 60));
    else if (whole < 86400)
        snprintf(buf, size, "%d h %d min", (int)(whole / 3600), (int)(whole / 60 % 60));
    else
        snprintf(buf, size, "%lld d %d h", (long long)(whole / 86400), (int)(whole / 3600 % 24));
    return buf;
}

const char *ctl_string(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

double ctl_number(const json_t *object, const char *name)
{
    const json_t *v = json_object_get(object, name);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *number_value(const struct status_row *row, const json_t *v, char *buf,
                                size_t size)
{
    double d = json_number_value(v);
    switch (row->type) {
    case STATUS_TYPE_SECONDS:
    case STATUS_TYPE_SIZE:
        return ctl_seconds(d, row->type == STATUS_TYPE_SECONDS, buf, size);
    case STATUS_TYPE_BOUND:
        return ctl_bound(d, buf, size);
    case STATUS_TYPE_AGE:
        return ctl_age(d, buf, size);
    case STATUS_TYPE_PPM:
        snprintf(buf, size, "%+.4f ppm", d);
        return buf;
    case STATUS_TYPE_PPM_SIZE:
        snprintf(buf, size, "%.4f ppm", d);
        return buf;
    case STATUS_TYPE_REACH:
        snprintf(buf, size, "%03o", (unsigned)json_integer_value(v) & 0xff);
        return buf;
    default:
        snprintf(buf, size, json_is_integer(v) ? "%.0f" : "%.4g", d);
        return buf;
    }
}

const char *ctl_value(const struct status_row *row, const json_t *object, char *buf, size_t size)
{
    const json_t *v = json_object_get(object, row->name);
    *buf = 0;
    if (json_is_number(v))
        return number_value(row, v, buf, size);
    if (json_is_boolean(v) && row->names) {
        const char *text = row->names[json_is_true(v)];
        snprintf(buf, size, "%s", text ? text : "");
    } else if (json_is_boolean(v))
        snprintf(buf, size, "%s", json_is_true(v) ? "yes" : "no");
    else if (json_is_string(v))
        snprintf(buf, size, "%s", json_string_value(v));
    for (char *p = buf; *p && row->type == STATUS_TYPE_NAME; p++)
        if (*p == '_')
            *p = ' ';
    return buf;
}

void ctl_print_clean(FILE *out, const char *text)
{
    for (; *text; text++) {
        /* U+0080 to U+009F drive terminals too; in UTF-8 they begin with 0xc2 */
        bool c1 = (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0 && text[1];
        fputc(c1 || iscntrl((unsigned char)*text) ? '?' : *text, out);
        text += c1;
    }
}

void ctl_print_hanging(FILE *out, int column, int indent, const char *text)
{
    bool begun = false;
    while (*text) {
        size_t word = strcspn(text, " ");
        char part[128];
        snprintf(part, sizeof part, "%.*s", (int)(word < sizeof part ? word : sizeof part - 1),
                 text);
        if (begun && column + 1 + (int)word > 78) {
            fputc('\n', out);
            column = 0;
        }
        column += fprintf(out, "%*s", !column ? indent : begun, "") + (int)word;
        ctl_print_clean(out, part);
        begun = true;
        text += word;
        text += strspn(text, " ");
    }
    fputc('\n', out);
}

void ctl_print_folded(FILE *out, int indent, const char *text)
{
    ctl_print_hanging(out, 0, indent, text);
}

void ctl_print_rows(FILE *out, const struct status_row *rows, const json_t *object)
{
    char text[640];
    for (const struct status_row *row = rows; row->name; row++) {
        if (!row->label || !*ctl_value(row, object, text, sizeof text))
            continue;
        fprintf(out, "  %-18s ", row->label);
        ctl_print_clean(out, text);
        fputc('\n', out);
    }
}

void ctl_print_counters(FILE *out, const char *label, json_t *counters)
{
    enum { LABEL = 21, WIDTH = 78 };
    const char *name;
    json_t *value;
    int column = 0;
    json_object_foreach(counters, name, value)
    {
        char text[96];
        if (json_integer_value(value) == 0)
            continue;
        int n = snprintf(text, sizeof text, "%s %lld", name, (long long)json_integer_value(value));
        if (!column)
            column = fprintf(out, "  %-18s ", label);
        else if (column + 2 + n > WIDTH)
            column = fprintf(out, ",\n%*s", LABEL, "") - 2;
        else
            column += fprintf(out, ", ");
        ctl_print_clean(out, text);
        column += n;
    }
    if (column)
        fputc('\n', out);
}

int ctl_instant(const char *text, int64_t *instant)
{
    static const char shape[] = "0000-00-00T00:00:00.000000000Z";
    int part[7] = {0}, at = -1; /* year .. second, ns */
    for (size_t i = 0; i < sizeof shape; i++) {
        bool digit = shape[i] == '0';
        if (digit ? text[i] < '0' || text[i] > '9' : text[i] != shape[i])
            return -1;
        if (digit && (i == 0 || shape[i - 1] != '0'))
            at++;
        if (digit)
            part[at] = part[at] * 10 + (text[i] - '0');
    }
    struct civil c = {part[0], part[1], part[2], part[3], part[4], part[5]};
    if (!civil_valid(&c))
        return -1;
    int64_t s = civil_to_posix(&c);
    if (s <= INT64_MIN / NS_PER_S || s >= INT64_MAX / NS_PER_S) /* the years 1677 and 2262 */
        return -1;
    *instant = s * NS_PER_S + part[6];
    return 0;
}
