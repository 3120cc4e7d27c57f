/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_INTERLEAVE_H
#define TIMEBALL_SERVER_RESPONDER_INTERLEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/address.h"

/*
 * What a server keeps for clients in interleaved mode (RFC 9769 section 2): of its latest answers,
 * when they really left, to be found by the client's address and the answer's receive timestamp. A
 * client that asks for what is no longer here gets an answer in basic mode. One thread's own; its
 * size never changes, and an answer takes the place of the oldest of the few that it may stand in,
 * so a client can crowd out others only by chance: the places come from a keyed hash.
 */
#define INTERLEAVE_WAYS 4
#define INTERLEAVE_SETS 1024

struct interleave;

/* `key`: random. NULL: out of memory. Nothing else lies within APART of it; *size, if wanted:
 * octets. */
struct interleave *interleave_new(uint64_t key, size_t *size);
void interleave_free(struct interleave *t);

/* The transmit timestamp of the answer to that client with this receive timestamp; 0: not here. */
uint64_t interleave_find(const struct interleave *t, const union address *client, uint64_t receive);

/* Keeps an answer, whose transmit timestamp is a first guess. */
void interleave_keep(struct interleave *t, const union address *client, uint64_t receive,
                     uint64_t transmit);

/* An answer that is kept left at `transmit`. */
void interleave_left(struct interleave *t, const union address *client, uint64_t receive,
                     uint64_t transmit);

#endif
