/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_BURST_H
#define TIMEBALL_DRIVERS_BURST_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A receiver's messages come in bursts with pauses between them. Pure.
 *
 * A pause this long separates bursts. Shorter ones happen inside: a UART's FIFO of 32 bytes is read
 * every 67 ms at 4800 baud.
 */
#define BURST_PAUSE_NS INT64_C(100000000)

struct burst {
    int64_t last;  /* local time of the last byte, ns; INT64_MIN: none yet */
    int64_t start; /* of the first message's first byte after a pause */
    bool paused;   /* no message has begun since */
};

/* No byte has come. */
static inline void burst_init(struct burst *b)
{
    *b = (struct burst){.last = INT64_MIN, .paused = true};
}

/* Takes a byte that came at `local`; begins: a message begins with it. */
static inline void burst_byte(struct burst *b, int64_t local, bool begins)
{
    if (b->last != INT64_MIN && local - b->last >= BURST_PAUSE_NS)
        b->paused = true;
    b->last = local;
    if (!begins || !b->paused)
        return;
    b->start = local;
    b->paused = false;
}

#endif
