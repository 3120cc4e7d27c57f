/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NET_NAMES_H
#define TIMEBALL_SERVER_NET_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "refclock/loop.h"
#include "server/net/address.h"

/*
 * Names to addresses without blocking: c-ares in the loop's poll set. /etc/hosts counts, addresses
 * written as numbers need no network. A machine that gets its name servers late is followed: a
 * changed /etc/resolv.conf is read again.
 */
#define NAMES_ADDRESSES 16

struct names;

/* The addresses of a name (port 0), IPv6 and IPv4 in the system's order (RFC 6724); or count 0 with
 * *err, and it is worth another try later. */
typedef void names_found(void *arg, const union address *addresses, size_t count,
                         const struct err *err);

/* The loop is borrowed. 0, or -1 with *err. */
int names_open(struct names **out, struct loop *loop, struct err *err);

/*
 * Looks a name up; `family` is AF_INET, AF_INET6 or AF_UNSPEC. `found` is called once, maybe before
 * this returns, or not at all after names_close().
 */
void names_ask(struct names *n, const char *name, int family, names_found *found, void *arg);

/* Is the name an address that is written as a number, of that family? Then *address (port 0). */
bool names_number(const char *name, int family, union address *address);

/* Ends all that is under way, and frees. NULL is allowed. */
void names_close(struct names *n);

#endif
