/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_DETECT_H
#define TIMEBALL_DRIVERS_RECEIVER_DETECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Which baud rate does a receiver speak? Found by listening alone: a rate is taken when two frames
 * with right checksums came at it. Bytes that no receiver's text has send it on to the next rate at
 * once. Binary frames look wrong at every rate when the listening begins in their middle, so each
 * burst is met with a rate that no burst was met with before; how long a burst lasts says which one
 * is likely: receivers send some hundred bytes a second. Pure.
 *
 * A port without a rate (USB, pty) gives good frames at whatever rate is asked for first.
 */
#define DETECT_RATES   8
#define DETECT_TICK_NS INT64_C(100000000)

struct detect {
    int rate[DETECT_RATES];
    int count;
    int at;                  /* index of the rate that is listened to */
    int first;               /* the one that this burst was met with */
    unsigned met;            /* bit i: a burst was met with rate[i] */
    bool found;              /* rate[at] is right */
    unsigned rounds;         /* through all rates, without success */
    uint64_t frames;         /* the caller's count when this rate was set */
    int64_t since, last;     /* that moment; when the last byte came */
    int64_t burst;           /* when the first byte of this burst came */
    bool bursting, whole;    /* in a burst; it was heard from its beginning on */
    unsigned bytes, strange; /* seen since; of these, no text */
    bool binary;             /* what may be the beginning of a binary frame was among them */
    uint8_t before;          /* the byte before */
};

/*
 * Begins anew. `first`: the rate to try first (a profile's, or the last known), 0: none. `frames`:
 * the caller's count of frames with right checksums, NMEA, UBX and RTCM 3 together.
 */
void detect_init(struct detect *d, int first, uint64_t frames, int64_t now);

/* The rate to listen at. */
int detect_baud(const struct detect *d);

/*
 * Bytes have come, and the caller's count of good frames is `frames` with them. True: listen at
 * detect_baud() from now on, and what came before is another stream's.
 */
bool detect_feed(struct detect *d, const uint8_t *bytes, size_t size, uint64_t frames, int64_t now);

/* To be called every DETECT_TICK_NS until d->found. True as above. */
bool detect_tick(struct detect *d, uint64_t frames, int64_t now);

#endif
