/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/ubx_frames.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "refclock/civil.h"

#define WEEK_S    INT64_C(604800)
#define DAY_S     INT64_C(86400)
#define BODY_MOST 160
#define METRE     (1e7 / 111120) /* of latitude, in 1e-7 degrees */

/* A payload that is being written, little endian. */
struct body {
    uint8_t byte[BODY_MOST];
    int size;
};

static void put(struct body *p, int at, int bytes, int64_t value)
{
    for (int i = 0; i < bytes; i++)
        p->byte[at + i] = (uint8_t)((uint64_t)value >> 8 * i);
}

static void send(struct sim_bytes *b, int class, int id, const struct body *p)
{
    uint8_t frame[BODY_MOST + 8] = {0xb5, 0x62, (uint8_t) class, (uint8_t)id, (uint8_t)p->size, 0};
    uint8_t first = 0, second = 0;
    memcpy(frame + 6, p->byte, (size_t)p->size);
    for (int i = 2; i < p->size + 6; i++) {
        first = (uint8_t)(first + frame[i]);
        second = (uint8_t)(second + first);
    }
    frame[p->size + 6] = first;
    frame[p->size + 7] = second;
    sim_bytes_add(b, frame, p->size + 8);
}

static int64_t tow_ms(int64_t gps)
{
    return gps % WEEK_S * 1000;
}

static void add_pvt(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body p = {.size = 92};
    struct civil t = civil_from_posix(c->second - c->leap60);
    put(&p, 0, 4, tow_ms(c->gps));
    put(&p, 4, 2, t.year);
    put(&p, 6, 1, t.month);
    put(&p, 7, 1, t.day);
    put(&p, 8, 1, t.hour);
    put(&p, 9, 1, t.minute);
    put(&p, 10, 1, t.second + c->leap60);
    bool resolved = c->fix && c->leap_known;
    put(&p, 11, 1, (c->dated ? 0x03 : 0) | (resolved ? 0x04 : 0)); /* date, time; fully resolved */
    put(&p, 12, 4, resolved ? 25 : INT64_C(0xffffffff));           /* tAcc, ns */
    put(&p, 20, 1, c->fix ? 3 : 0);
    put(&p, 21, 1, c->fix);
    put(&p, 22, 1, 0x20 | (resolved ? 0xc0 : 0)); /* can confirm; date and time confirmed */
    put(&p, 23, 1, c->fix ? 8 : 0);
    put(&p, 24, 4, -5000);
    put(&p, 28, 4, llrint(514779333 + METRE * c->north));
    put(&p, 32, 4, 92000);
    put(&p, 36, 4, 45000);
    put(&p, 40, 4, c->fix ? 1500 : INT64_C(0xffffffff)); /* hAcc, mm */
    put(&p, 44, 4, c->fix ? 2500 : INT64_C(0xffffffff));
    put(&p, 76, 2, 160); /* PDOP */
    send(b, 0x01, 0x07, &p);
}

static void add_status(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body p = {.size = 16};
    put(&p, 0, 4, tow_ms(c->gps));
    put(&p, 4, 1, c->fix ? 3 : 0);
    put(&p, 5, 1, c->fix ? 0x0d : 0);             /* gnssFixOK, week, time of week */
    put(&p, 7, 1, (c->spoofed ? 3 : 1) << 3);     /* spoofing: several indications, or none */
    put(&p, 12, 4, (c->gps % WEEK_S) * 1000 / 2); /* ms since the start */
    send(b, 0x01, 0x03, &p);
}

static void add_satellites(struct sim_bytes *b, const struct sim_claim *c)
{
    static const int sky[][4] = {{2, 45, 101, 40},  {5, 60, 200, 42},  {7, 15, 300, 33},
                                 {13, 70, 50, 45},  {15, 30, 150, 38}, {18, 22, 250, 35},
                                 {21, 55, 330, 41}, {29, 12, 20, 30}};
    const int count = sizeof sky / sizeof *sky;
    struct body p = {.size = 8 + 12 * count};
    put(&p, 0, 4, tow_ms(c->gps));
    put(&p, 4, 1, 1);
    put(&p, 5, 1, count);
    for (int i = 0, at = 8; i < count; i++, at += 12) {
        put(&p, at + 1, 1, sky[i][0]);
        put(&p, at + 2, 1, llrint(fmin(fmax(sky[i][3] + c->cn0, 0), 99)));
        put(&p, at + 3, 1, sky[i][1]);
        put(&p, at + 4, 2, sky[i][2]);
        put(&p, at + 8, 4, 0x17 | (c->fix ? 0x08 : 0)); /* code and carrier locked, healthy; used */
    }
    send(b, 0x01, 0x35, &p);
}

static void add_clock(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body p = {.size = 20};
    put(&p, 0, 4, tow_ms(c->gps));
    put(&p, 4, 4, c->gps % 1000000); /* bias, ns: kept within a millisecond */
    put(&p, 8, 4, 1);                /* drift, ns/s */
    put(&p, 12, 4, c->fix ? 25 : INT64_C(0xffffffff));
    put(&p, 16, 4, 500);
    send(b, 0x01, 0x22, &p);
}

static void add_leap(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body p = {.size = 24};
    put(&p, 0, 4, tow_ms(c->gps));
    put(&p, 8, 1, c->leap_known ? 2 : 0); /* from GPS; 0: the firmware's table */
    put(&p, 9, 1, c->leap_count);
    put(&p, 10, 1, c->change ? 2 : 0);
    put(&p, 11, 1, c->change);
    put(&p, 12, 4, c->change ? c->change_in : 0);
    put(&p, 16, 2, c->change_day / WEEK_S);
    put(&p, 18, 2, c->change_day % WEEK_S / DAY_S + 1);
    put(&p, 23, 1, c->leap_known ? 0x03 : 0x00);
    send(b, 0x01, 0x26, &p);
}

void ubx_frames_add_pulse(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body p = {.size = 16};
    int64_t next = c->gps - c->leap_count + 1;
    if (isnan(c->sawtooth))
        return;
    put(&p, 0, 4, tow_ms(next));
    put(&p, 8, 4, c->sawtooth_valid ? llrint(c->sawtooth * 1e12) : 0);
    put(&p, 12, 2, next / WEEK_S);
    put(&p, 14, 1, 0x03 | (c->sawtooth_valid ? 0 : 0x10));
    send(b, 0x0d, 0x01, &p);
}

static void add_radio(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body p = {.size = 28};
    put(&p, 1, 1, 1);                 /* one antenna */
    put(&p, 5, 1, c->jammed ? 3 : 1); /* critical, or OK */
    put(&p, 6, 1, 2);                 /* the antenna is OK ... */
    put(&p, 7, 1, 1);                 /* ... and has power */
    put(&p, 16, 2, 90);               /* noise */
    put(&p, 18, 2, 3500);             /* AGC */
    put(&p, 20, 1, c->jammed ? 220 : 15);
    send(b, 0x0a, 0x38, &p);
}

static void add_version(struct sim_bytes *b)
{
    struct body p = {.size = 130};
    static const char *const text[] = {"FWVER=TIM 1.10", "PROTVER=22.00", "MOD=NEO-M8T-0"};
    snprintf((char *)p.byte, 30, "EXT CORE 3.01 (111141)");
    snprintf((char *)p.byte + 30, 10, "00080000");
    for (size_t i = 0; i < 3; i++)
        snprintf((char *)p.byte + 40 + 30 * i, 30, "%s", text[i]);
    send(b, 0x0a, 0x04, &p);
}

static void add_pulse_setting(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body p = {.size = 32};
    int64_t width = llrint(c->width * 1e6);
    put(&p, 1, 1, 1);
    put(&p, 4, 2, 50);       /* cable, ns */
    put(&p, 8, 4, 1000000);  /* us */
    put(&p, 12, 4, 1000000); /* us, with a fix */
    put(&p, 16, 4, width);
    put(&p, 20, 4, width);
    put(&p, 28, 4, 0x37 | (c->falling ? 0 : 0x40)); /* active, locked, a length, aligned; rising */
    send(b, 0x06, 0x31, &p);
}

void ubx_frames_add(struct sim_bytes *b, const struct sim_claim *c)
{
    struct body end = {.size = 4};
    if (c->with_version)
        add_version(b);
    if (c->with_pulse)
        add_pulse_setting(b, c);
    add_pvt(b, c);
    add_status(b, c);
    add_satellites(b, c);
    add_clock(b, c);
    add_leap(b, c);
    add_radio(b, c);
    put(&end, 0, 4, tow_ms(c->gps));
    send(b, 0x01, 0x61, &end);
}
