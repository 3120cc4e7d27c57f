/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/control.h"

#include <linux/net_tstamp.h>
#include <string.h>

/* Copies a control message of the wanted kind out; false when it is another. */
static bool take(const struct cmsghdr *c, int level, int type, void *to, size_t size)
{
    if (c->cmsg_level != level || c->cmsg_type != type || c->cmsg_len < CMSG_LEN(size))
        return false;
    memcpy(to, CMSG_DATA(c), size);
    return true;
}

struct net_stamps control_read(struct msghdr *m, struct address_asked *asked)
{
    struct net_stamps stamps = {0};
    struct in_pktinfo v4;
    struct in6_pktinfo v6;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (net_stamps_take(c, &stamps))
            continue;
        if (take(c, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4)) {
            asked->family = AF_INET;
            asked->v4 = v4.ipi_spec_dst;
            /* differs for broadcast and multicast only: there it is an address of ours */
            asked->many = v4.ipi_addr.s_addr != v4.ipi_spec_dst.s_addr;
        } else if (take(c, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof v6)) {
            asked->family = AF_INET6;
            asked->v6 = v6.ipi6_addr;
            asked->interface = (unsigned)v6.ipi6_ifindex;
            asked->many = IN6_IS_ADDR_MULTICAST(&v6.ipi6_addr);
        }
    }
    return stamps;
}

/* Appends a control message; there is room. */
static void put(struct msghdr *m, int level, int type, const void *from, size_t size)
{
    struct cmsghdr *c = (void *)((uint8_t *)m->msg_control + m->msg_controllen);
    m->msg_controllen += CMSG_SPACE(size);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), from, size);
}

/* The interface is the routing table's choice, except for link-local addresses, which mean nothing
 * without one. */
static void put_source(struct msghdr *m, const struct address_asked *asked)
{
    struct in_pktinfo v4 = {.ipi_spec_dst = asked->v4};
    struct in6_pktinfo v6 = {.ipi6_addr = asked->v6};
    if (IN6_IS_ADDR_LINKLOCAL(&asked->v6))
        v6.ipi6_ifindex = asked->interface;
    if (asked->family == AF_INET)
        put(m, IPPROTO_IP, IP_PKTINFO, &v4, sizeof v4);
    else
        put(m, IPPROTO_IPV6, IPV6_PKTINFO, &v6, sizeof v6);
}

void control_write(struct msghdr *m, struct control *c, const struct address_asked *asked)
{
    m->msg_control = c->bytes;
    m->msg_controllen = 0;
    if (asked && asked->family != AF_UNSPEC)
        put_source(m, asked);
}

void control_want_stamp(struct msghdr *m, bool card)
{
    const uint32_t wanted =
        SOF_TIMESTAMPING_TX_SOFTWARE | (card ? (uint32_t)SOF_TIMESTAMPING_TX_HARDWARE : 0);
    put(m, SOL_SOCKET, SO_TIMESTAMPING, &wanted, sizeof wanted);
}
