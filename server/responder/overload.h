/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_OVERLOAD_H
#define TIMEBALL_SERVER_RESPONDER_OVERLOAD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Whether more comes to a socket than can be done: its queue stays long though nobody pauses (a
 * standing one, RFC 8289). A pause, or a burst, fills it as well, but is soon made up for.
 */
#define OVERLOAD_LONG     2000000 /* ns that the oldest datagram has waited: the queue is long ... */
#define OVERLOAD_STANDING 100000000 /* ... for so many ns without a pause: it stands */

/* Written by one thread, readings in ns; zero at first. */
struct overload {
    int64_t since;        /* the queue is long since then; 0: it is not */
    _Atomic int64_t last; /* when it was last seen to stand, 0: never; for any thread */
};

/* A batch was taken out at the reading `now` (ns): was it a full one, and how long had its oldest
 * datagram waited (ns)? */
void overload_look(struct overload *o, bool full, int64_t waited, int64_t now);

#endif
