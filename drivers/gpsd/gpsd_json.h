/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_GPSD_GPSD_JSON_H
#define TIMEBALL_DRIVERS_GPSD_GPSD_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/driver.h"
#include "refclock/err.h"

/*
 * What gpsd's JSON says, one object a line, read by libgps. Built without libgps (the CMake option
 * TIMEBALL_GPSD) there is none: then gpsd_json_open() says so.
 */
enum gpsd_class {
    GPSD_OTHER, /* nothing that is used here, or nothing that libgps knows */
    GPSD_VERSION,
    GPSD_TPV,  /* a fix, or that there is none */
    GPSD_SKY,  /* satellites */
    GPSD_PPS,  /* a pulse, with its second */
    GPSD_TOFF, /* the first byte of the messages of a second */
};

struct gpsd_message {
    enum gpsd_class class;
    char device[128];    /* "": not said */
    int major, minor;    /* VERSION: of the protocol */
    char release[64];    /* VERSION */
    int mode;            /* TPV: 0 not known, 1 no fix, 2, 3 */
    bool simulated;      /* TPV: the receiver simulates */
    int leap;            /* TPV: GPS - UTC, s; 0: not said */
    int64_t time;        /* TPV: ns POSIX; 0: not said */
    int64_t real, clock; /* PPS, TOFF: true time, and CLOCK_REALTIME of gpsd's machine, ns POSIX */
    double sawtooth;     /* PPS: s, with the receiver's sign; 0: none */
    bool whole;          /* SKY: it names satellites; false: only figures, keep those known */
    struct sky sky;
    bool reports;                   /* TPV: the next three are said (libgps of API 14 on) */
    int antenna;                    /* enum antenna */
    int jam;                        /* 0..255, -1 unknown */
    double clock_bias, clock_drift; /* s, s per s; NAN unknown */
};

struct gpsd_json;

/* NULL with *err where libgps was left out. gpsd_json_close() frees it. */
struct gpsd_json *gpsd_json_open(struct err *err);
void gpsd_json_close(struct gpsd_json *j);

/*
 * Reads one line (terminated, no newline; libgps may write to it). 0, or -1: it is no JSON object,
 * or has a time that cannot be.
 */
int gpsd_json_read(struct gpsd_json *j, char *line, struct gpsd_message *m);

/* "libgps API 11.0", "" where it was left out. */
const char *gpsd_json_library(void);

#endif
