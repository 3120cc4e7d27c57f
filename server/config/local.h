/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_LOCAL_H
#define TIMEBALL_SERVER_CONFIG_LOCAL_H

#include <stdio.h>

#include "server/config/config.h"
#include "server/config/line.h"

/* The directive `local stratum N`: what is served when every source is lost. */

/* Reads the line into the configuration: 0, or -1 with *err. */
int config_local_take(struct config *c, const struct config_line *line, struct err *err);

/* Writes the line of --check. */
void config_local_print(FILE *out, const struct config *c);

#endif
