/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/sentences.h"

#include <stdarg.h>
#include <stdio.h>

#include "refclock/civil.h"

static int append(char *text, int at, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int append(char *text, int at, const char *fmt, ...)
{
    char body[128];
    unsigned char sum = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(body, sizeof body, fmt, ap);
    va_end(ap);
    for (const char *p = body; *p; p++)
        sum ^= (unsigned char)*p;
    return at + snprintf(text + at, (size_t)(SENTENCES_SIZE - at), "$%s*%02X\r\n", body, sum);
}

int sentences_write(char text[SENTENCES_SIZE], int64_t second, bool fix)
{
    struct civil c = civil_from_posix(second);
    char status = fix ? 'A' : 'V', mode = fix ? 'A' : 'N';
    int n =
        append(text, 0, "GPRMC,%02d%02d%02d.00,%c,5128.6760,N,00000.0300,W,0.02,,%02d%02d%02d,,,%c",
               c.hour, c.minute, c.second, status, c.day, c.month, c.year % 100, mode);
    n = append(text, n,
               "GPGGA,%02d%02d%02d.00,5128.6760,N,00000.0300,W,%d,%02d,0.9,45.0,M,47.0,M,,", c.hour,
               c.minute, c.second, fix, fix ? 8 : 0);
    n = append(text, n, "GPGSA,A,%d,%s,,,,,1.6,0.9,1.3", fix ? 3 : 1,
               fix ? "02,05,07,13,15,18,21,29" : ",,,,,,,");
    n = append(text, n, "GPGSV,2,1,08,02,45,101,40,05,60,200,42,07,15,300,33,13,70,050,45");
    n = append(text, n, "GPGSV,2,2,08,15,30,150,38,18,22,250,35,21,55,330,41,29,12,020,30");
    return append(text, n, "GPZDA,%02d%02d%02d.00,%02d,%02d,%04d,00,00", c.hour, c.minute, c.second,
                  c.day, c.month, c.year);
}
