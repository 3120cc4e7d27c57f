/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_REPORT_H
#define TIMEBALL_DRIVERS_RECEIVER_REPORT_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a receiver says of itself, its antenna and its site. What it does not say is unknown, and
 * what it does not watch is "not monitored": neither is ever shown as OK.
 */
enum antenna {
    ANTENNA_UNKNOWN, /* nothing was said */
    ANTENNA_NOT_MONITORED,
    ANTENNA_OK,
    ANTENNA_SHORT,
    ANTENNA_OPEN,
};

/* Jamming (MON-HW, MON-RF, SEC-SIG) and spoofing (NAV-STATUS, SEC-SIG) alike. */
enum interference {
    INTERFERENCE_UNKNOWN, /* nothing was said */
    INTERFERENCE_NOT_MONITORED,
    INTERFERENCE_NONE,
    INTERFERENCE_WARNING,  /* seen, the fix is not affected; one indication of spoofing */
    INTERFERENCE_CRITICAL, /* seen, and no fix; several indications of spoofing */
};

enum survey { SURVEY_UNKNOWN, SURVEY_OFF, SURVEY_RUNNING, SURVEY_FIXED };

struct receiver_report {
    char model[64];           /* "NEO-M8T", "" unknown */
    char firmware[64];        /* "TIM 1.10", "" */
    char protocol[16];        /* "18.00", "" */
    int antenna;              /* enum antenna */
    int jamming;              /* enum interference */
    int jam_level;            /* 0..255, -1 unknown */
    int spoofing;             /* enum interference */
    int survey;               /* enum survey: the time mode */
    double survey_accuracy;   /* m, NAN unknown */
    double survey_age;        /* s since the survey began, NAN unknown */
    double time_accuracy;     /* s, as the receiver claims, NAN unknown */
    bool positioned;          /* the next two hold a fix that was vouched for */
    double ecef[3];           /* m, WGS 84 */
    double position_accuracy; /* m, NAN unknown */
    double clock_bias;        /* s, of the receiver's own clock, NAN unknown */
    double clock_drift;       /* s per s, NAN unknown */
    int pulse_polarity;       /* 1: the rising edge marks the second, -1: the falling; 0 unknown */
    double pulse_width;       /* s, as configured in the receiver, NAN unknown */
    double cable_delay;       /* s, as configured in the receiver, NAN unknown */
    char notice[96];          /* last text of the receiver (TXT, INF), made printable, "" */
    int64_t local;            /* local scale of the last change, ns */
};

/* Everything unknown. */
void receiver_report_init(struct receiver_report *r);

#endif
