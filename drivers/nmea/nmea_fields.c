/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea_fields.h"

#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

void nmea_split(struct nmea_fields *f, const char *text)
{
    strncpy(f->copy, text, sizeof f->copy - 1);
    f->copy[sizeof f->copy - 1] = 0;
    char *next = f->copy;
    for (f->count = 0; next && f->count < NMEA_FIELDS_MAX; f->count++) {
        f->at[f->count] = next;
        next = strchr(next, ',');
        if (next)
            *next++ = 0;
    }
    for (int i = f->count; i < NMEA_FIELDS_MAX; i++)
        f->at[i] = "";
}

int nmea_number(const char *text, int digits)
{
    int value = 0;
    for (int i = 0; i < digits; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -1;
        value = value * 10 + text[i] - '0';
    }
    return value;
}

/* strtod() alone would also take hexadecimal, "inf" and spaces. */
double nmea_real(const char *field)
{
    size_t sign = *field == '-' || *field == '+';
    size_t length = strlen(field);
    bool plain =
        length > sign && length < 20 && strspn(field + sign, "0123456789.") == length - sign;
    char *end;
    double value = plain ? strtod(field, &end) : (double)NAN;
    return plain && !*end ? value : (double)NAN;
}
