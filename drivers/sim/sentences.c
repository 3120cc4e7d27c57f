/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/sentences.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "refclock/civil.h"

#define MINUTE_M 1852.0 /* of latitude */

static void add(struct sim_bytes *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void add(struct sim_bytes *b, const char *fmt, ...)
{
    char body[128], line[140];
    unsigned char sum = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(body, sizeof body, fmt, ap);
    va_end(ap);
    for (const char *p = body; *p; p++)
        sum ^= (unsigned char)*p;
    sim_bytes_add(b, line, snprintf(line, sizeof line, "$%s*%02X\r\n", body, sum));
}

/* A signal of so many dB-Hz as it is with what happened to all of them. */
static int signal(const struct sim_claim *c, int cn0)
{
    return (int)fmin(fmax(cn0 + c->cn0, 0), 99);
}

void sentences_add(struct sim_bytes *b, const struct sim_claim *c)
{
    struct civil t = civil_from_posix(c->second - c->leap60);
    char status = c->fix ? 'A' : 'V', mode = c->fix ? 'A' : 'N', place[48];
    t.second += c->leap60;
    snprintf(place, sizeof place, "51%07.4f,N,00000.0300,W",
             28.676 + fmod(c->north / MINUTE_M, 30));
    add(b, "GPRMC,%02d%02d%02d.00,%c,%s,0.02,,%02d%02d%02d,,,%c", t.hour, t.minute, t.second,
        status, place, t.day, t.month, t.year % 100, mode);
    add(b, "GPGGA,%02d%02d%02d.00,%s,%d,%02d,0.9,45.0,M,47.0,M,,", t.hour, t.minute, t.second,
        place, c->fix, c->fix ? 8 : 0);
    add(b, "GPGSA,A,%d,%s,,,,,1.6,0.9,1.3", c->fix ? 3 : 1,
        c->fix ? "02,05,07,13,15,18,21,29" : ",,,,,,,");
    add(b, "GPGSV,2,1,08,02,45,101,%02d,05,60,200,%02d,07,15,300,%02d,13,70,050,%02d",
        signal(c, 40), signal(c, 42), signal(c, 33), signal(c, 45));
    add(b, "GPGSV,2,2,08,15,30,150,%02d,18,22,250,%02d,21,55,330,%02d,29,12,020,%02d",
        signal(c, 38), signal(c, 35), signal(c, 41), signal(c, 30));
    add(b, "GPZDA,%02d%02d%02d.00,%02d,%02d,%04d,00,00", t.hour, t.minute, t.second, t.day, t.month,
        t.year);
}
