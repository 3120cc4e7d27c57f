/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ACCESS_ACCESS_H
#define TIMEBALL_SERVER_ACCESS_ACCESS_H

#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "server/net/address.h"
#include "server/shared_table.h"

/*
 * Who may ask for what: the rules of `restrict` lines, of which the one with the longest prefix
 * counts, with the meaning that they have in ntpd. Looking an address up costs the same with one
 * rule and with a million. The table is built once and never changes, so that threads may share it.
 */
enum access_flag {
    ACCESS_IGNORE = 1 << 0,  /* no answer at all */
    ACCESS_NOSERVE = 1 << 1, /* no time; mode 6 only */
    ACCESS_NOQUERY = 1 << 2, /* no mode 6 (ntpq) */
    ACCESS_LIMITED = 1 << 3, /* the rate limit holds */
    ACCESS_KOD = 1 << 4,     /* who is over it is told so, with LIMITED only */
    ACCESS_NOTRUST = 1 << 5, /* only what is authenticated */
    ACCESS_VERSION = 1 << 6, /* only the newest version of NTP */
    ACCESS_FLAKE = 1 << 7,   /* every tenth is dropped: for tests of clients */
    /* without a meaning here, where nothing of the kind is ever done; ntpq shows them */
    ACCESS_NOPEER = 1 << 8,
    ACCESS_NOEPEER = 1 << 9,
    ACCESS_NOMODIFY = 1 << 10,
    ACCESS_NOTRAP = 1 << 11,
    ACCESS_LOWPRIOTRAP = 1 << 12,
    ACCESS_MSSNTP = 1 << 13,
    /* not a right, but a condition: the rule holds for the source port 123 alone, and goes before
     * one of the same prefix without it */
    ACCESS_NTPPORT = 1 << 14,
};

/* What an address that no rule names may: to ask for the time, not too often. */
#define ACCESS_DEFAULT (ACCESS_LIMITED | ACCESS_KOD | ACCESS_NOQUERY)

/* One `restrict` line. Bits of the address after the prefix are ignored. */
struct access_rule {
    uint8_t prefix[16]; /* the address in network order; IPv4 in the first 4 octets */
    sa_family_t family; /* AF_INET or AF_INET6 */
    uint8_t length;     /* of the prefix: 0..32 or 0..128 bits; 0: `default` */
    uint16_t flags;     /* enum access_flag; 0: all is allowed */
};

struct access;

/*
 * Builds the table. Rules of the same prefix (and the same NTPPORT) are one: their flags add up. A
 * family without a rule of length 0 (`default`) has ACCESS_DEFAULT for one, and its loopback
 * addresses may do all; so with no rule at all. Returns 0 with *out, to be freed by access_free();
 * or -1 with *err (no memory; a prefix that is too long).
 */
int access_build(struct access **out, const struct access_rule *rules, size_t count,
                 struct err *err);

/* NULL is allowed. */
void access_free(struct access *a);

/* For shared_init(): the object is such a table. */
void access_release(struct shared_object *o);

/* A table as a shared object, and back; NULL is NULL. */
struct shared_object *access_share(struct access *a);
const struct access *access_shared(const struct shared_object *o);

/* The flags for what comes from that address and port, without NTPPORT. Another family than IPv4
 * and IPv6: ACCESS_IGNORE. For any thread. */
unsigned access_of(const struct access *a, const union address *from);

/* Memory that the table takes, octets. */
size_t access_size(const struct access *a);

#endif
