/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_QUEUE_H
#define TIMEBALL_SERVER_RESPONDER_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * How much may wait in a socket. Much, so that a pause loses nothing. But a queue that stays long
 * though nobody pauses (a standing one, RFC 8289 section 3) is of no use: what is too much is lost
 * whatever its length, and every request waits in all of it, and has left the processor's cache
 * when it is read, which takes time that would be an answer's. It is cut until it has been empty.
 */

/*
 * Octets, by the kernel's count, that a queue shall hold: what arrives in 2 ms of a busy thread's
 * deafness, 400 datagrams at the 200 000 a second that one can answer, of which the kernel counts
 * 768 to 2304 octets each. And what one holds that is cut.
 */
#define QUEUE_ROOM     (1 << 20)
#define QUEUE_CUT_ROOM (1 << 18)

#define QUEUE_LONG     2000000   /* ns that the oldest datagram has waited: the queue is long ... */
#define QUEUE_STANDING 100000000 /* ... for so many ns without a pause: it stands */

/* Written by one thread. */
struct queue {
    int room;             /* octets that there are while it is not cut */
    bool cut;             /* more comes than can be done */
    int64_t since;        /* reading, ns: it is long since then; 0: it is not */
    _Atomic int64_t last; /* reading, ns: when it was last seen cut, 0: never; read by any thread */
};

/* `room`: octets that the kernel gave (responder_socket_room()). */
void queue_init(struct queue *q, int room);

/*
 * A batch was taken out at the reading `now` (ns): was it a full one, and how long had its oldest
 * datagram waited (ns)? Returns the octets that the kernel shall keep from now on, 0: as before.
 */
int queue_look(struct queue *q, bool full, int64_t waited, int64_t now);

#endif
