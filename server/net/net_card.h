/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NET_NET_CARD_H
#define TIMEBALL_SERVER_NET_NET_CARD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "drivers/phc/phc_device.h"
#include "server/net/address.h"

/*
 * Time stamps of network cards. A card stamps by a hardware clock of its own (PHC), which is held
 * against the system clock at each stamp. Cards are never set up from here: who wants their stamps
 * turns them on (hwstamp_ctl -r 1 -t 1, or another daemon has), and what is on is used.
 */
#define NET_CARDS 8

/* The stamps that came beside a datagram, ns; 0: none. */
struct net_stamps {
    int64_t kernel;     /* CLOCK_REALTIME */
    int64_t card;       /* the card's own scale */
    unsigned interface; /* index of the card's; 0: not told */
};

/* The card and the kernel's stack see a datagram within this, ns; else one of them errs. */
#define NET_CARD_APART (10 * INT64_C(1000000))

/* Takes in what a control message says of them; false: nothing. */
bool net_stamps_take(const struct cmsghdr *c, struct net_stamps *s);

/* What the control messages of a received datagram, or of one read from the error queue, say. */
struct net_stamps net_stamps_of(struct msghdr *m);

/* Number of the interface's PTP hardware clock, if it is set up to stamp all of NTP; else -1. */
int net_card_clock(const char *interface);

/* Opens that clock; phc_close() frees it. 0, or -1. */
int net_card_open(int number, struct phc **out);

struct net_card {
    union address local; /* our address at it */
    int64_t looked;      /* local time, ns, at which it was looked for; 0: never */
    struct phc *phc;     /* NULL: it does not stamp all of NTP, or cannot be compared */
    struct phc_offset before;
};

struct net_cards {
    struct net_card card[NET_CARDS];
};

/*
 * The card that has the address `local`, if it stamps what it sends and receives; NULL if not. The
 * answer stands for a minute of local time `now` (ns).
 */
struct net_card *net_cards_at(struct net_cards *all, const union address *local, int64_t now);

/*
 * CLOCK_REALTIME (ns) of the card's stamp. `kernel`: the kernel's stamp of the same datagram, 0
 * none. 0: the stamp is of no use, for the two clocks cannot be compared or the kernel contradicts.
 */
int64_t net_card_carry(struct net_card *c, int64_t stamp, int64_t kernel);

/* Closes their clocks. */
void net_cards_close(struct net_cards *all);

#endif
