/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/net/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "server/ntp/reply.h"

/* Sources that are no host: "this network" (RFC 1122 section 3.2.1.3), multicast and class E with
 * the broadcast address. */
static bool v4_many(struct in_addr a)
{
    uint32_t host = ntohl(a.s_addr);
    return host >> 24 == 0 || host >> 28 >= 0xe;
}

static bool v6_many(const struct in6_addr *a)
{
    return IN6_IS_ADDR_MULTICAST(a) || IN6_IS_ADDR_UNSPECIFIED(a);
}

bool address_any(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return a->v4.sin_addr.s_addr == htonl(INADDR_ANY);
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}

uint16_t address_port(const union address *a)
{
    switch (a->any.sa_family) {
    case AF_INET:
        return ntohs(a->v4.sin_port);
    case AF_INET6:
        return ntohs(a->v6.sin6_port);
    default:
        return 0;
    }
}

void address_set_port(union address *a, uint16_t port)
{
    if (a->any.sa_family == AF_INET)
        a->v4.sin_port = htons(port);
    else if (a->any.sa_family == AF_INET6)
        a->v6.sin6_port = htons(port);
}

static bool same_host(const union address *a, const struct address_asked *b)
{
    if (a->any.sa_family != b->family)
        return false;
    return b->family == AF_INET ? a->v4.sin_addr.s_addr == b->v4.s_addr
                                : IN6_ARE_ADDR_EQUAL(&a->v6.sin6_addr, &b->v6);
}

bool address_is_loopback(const union address *a)
{
    if (a->any.sa_family == AF_INET)
        return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

const char *address_text(const union address *a, char *buf, size_t size)
{
    const void *bits = a->any.sa_family == AF_INET ? (const void *)&a->v4.sin_addr
                                                   : (const void *)&a->v6.sin6_addr;
    if (!inet_ntop(a->any.sa_family, bits, buf, (socklen_t)size))
        snprintf(buf, size, "?");
    return buf;
}

int address_read(union address *a, const char *text, uint16_t port)
{
    memset(a, 0, sizeof *a);
    if (inet_pton(AF_INET, text, &a->v4.sin_addr) == 1)
        a->v4.sin_family = AF_INET;
    else if (inet_pton(AF_INET6, text, &a->v6.sin6_addr) == 1)
        a->v6.sin6_family = AF_INET6;
    else
        return -1;
    address_set_port(a, port);
    return 0;
}

unsigned address_facts(const union address *from, const struct address_asked *asked, uint16_t port)
{
    bool v4 = from->any.sa_family == AF_INET, v6 = from->any.sa_family == AF_INET6;
    bool many = v4 ? v4_many(from->v4.sin_addr) : !v6 || v6_many(&from->v6.sin6_addr);
    uint16_t source = address_port(from);
    unsigned facts = source ? 0 : REPLY_FROM_PORT0;
    if (many)
        facts |= REPLY_FROM_MANY;
    if (source == port && asked->family != AF_UNSPEC && same_host(from, asked))
        facts |= REPLY_FROM_SELF;
    if (asked->many)
        facts |= REPLY_TO_MANY;
    return facts;
}
