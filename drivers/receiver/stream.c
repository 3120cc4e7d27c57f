/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/receiver/stream.h"

#include <string.h>

#include "drivers/receiver/rtcm_frame.h"

_Static_assert(STREAM_SIZE > UBX_PAYLOAD_MAX + UBX_OVERHEAD && STREAM_SIZE > RTCM_SIZE_MAX,
               "the longest frame fits");

void stream_init(struct stream *s, const struct stream_sink *sink, void *arg)
{
    s->counts = (struct stream_counts){0};
    s->sink = sink;
    s->arg = arg;
    stream_reset(s);
}

void stream_reset(struct stream *s)
{
    burst_init(&s->burst);
    s->length = 0;
}

static void pass_text(struct stream *s, size_t at, bool begins)
{
    burst_byte(&s->burst, s->local[at], begins);
    s->sink->text(s->arg, s->bytes[at], s->local[at], s->burst.start);
}

/* The first byte goes to the text too: it ends a sentence that the frame cuts off. */
static size_t pass_frame(struct stream *s, size_t at, const struct ubx_frame *ubx, size_t whole)
{
    pass_text(s, at, true);
    if (ubx) {
        s->counts.ubx++;
        s->sink->ubx(s->arg, ubx, s->local[at], s->burst.start);
    } else {
        s->counts.rtcm++;
    }
    s->burst.last = s->local[at + whole - 1];
    return whole;
}

/* How many bytes are dealt with; 0: a frame may begin there, and more bytes are needed. */
static size_t take_one(struct stream *s, size_t at, bool more)
{
    const uint8_t *bytes = s->bytes + at;
    size_t size = s->length - at, whole = 0;
    struct ubx_frame ubx = {0};
    enum frame_look look = FRAME_NONE;
    if (*bytes == UBX_SYNC)
        look = ubx_frame_look(bytes, size, &ubx);
    else if (*bytes == RTCM_SYNC)
        look = rtcm_frame_look(bytes, size, &whole);
    if (look == FRAME_SHORT && more)
        return 0;
    if (look == FRAME_GOOD)
        return whole ? pass_frame(s, at, NULL, whole)
                     : pass_frame(s, at, &ubx, ubx.length + UBX_OVERHEAD);
    s->counts.ubx_damaged += look == FRAME_DAMAGED && *bytes == UBX_SYNC;
    pass_text(s, at, *bytes == '$');
    return 1;
}

/* Frames that began before `stale` are given up. */
static void take_apart(struct stream *s, int64_t stale)
{
    size_t at = 0, taken = 1;
    while (at < s->length && taken) {
        taken = take_one(s, at, s->local[at] > stale);
        at += taken;
    }
    s->length -= at;
    memmove(s->bytes, s->bytes + at, s->length);
    memmove(s->local, s->local + at, s->length * sizeof *s->local);
}

void stream_feed(struct stream *s, const void *bytes, size_t size, int64_t now)
{
    const uint8_t *from = bytes;
    s->counts.bytes += size;
    while (size) {
        size_t room = STREAM_SIZE - s->length, part = size < room ? size : room;
        memcpy(s->bytes + s->length, from, part);
        for (size_t i = 0; i < part; i++)
            s->local[s->length + i] = now;
        s->length += part;
        from += part;
        size -= part;
        take_apart(s, now - STREAM_STALL_NS);
    }
}

void stream_tick(struct stream *s, int64_t now)
{
    take_apart(s, now - STREAM_STALL_NS);
}

bool stream_pending(const struct stream *s)
{
    return s->length > 0;
}

void stream_flush(struct stream *s)
{
    take_apart(s, INT64_MAX);
}
