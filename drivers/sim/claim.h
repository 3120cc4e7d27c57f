/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_CLAIM_H
#define TIMEBALL_DRIVERS_SIM_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What a simulated receiver says in the messages of one second, and the bytes that say it.
 */
struct sim_claim {
    int64_t second; /* POSIX; leap60: it is 23:59:60, and this the second that follows 23:59:59 */
    bool leap60;
    bool fix;
    bool dated;           /* has a date at all (a receiver with a cold start may not) */
    int64_t gps;          /* s since 1980-01-06 on the scale of GPS */
    int leap_count;       /* GPS - UTC, s */
    bool leap_known;      /* ... received, and not the firmware's guess */
    int change;           /* that it announces, s ... */
    int64_t change_in;    /* ... in so many s */
    int64_t change_day;   /* ... after this GPS second */
    double north;         /* m, that the site seems to have moved */
    double cn0;           /* dB, added to all satellites */
    double sawtooth;      /* s, of the next pulse; NAN: no TIM-TP is sent */
    bool sawtooth_valid;  /* as its flag says */
    bool jammed, spoofed; /* its own detectors */
    bool with_version;    /* MON-VER is in it */
    bool with_pulse;      /* CFG-TP5 is in it, with ... */
    bool falling;         /* ... the polarity ... */
    double width;         /* ... and the width, s, of the pulse */
};

/* Bytes on their way, message by message. */
#define SIM_BYTES_SIZE  2048
#define SIM_BYTES_PARTS 32
struct sim_bytes {
    char data[SIM_BYTES_SIZE];
    int size;
    int part[SIM_BYTES_PARTS]; /* where each message begins */
    int parts;
};

/* Adds a whole message; one that has no more room is left out. */
void sim_bytes_add(struct sim_bytes *b, const void *message, int size);

#endif
