/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_SENTENCES_H
#define TIMEBALL_DRIVERS_SIM_SENTENCES_H

#include "drivers/sim/claim.h"

/* Adds what a common receiver sends in one epoch as NMEA 0183: RMC, GGA, GSA, two GSV, ZDA. */
void sentences_add(struct sim_bytes *b, const struct sim_claim *c);

#endif
