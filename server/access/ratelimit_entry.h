/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_ACCESS_RATELIMIT_ENTRY_H
#define TIMEBALL_SERVER_ACCESS_RATELIMIT_ENTRY_H

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/access/ratelimit.h"

/*
 * What is remembered of a client, in 32 octets: four words, written by one thread and read by any.
 * Each word is whole by itself; a reader that finds the same key before and after has no mixture of
 * two clients.
 */
#define TICKS 256 /* a second */
#define WAYS  4

#define AHEAD_BITS    24
#define AHEAD_MAX     ((UINT64_C(1) << AHEAD_BITS) - 1)
#define DROPPED_SHIFT 32
#define PORT_SHIFT    16
#define PACKET_SHIFT  8
#define KOD_MASK      0xffU
#define ENTRY_LIMITED 0x40U
#define ENTRY_KOD     0x80U

struct entry {
    _Atomic uint64_t key; /* entry_key_*(); 0: free */
    _Atomic uint64_t
        when; /* tick of the last request << 24 | ticks that the bucket is ahead then */
    _Atomic uint64_t what; /* dropped << 32 | port << 16 | packet << 8 | second of the last kiss;
                              packet: kod, limited, version, mode in 1, 1, 3, 3 bits */
    _Atomic uint64_t many; /* second of the first request << 32 | count */
};

struct bucket {
    _Alignas(WAYS * sizeof(struct entry)) struct entry way[WAYS];
};

/* One word, read or written whole; in no order with others. */
static inline uint64_t entry_get(const _Atomic uint64_t *word)
{
    return atomic_load_explicit(word, memory_order_relaxed);
}

/* Writes one. */
static inline void entry_set(_Atomic uint64_t *word, uint64_t value)
{
    atomic_store_explicit(word, value, memory_order_relaxed);
}

/*
 * Keys: the network of 64 bits; for the other two kinds a first octet that is multicast's, which no
 * client has, says which it is.
 */
uint64_t entry_key_v4(struct in_addr a);
uint64_t entry_key_v6(const struct in6_addr *a);
uint64_t entry_key_site(const struct in6_addr *a);

/* The writer's: from now on the entry is another client's, new at `tick`. */
void entry_begin(struct entry *e, uint64_t key, uint64_t tick);

/* Reads one; `shift` is added to its times, ns. False: it is free, or just being given away. */
bool entry_read(const struct entry *e, int64_t shift, struct ratelimit_client *c);

#endif
