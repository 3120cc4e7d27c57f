/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_LIMITS_H
#define TIMEBALL_SERVER_DAEMON_LIMITS_H

#include <stdint.h>

#include "refclock/err.h"
#include "refclock/log.h"
#include "refclock/loop.h"
#include "server/config/config.h"
#include "server/access/ratelimit.h"
#include "server/responder/responder.h"
#include "server/config/restrict_rules.h"
#include "server/shared_table.h"
#include "server/status/status.h"

/* The daemon's side of rules and rate limit: from the configuration to what the responder shares,
 * and from its tables of clients to the status. */
struct limits {
    struct shared_table access; /* struct access */
    struct restrict_rules *rules;
    const struct log *log;
    struct ratelimit_config rate;
    struct status_clients clients; /* as they were ... */
    int64_t made;                  /* ... then, local, ns */
    bool any;                      /* they were made once */
};

/* Builds the rules, and begins to look up the names in them. All are borrowed. 0, or -1 with *err
 * and nothing to close. */
int limits_open(struct limits *l, const struct config *config, struct loop *loop,
                const struct log *log, struct err *err);

/* The servers that are asked now, for `restrict source`. */
void limits_sources(struct limits *l, const union address *sources, size_t count);

/* Replaces the rules by those of another configuration, while threads serve; the rate limit stays
 * as it was opened. 0, or -1 with *err and the old rules in force. */
int limits_renew(struct limits *l, const struct config *config, struct loop *loop, struct err *err);

/* Once a second. */
void limits_tick(struct limits *l);

/* After the responder is closed. */
void limits_close(struct limits *l);

/*
 * The clients that asked most. The tables are read at most once a second, however often this is
 * called: a look takes some milliseconds in large ones, of which each time another part is read.
 */
const struct status_clients *limits_clients(struct limits *l, struct responder *responder,
                                            int64_t now);

#endif
