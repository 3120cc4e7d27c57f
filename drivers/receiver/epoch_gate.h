/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_EPOCH_GATE_H
#define TIMEBALL_DRIVERS_RECEIVER_EPOCH_GATE_H

#include <stdbool.h>

#include "drivers/nmea/nmea_epoch.h"

/*
 * After a cold start and after a lost fix, receivers name garbage dates for an epoch or two
 * although they vouch for them. So a time is used when this many epochs in a row, it being the last
 * of them, were vouched for and went on as the local clock did. Epochs without a word of a fix are
 * passed over. Pure.
 */
#define EPOCH_GATE_COUNT   3
#define EPOCH_GATE_SLIP_NS INT64_C(1500000000) /* a leap second, and messages that come late */

struct epoch_gate {
    int agreed; /* in a row, the last included */
    struct nmea_epoch last;
};

/* Nothing was heard. */
void epoch_gate_init(struct epoch_gate *g);

/* Takes the next epoch; true: it may be used. */
bool epoch_gate_take(struct epoch_gate *g, const struct nmea_epoch *e);

#endif
