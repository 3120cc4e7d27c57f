/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_KEYS_H
#define TIMEBALL_SERVER_CONFIG_KEYS_H

#include <stdbool.h>
#include <stdio.h>

#include "drivers/option.h"
#include "server/ntp/keys.h"

/* The directives `keys` and `trustedkey`. */
struct config_keys {
    char file[OPTION_TEXT_SIZE]; /* "": none */
    bool md5;                    /* allowed */
    struct keys_range trusted[KEYS_RANGES];
    size_t ranges; /* of those; 0: every key is trusted */
};

struct config;
struct config_line;
extern const struct option_row config_keys_rows[]; /* offsets into struct config */

/* Reads a line `trustedkey` into the configuration: 0, or -1 with *err. */
int config_take_trusted(struct config *c, const struct config_line *line, struct err *err);

/* Writes the lines of --check. */
void config_print_keys(FILE *out, const struct config *c);
/* The same for trustedkey. */
void config_print_trusted(FILE *out, const struct config *c);

/*
 * Reads the key file, and sees that each `server` line's key is there and trusted. *out is NULL
 * where no file is named. 0, or -1 with *err.
 */
int config_load_keys(const struct config *c, struct keys **out, struct err *err);

#endif
