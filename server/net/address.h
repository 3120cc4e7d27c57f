/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NET_ADDRESS_H
#define TIMEBALL_SERVER_NET_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* An IPv4 or IPv6 socket address. */
union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* Which of our addresses a datagram was sent to, as the kernel tells (ip(7) IP_PKTINFO, RFC 3542).
 */
struct address_asked {
    sa_family_t family; /* AF_UNSPEC: the kernel did not tell */
    struct in_addr v4;
    struct in6_addr v6;
    unsigned interface; /* index; 0: not known */
    bool many;          /* it was sent to a broadcast or multicast address */
};

/*
 * What reply_make() has to know of a datagram that came from `from` to `asked`, at our port `port`
 * (host order): a set of enum reply_address. Port 0, broadcast, multicast and unspecified sources
 * cannot have sent it; an answer to our own address and port would come back to us.
 */
unsigned address_facts(const union address *from, const struct address_asked *asked, uint16_t port);

/* The address as text, without the port; buf of at least INET6_ADDRSTRLEN. Returns buf. */
const char *address_text(const union address *a, char *buf, size_t size);

/* Whether it stands for all of the machine's addresses: 0.0.0.0 or ::. */
bool address_any(const union address *a);
/* Is it 127.0.0.0/8 or ::1? */
bool address_is_loopback(const union address *a);

/* The address that is written as a number, with a port (host order): 0, or -1: it is none. */
int address_read(union address *a, const char *text, uint16_t port);

/* Port in host order, 0 for another family. */
uint16_t address_port(const union address *a);

/* Sets the port (host order) of an IPv4 or IPv6 address. */
void address_set_port(union address *a, uint16_t port);

#endif
