/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_CONTROL_H
#define TIMEBALL_SERVER_RESPONDER_CONTROL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <time.h>

#include "server/net/address.h"
#include "server/net/net_card.h"

/* What the kernel says beside a datagram, and is told beside an answer: cmsg(3). */
struct control {
    _Alignas(struct cmsghdr) uint8_t
        bytes[CMSG_SPACE(sizeof(struct in6_pktinfo)) + CMSG_SPACE(3 * sizeof(struct timespec)) +
              CMSG_SPACE(4 * sizeof(uint32_t)) + 64];
};

/*
 * Reads the notes of a received datagram: which address was asked (*asked is left as it is where
 * they do not tell), and when it came or left.
 */
struct net_stamps control_read(struct msghdr *m, struct address_asked *asked);

/* Writes the notes of an answer to `m`: it leaves from the address that was asked. NULL or
 * AF_UNSPEC: the kernel chooses. */
void control_write(struct msghdr *m, struct control *c, const struct address_asked *asked);

/* Adds that the kernel shall put a stamp of its leaving on the error queue; `card`: the card's too.
 */
void control_want_stamp(struct msghdr *m, bool card);

#endif
