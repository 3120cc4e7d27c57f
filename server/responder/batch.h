/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_BATCH_H
#define TIMEBALL_SERVER_RESPONDER_BATCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/address.h"
#include "server/responder/departures.h"
#include "server/responder/handler.h"
#include "server/responder/overload.h"

/*
 * Datagrams received together; more gain nothing. Only after so many full batches in a row, when
 * there is more to do than a pause has left, are the answers sent together as well. Else there is
 * time to read the clock just before each is sent.
 */
#define BATCH_SIZE  32
#define BATCH_HABIT 4

struct batch; /* the buffers, of one thread */

/* Counted by the batch's thread, read by any (relaxed); see struct responder_counts. */
struct batch_tally {
    _Atomic uint64_t stamped, unstamped, by_card, contradicted, receive_errors, send_errors;
    struct departures_tally departures;
};

/* A socket to serve. */
struct batch_socket {
    int fd;
    uint16_t port;             /* that it is bound to */
    struct address_asked only; /* ... and the address; AF_UNSPEC: to any, datagrams tell */
    struct overload overload;
};

/* NULL: out of memory. `cards` are borrowed, NULL: none. Nothing else lies within APART of a batch;
 * *size, if wanted: octets.
 */
struct batch *batch_new(const struct cards_latch *cards, size_t *size);
void batch_free(struct batch *b);

/* Stamps of answers that left are still to come: the error queue is to be looked at. */
bool batch_expects(const struct batch *b);

/*
 * Receives what waits in the socket, at most BATCH_SIZE datagrams, and sends the answers from the
 * addresses that were asked. With `wait` it waits for the first one. Returns the number of
 * datagrams, 0 for none, -1 when receiving failed (counted).
 */
int batch_serve(struct batch *b, struct batch_socket *s, bool wait, struct handler *h,
                struct batch_tally *t);

#endif
