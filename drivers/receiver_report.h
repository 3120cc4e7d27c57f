/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_REPORT_H
#define TIMEBALL_DRIVERS_RECEIVER_REPORT_H

#include <stdbool.h>
#include <stddef.h>
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
    double usual_delay;       /* s, from its pulse to its messages as delivered, NAN unknown */
    double pulse_width;       /* s, as configured in the receiver, NAN unknown */
    double cable_delay;       /* s, as configured in the receiver, NAN unknown */
    int output_load;          /* per cent of its line's rate that it fills, -1 unknown */
    bool output_overflow;     /* it said that messages were lost because the line was full */
    char notice[96];          /* last text of the receiver (TXT, INF), made printable, "" */
    int64_t local;            /* local scale of the last change, ns */
};

/* Everything unknown. */
void receiver_report_init(struct receiver_report *r);

/*
 * The state of several alike (antennas, bands): the worst where one is bad, else the least that is
 * known of any, so that one that is watched does not speak for one that is not. For enum antenna
 * and enum interference.
 */
int receiver_report_worse(int a, int b);

/*
 * What u-blox's antenna supervisor looks for, as its text "ANTSUPERV=AC SD OD PDoS SR" names it:
 * true when shorts (SD) or open lines (OD) are among it. One that looks for neither goes on to call
 * any antenna OK that it feeds.
 */
bool receiver_report_supervised(const char *text);

/* Puts the position there. latitude, longitude: degrees; height over the ellipsoid and accuracy: m.
 */
void receiver_report_position(struct receiver_report *r, double latitude, double longitude,
                              double height, double accuracy);

/* Latitude and longitude (degrees) and height over the ellipsoid (m) of a place (m, ECEF). */
void receiver_report_geodetic(const double ecef[3], double *latitude, double *longitude,
                              double *height);

/*
 * Copies a receiver's text of up to `length` characters (or to its first zero), terminated and cut
 * off to fit; what is not printable ASCII is escaped as \xNN. `to` of at least 5 characters.
 */
void receiver_report_text(char *to, size_t size, const void *from, size_t length);

#endif
