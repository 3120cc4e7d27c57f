/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_RESTRICT_RULES_H
#define TIMEBALL_SERVER_CONFIG_RESTRICT_RULES_H

#include <stddef.h>

#include "refclock/err.h"
#include "refclock/log.h"
#include "refclock/loop.h"
#include "server/access/access.h"
#include "server/config/config.h"

/*
 * The rules of a configuration as addresses: names of `restrict` lines are looked up, without
 * waiting and until they are found, and `restrict source` follows the servers that are asked.
 */
struct restrict_rules;

/*
 * Begins to look names up. `changed` is called, from the loop, whenever restrict_rules_build() has
 * become another table. Loop and log are borrowed. 0, or -1 with *err.
 */
int restrict_rules_open(struct restrict_rules **out, const struct config *config, struct loop *loop,
                        const struct log *log, void (*changed)(void *arg), void *arg,
                        struct err *err);

/* Stops looking, and frees. NULL is allowed. */
void restrict_rules_close(struct restrict_rules *r);

/* The servers that are asked now; may call `changed`. */
void restrict_rules_sources(struct restrict_rules *r, const union address *sources, size_t count);

/* The table of all rules that are known now: as access_build(). */
int restrict_rules_build(const struct restrict_rules *r, struct access **out, struct err *err);

#endif
