/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_DISCARD_H
#define TIMEBALL_SERVER_CONFIG_DISCARD_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "drivers/option.h"
#include "refclock/err.h"

/* The directive `discard` of ntp.conf: how often a client may ask, where `restrict ... limited`
 * holds. It sets ratelimit.average and .minimum of the configuration. */
struct config_discard {
    bool average_given, minimum_given;      /* else what the rate limit has for a default counts */
    int64_t log2_average, minimum, monitor; /* as written */
};

struct config;
struct config_line;

extern const struct option_row config_discard_rows[]; /* offsets into struct config_discard */

/* Reads such a line: 0, or -1 with *err. Prints it for --check. */
int config_discard_take(struct config *c, const struct config_line *line, struct err *err);
void config_discard_print(FILE *out, const struct config *c);

#endif
