/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NET_OWN_ADDRESSES_H
#define TIMEBALL_SERVER_NET_OWN_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/net/address.h"

/* The addresses of this machine, so that it never takes itself for a server. */
#define OWN_ADDRESSES_MAX 64

struct own_addresses {
    size_t count;
    union address address[OWN_ADDRESSES_MAX];
    uint32_t refid[OWN_ADDRESSES_MAX]; /* 0: of a loopback address, which everybody has */
};

/* Asks the kernel; none where it does not tell. */
void own_addresses_read(struct own_addresses *own);

/* Is it one of them, whatever the port? */
bool own_addresses_has(const struct own_addresses *own, const union address *a);

/* Are these the same address, whatever the port? */
bool address_same(const union address *a, const union address *b);

/* Reference identifier of a server at that address: the address itself for IPv4, the first octets
 * of the MD5 digest of an IPv6 address (RFC 5905 section 7.3). */
uint32_t address_refid(const union address *a);

#endif
