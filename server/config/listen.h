/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_LISTEN_H
#define TIMEBALL_SERVER_CONFIG_LISTEN_H

#include <stdio.h>

#include "server/config/config.h"
#include "server/config/line.h"

/* The directive `listen`: addresses to answer NTP on. */
extern const struct option_row config_listen_rows[]; /* offsets into struct config_listen */

/* Reads such a line into the configuration: 0, or -1 with *err. */
int config_listen_take(struct config *c, const struct config_line *line, struct err *err);

/* Writes the lines of --check. */
void config_listen_print(FILE *out, const struct config *c);

#endif
