/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_PREFIX_H
#define TIMEBALL_SERVER_CONFIG_PREFIX_H

#include <stdbool.h>
#include <stddef.h>

#include "refclock/err.h"
#include "server/access/access.h"

/* Networks as they are written in a configuration: prefix, family and length of an access_rule. */

/* ADDRESS or ADDRESS/N: 1; 0 when it is neither, which may be a name; -1 with *err. Bits after the
 * length are cleared. `thing` and `owner`, the directive, are for the message. */
int config_prefix_read(struct access_rule *r, const char *text, const char *owner,
                       const char *thing, struct err *err);

/* A netmask, which sets the length: 0, or -1 with *err. */
int config_prefix_mask(struct access_rule *r, const char *text, const char *owner,
                       const char *thing, struct err *err);

/* Whether the network holds the address (a rule of full length). */
bool config_prefix_holds(const struct access_rule *network, const struct access_rule *address);

/* "192.0.2.0/24", "::1"; returns buf. */
const char *config_prefix_text(const struct access_rule *r, char *buf, size_t size);

#endif
