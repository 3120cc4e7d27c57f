/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_REFCLOCK_H
#define TIMEBALL_SERVER_CONFIG_REFCLOCK_H

#include <stdio.h>

#include "server/config/config.h"
#include "server/config/line.h"

/* The directive `refclock`: a driver, its device, and their options. */

/* Reads such a line into the configuration: 0, or -1 with *err. */
int config_refclock_take(struct config *c, const struct config_line *line, struct err *err);

/* Writes the lines of --check. */
void config_refclock_print(FILE *out, const struct config *c);

#endif
