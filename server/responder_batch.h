/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_BATCH_H
#define TIMEBALL_SERVER_RESPONDER_BATCH_H

#include <stdatomic.h>
#include <stdint.h>

#include "server/handler.h"

/* Datagrams received and answers sent together, one system call each. */
#define BATCH_SIZE 32

struct batch; /* the buffers, of one thread */

/* Counted by the batch's thread, read by any (relaxed); see struct responder_counts. */
struct batch_tally {
    _Atomic uint64_t unstamped, receive_errors, send_errors;
};

/* NULL: out of memory. */
struct batch *batch_new(void);
void batch_free(struct batch *b);

/*
 * Receives what waits in `fd` (bound to `port`), at most BATCH_SIZE datagrams, and sends the
 * answers from the addresses that were asked. Never waits. Returns the number of datagrams, 0 for
 * none, -1 when receiving failed (counted).
 */
int batch_serve(struct batch *b, int fd, uint16_t port, struct handler *h, struct batch_tally *t);

#endif
