/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_INBOX_H
#define TIMEBALL_SERVER_NTPQ_INBOX_H

#include <stdalign.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/address.h"
#include "server/ntpq/ntpq.h"

/*
 * How a control request gets from the thread that received it to the loop that answers it: a queue
 * of fixed size between one writer and one reader, without a lock. Who finds it full drops the
 * request.
 */
#define NTPQ_INBOX_SIZE 32 /* a power of two */

struct ntpq_letter {
    union address from;
    struct address_asked asked; /* the answer leaves from there ... */
    int fd;                     /* ... through this socket */
    size_t size;
    uint8_t bytes[NTPQ_REQUEST_MAX];
};

struct ntpq_inbox {
    int wake; /* eventfd that the reader polls; borrowed */
    alignas(64) _Atomic unsigned written;
    alignas(64) _Atomic unsigned read;
    struct ntpq_letter letter[NTPQ_INBOX_SIZE];
};

/* Empty. `wake` is borrowed. */
void ntpq_inbox_init(struct ntpq_inbox *box, int wake);

/* Copies a request (size <= NTPQ_REQUEST_MAX) into the queue, for its one writer. The reader is
 * woken when the queue was empty. False: it is full. */
bool ntpq_inbox_put(struct ntpq_inbox *box, const union address *from,
                    const struct address_asked *asked, int fd, const uint8_t *bytes, size_t size);

/* Takes the oldest out, for its one reader; false when there is none. A reader that stops before
 * that is not woken for what it left. */
bool ntpq_inbox_take(struct ntpq_inbox *box, struct ntpq_letter *to);

#endif
