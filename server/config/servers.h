/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_SERVERS_H
#define TIMEBALL_SERVER_CONFIG_SERVERS_H

#include <stdio.h>

#include "server/config/config.h"
#include "server/config/line.h"

/* The directives `server` and `pool`: network servers to ask. */
extern const struct option_row config_server_rows[]; /* offsets into struct config_server */

/* Reads such a line into the configuration: 0, or -1 with *err. */
int config_take_server(struct config *c, const struct config_line *line, struct err *err);
/* The same for a pool. */
int config_take_pool(struct config *c, const struct config_line *line, struct err *err);

/* Whether an option of the two differs. */
bool config_servers_differ(const struct config_server *a, const struct config_server *b);

/* Writes a server's or pool's line. */
void config_print_server(FILE *out, const struct config_server *s);

/* Writes the lines of --check. */
void config_print_servers(FILE *out, const struct config *c);
/* The same for pools. */
void config_print_pools(FILE *out, const struct config *c);

#endif
