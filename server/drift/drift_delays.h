/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DRIFT_DRIFT_DELAYS_H
#define TIMEBALL_SERVER_DRIFT_DRIFT_DELAYS_H

#include "server/drift/drift.h"

/*
 * The lines of a drift file that keep how late receivers' messages are: `delay LOW HIGH`, s, and
 * after a tab each the receiver's name in the configuration and its model, "-" where it did not
 * say.
 */

/* Takes the lines of `text` into d->delay; d->damaged counts those that are none. */
void drift_delays_parse(const char *text, struct drift *d);

/* Writes them to `to`; what has no room is left out. Returns how many bytes. */
size_t drift_delays_put(const struct drift *d, char *to, size_t room);

#endif
