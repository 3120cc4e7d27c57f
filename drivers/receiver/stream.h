/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_STREAM_H
#define TIMEBALL_DRIVERS_RECEIVER_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/burst.h"
#include "drivers/ubx/ubx_frame.h"

/*
 * Takes a receiver's stream apart, in which NMEA sentences, UBX frames and RTCM 3 frames follow
 * each other in any order: RTCM 3 is passed over, UBX handed on, and all else is text, in which the
 * NMEA framer looks for sentences. Pure.
 *
 * What a frame with a right checksum contains is nobody else's: a `$` or b5 62 in it is no
 * beginning. What looked like a frame and is none loses its first byte to the text and is looked at
 * again from the second, so nothing that follows, or is hidden in it, is lost. A frame that does
 * not end in STREAM_STALL_NS is none.
 */
#define STREAM_SIZE     8192 /* > the longest frame */
#define STREAM_STALL_NS INT64_C(2000000000)

struct stream_counts {
    uint64_t bytes;
    uint64_t ubx;         /* frames with the right checksum */
    uint64_t rtcm;        /* the same of RTCM 3 */
    uint64_t ubx_damaged; /* with a wrong one; chance beginnings in other bytes among them */
};

/* Local times are of the first byte of the message, and of that of its burst. */
struct stream_sink {
    void (*text)(void *arg, uint8_t byte, int64_t local, int64_t burst);
    void (*ubx)(void *arg, const struct ubx_frame *, int64_t local, int64_t burst);
};

struct stream {
    struct stream_counts counts;
    const struct stream_sink *sink;
    void *arg;
    struct burst burst;
    size_t length;
    uint8_t bytes[STREAM_SIZE];
    int64_t local[STREAM_SIZE]; /* when each byte came */
};

/* The sink is borrowed. Clears the counts. */
void stream_init(struct stream *s, const struct stream_sink *sink, void *arg);

/* Forgets all but the counts: the bytes to come are another stream's. */
void stream_reset(struct stream *s);

/* Takes bytes that arrived at `now` (local scale, ns). Calls the sink. */
void stream_feed(struct stream *s, const void *bytes, size_t size, int64_t now);

/* Time goes on without bytes: gives up a frame that does not end. */
void stream_tick(struct stream *s, int64_t now);

/* True while bytes are held back that may be a frame's. */
bool stream_pending(const struct stream *s);

/* The bytes have ended: what is held back is no frame. */
void stream_flush(struct stream *s);

#endif
