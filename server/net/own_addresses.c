/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/net/own_addresses.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <nettle/md5.h>
#include <string.h>

bool address_same(const union address *a, const union address *b)
{
    if (a->any.sa_family != b->any.sa_family)
        return false;
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == b->v4.sin_addr.s_addr;
    return a->any.sa_family == AF_INET6 &&
           !memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof a->v6.sin6_addr);
}

uint32_t address_refid(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr);
    struct md5_ctx c;
    uint8_t digest[MD5_DIGEST_SIZE];
    md5_init(&c);
    md5_update(&c, sizeof a->v6.sin6_addr, a->v6.sin6_addr.s6_addr);
    md5_digest(&c, sizeof digest, digest);
    return (uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 | (uint32_t)digest[2] << 8 |
           digest[3];
}

void own_addresses_read(struct own_addresses *own)
{
    struct ifaddrs *all = NULL;
    own->count = 0;
    if (getifaddrs(&all))
        return;
    for (const struct ifaddrs *i = all; i && own->count < OWN_ADDRESSES_MAX; i = i->ifa_next) {
        sa_family_t family = i->ifa_addr ? i->ifa_addr->sa_family : AF_UNSPEC;
        if (family != AF_INET && family != AF_INET6)
            continue;
        union address *a = &own->address[own->count];
        memset(a, 0, sizeof *a);
        memcpy(a, i->ifa_addr, family == AF_INET ? sizeof a->v4 : sizeof a->v6);
        own->refid[own->count++] = i->ifa_flags & IFF_LOOPBACK ? 0 : address_refid(a);
    }
    freeifaddrs(all);
}

bool own_addresses_has(const struct own_addresses *own, const union address *a)
{
    for (size_t i = 0; i < own->count; i++)
        if (address_same(&own->address[i], a))
            return true;
    return false;
}
