/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_SOCKET_H
#define TIMEBALL_SERVER_RESPONDER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "server/responder/responder.h"

/*
 * Octets that a socket's queue shall hold: what arrives in 2 ms of a busy thread's deafness, 400
 * datagrams at the 200 000 a second that one can answer, of which the kernel counts 768 to 2304
 * octets each. Not much more, for under overload it is always full: the longer it is, the more of
 * it has left the processor's cache before it is read.
 */
#define RESPONDER_ROOM (1 << 20)

/*
 * Opens a UDP socket, bound to `where`: with kernel stamps, a long queue, and the address that was
 * asked where that is not always the same, as far as the kernel can; IPv6 without IPv4. `shared`:
 * one of several on this address (SO_REUSEPORT). Returns the descriptor, or -1 with *err and errno.
 */
int responder_socket_open(const struct listen_addr *where, bool shared, struct err *err);

/* Octets that the socket's queue holds, by the kernel's count. */
int responder_socket_room(int fd);

/* Datagrams that the kernel has dropped so far for want of room, or damaged (modulo 2^32; Linux
 * 4.12). 0 where it does not tell. */
uint32_t responder_socket_dropped(int fd);

/*
 * Lets the kernel choose among the `count` sockets that share the address of `fd`, in the order
 * they were bound, by the source's IPv4 address or IPv6 /48 (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5).
 * `key` makes the choice unforeseeable. Returns 0, or -1 with errno.
 */
int responder_socket_steer(int fd, sa_family_t family, unsigned count, uint32_t key);

#endif
