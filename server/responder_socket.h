/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_SOCKET_H
#define TIMEBALL_SERVER_RESPONDER_SOCKET_H

#include <stdbool.h>
#include <stdint.h>

#include "server/responder.h"

/*
 * Opens a UDP socket that does not block, bound to `where`: with kernel receive stamps and the
 * address that was asked, where the kernel can; IPv6 without IPv4. `shared`: one of several on this
 * address (SO_REUSEPORT). Returns the descriptor, or -1 with *err and errno.
 */
int responder_socket_open(const struct listen_addr *where, bool shared, struct err *err);

/*
 * Lets the kernel choose among the `count` sockets that share the address of `fd`, in the order
 * they were bound, by the source's IPv4 address or IPv6 /48 (SO_ATTACH_REUSEPORT_CBPF, Linux 4.5).
 * `key` makes the choice unforeseeable. Returns 0, or -1 with errno.
 */
int responder_socket_steer(int fd, sa_family_t family, unsigned count, uint32_t key);

#endif
