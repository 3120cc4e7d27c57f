/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_NONCE_H
#define TIMEBALL_SERVER_NTPQ_NONCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/address.h"

/*
 * Who asks for the list of clients first asks for a nonce, and shows by sending it back that it
 * gets what is sent to its address (RFC 9327 section 4, REQ_NONCE). Nothing is stored: the nonce is
 * the time and a keyed digest (HMAC-SHA-256) of time and address.
 */
#define NTPQ_NONCE_S    16 /* it holds so long, s */
#define NTPQ_NONCE_SIZE 49 /* of its text: 16 + 32 hex digits, and the end */
#define NTPQ_KEY_SIZE   32

/* `now`: ns, any steady scale. */
void ntpq_nonce_make(const uint8_t key[NTPQ_KEY_SIZE], const union address *from, int64_t now,
                     char text[NTPQ_NONCE_SIZE]);

/* Was it made with that key for that address (whatever the port), in the last NTPQ_NONCE_S? `text`
 * of `size` octets is from the network. */
bool ntpq_nonce_good(const uint8_t key[NTPQ_KEY_SIZE], const union address *from, int64_t now,
                     const char *text, size_t size);

#endif
