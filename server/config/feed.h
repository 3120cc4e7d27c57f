/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_FEED_H
#define TIMEBALL_SERVER_CONFIG_FEED_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "drivers/option.h"
#include "refclock/err.h"

/* The directive `feed`: where the estimate is written for other time daemons. */
enum config_feed_kind { FEED_SHM, FEED_SOCK };

struct config_feed {
    int kind;                    /* enum config_feed_kind */
    int64_t unit;                /* of FEED_SHM */
    char path[OPTION_TEXT_SIZE]; /* of FEED_SOCK */
    int line;
};

struct config;
struct config_line;

/* Reads a line. 0, or -1 with *err. */
int config_feed_take(struct config *c, const struct config_line *line, struct err *err);

/* Whether a refclock line of the same file reads what a feed writes: 0, or -1 with *err. */
int config_feed_check(const struct config *c, const char *file, struct err *err);

/* Prints the lines for --check. */
void config_feed_print(FILE *out, const struct config *c);

/* "shm 2", "sock /run/..."; returns buf. */
const char *config_feed_name(const struct config_feed *f, char *buf, size_t size);

#endif
