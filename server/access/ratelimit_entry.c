/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/access/ratelimit_entry.h"

#include <string.h>

#include "refclock/civil.h"

#define KIND_SHIFT 48
#define KIND_V4    UINT64_C(0xff04)
#define KIND_SITE  UINT64_C(0xff06)
#define KIND_ZERO  UINT64_C(0xff00) /* the network ::/64, for which 0 would stand */

static uint64_t network(const struct in6_addr *a)
{
    uint64_t bits = 0;
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | a->s6_addr[i];
    return bits;
}

uint64_t entry_key_v4(struct in_addr a)
{
    return KIND_V4 << KIND_SHIFT | ntohl(a.s_addr);
}

uint64_t entry_key_v6(const struct in6_addr *a)
{
    uint64_t bits = network(a);
    return bits ? bits : KIND_ZERO << KIND_SHIFT;
}

uint64_t entry_key_site(const struct in6_addr *a)
{
    return KIND_SITE << KIND_SHIFT | network(a) >> 16;
}

static void key_address(uint64_t key, struct ratelimit_client *c)
{
    uint64_t kind = key >> KIND_SHIFT;
    memset(&c->address, 0, sizeof c->address);
    if (kind == KIND_V4) {
        c->prefix = 32;
        c->address.v4.sin_family = AF_INET;
        c->address.v4.sin_addr.s_addr = htonl((uint32_t)key);
        return;
    }
    uint64_t bits = kind == KIND_SITE ? key << 16 : kind == KIND_ZERO ? 0 : key;
    c->prefix = kind == KIND_SITE ? 48 : 64;
    c->address.v6.sin6_family = AF_INET6;
    for (int i = 0; i < 8; i++)
        c->address.v6.sin6_addr.s6_addr[i] = (uint8_t)(bits >> (56 - 8 * i));
}

void entry_begin(struct entry *e, uint64_t key, uint64_t tick)
{
    entry_set(&e->key, 0);
    atomic_thread_fence(memory_order_release);
    entry_set(&e->when, tick << AHEAD_BITS);
    entry_set(&e->what, 0);
    entry_set(&e->many, tick / TICKS << 32);
    atomic_store_explicit(&e->key, key, memory_order_release);
}

bool entry_read(const struct entry *e, int64_t shift, struct ratelimit_client *c)
{
    uint64_t key = atomic_load_explicit(&e->key, memory_order_acquire);
    if (!key)
        return false;
    uint64_t many = atomic_load_explicit(&e->many, memory_order_acquire);
    uint64_t when = entry_get(&e->when), what = entry_get(&e->what);
    atomic_thread_fence(memory_order_acquire);
    if (entry_get(&e->key) != key || !(many & UINT32_MAX))
        return false;
    key_address(key, c);
    address_set_port(&c->address, (uint16_t)(what >> PORT_SHIFT));
    c->last = (int64_t)(when >> AHEAD_BITS) * (NS_PER_S / TICKS) + shift;
    c->first = (int64_t)(many >> 32) * NS_PER_S + shift;
    c->count = many & UINT32_MAX;
    c->dropped = what >> DROPPED_SHIFT;
    unsigned packet = (unsigned)(what >> PACKET_SHIFT) & 0xff;
    c->mode = packet & 7;
    c->version = packet >> 3 & 7;
    c->limited = packet & ENTRY_LIMITED;
    c->kod = packet & ENTRY_KOD;
    return true;
}
