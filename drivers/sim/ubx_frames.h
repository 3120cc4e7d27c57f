/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_UBX_FRAMES_H
#define TIMEBALL_DRIVERS_SIM_UBX_FRAMES_H

#include "drivers/sim/claim.h"

/*
 * Adds what a u-blox timing receiver sends in one epoch as UBX frames (u-blox M8 protocol
 * specification, UBX-13003221): NAV-PVT, NAV-STATUS, NAV-SAT, NAV-CLOCK, NAV-TIMELS, MON-RF, where
 * the claim says so MON-VER and CFG-TP5, and NAV-EOE.
 */
void ubx_frames_add(struct sim_bytes *b, const struct sim_claim *c);

/* Adds TIM-TP: what the receiver says of its next pulse, on the scale of UTC. */
void ubx_frames_add_pulse(struct sim_bytes *b, const struct sim_claim *c);

#endif
