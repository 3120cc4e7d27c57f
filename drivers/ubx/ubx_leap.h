/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_LEAP_H
#define TIMEBALL_DRIVERS_UBX_UBX_LEAP_H

#include <stdbool.h>

#include "drivers/ubx/ubx_decode.h"
#include "drivers/ubx/ubx_epoch.h"
#include "refclock/sample.h"

/*
 * What NAV-TIMELS or NAV-TIMEGPS claims about leap seconds. Pure. The count is confirmed when the
 * message flags it as valid and it came from a satellite: the firmware's own table, a setting of
 * the user and a count of unknown origin are claims without confirmation. False for other messages.
 * The instant of a coming change is that of the message, by the last epoch that was vouched for,
 * and its countdown; it is taken where that leads to a midnight.
 */
bool ubx_leap_claim(const struct ubx_epochs *g, const struct ubx_message *m, struct leap_claim *c);

#endif
