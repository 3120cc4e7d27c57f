/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_CARDS_H
#define TIMEBALL_SERVER_RESPONDER_CARDS_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/civil.h"
#include "refclock/latch.h"
#include "refclock/loop.h"
#include "server/net/net_card.h"

/*
 * The network cards that stamp what the responder receives and sends. Their owner holds their
 * clocks against the system clock once a second, and publishes how they stand: who serves carries a
 * stamp by that alone, without a call of the kernel. Which cards there are is looked for once a
 * minute.
 */
#define CARDS           8
#define CARDS_AGE_MAX   (3 * NS_PER_S) /* ns between a stamp and the comparison it is carried by */
#define CARDS_ERROR_MAX 20e-6 /* s, of a comparison: past that the kernel's stamps are as good */
#define CARDS_LOOK_EACH 60    /* s */

/* How a card's clock stands. */
struct card_line {
    uint32_t interface;           /* its index; 0: no card, or one that cannot be compared now */
    uint32_t generation;          /* of the clock, of both comparisons */
    struct phc_offset at, before; /* before.system 0: there is but one */
};

struct cards_view {
    struct card_line line[CARDS];
};

/* Begins as all 0: no cards. */
struct cards_latch {
    _Atomic uint32_t sequence;
    _Atomic uint64_t copies[2 * LATCH_WORDS(struct cards_view)];
};

/* For any thread. */
void cards_read(const struct cards_latch *l, struct cards_view *v);

/* The place in the view of the card at that interface, whose line is of that generation of the
 * clock; -1: none. */
int cards_find(const struct cards_view *v, unsigned interface, uint32_t generation);

/* CLOCK_REALTIME (ns) of a stamp of that card; 0: it is too far from the comparison. */
int64_t card_carry(const struct card_line *l, int64_t stamp);

/* The owner's; the clocks are closed by it. */
struct cards {
    struct loop *loop;
    struct loop_timer timer;
    int wait; /* s until they are looked for */
    struct card {
        unsigned interface; /* 0: none */
        int number;         /* of its clock */
        struct phc *phc;
    } card[CARDS];
    struct cards_view view; /* what was published last */
    struct cards_latch latch;
};

/* Looks for them, and keeps the latch up to date from the loop; borrowed. */
void cards_start(struct cards *c, struct loop *loop);
/* One that was not started is left alone. */
void cards_stop(struct cards *c);

/* Compares all of them now, in that generation of the clock, and publishes it. */
void cards_compare(struct cards *c, uint32_t generation);

#endif
