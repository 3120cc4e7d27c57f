/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RIGHTS_RIGHTS_H
#define TIMEBALL_SERVER_RIGHTS_RIGHTS_H

#include "refclock/err.h"
#include "refclock/log.h"
#include "server/config/config.h"
#include "server/rights/priv.h"
#include "server/rights/realtime.h"
#include "server/status/status.h"

/*
 * What the process may do, from its start with all rights to its service with few: the order in
 * which that happens, by the configuration.
 */
struct rights {
    const struct config *config; /* borrowed until all is settled */
    struct priv priv;
    int sandbox; /* enum sandbox, in force */
    struct realtime realtime;
};

/* Before anything is opened: whom it will become, and the folders of its sockets and state. 0, or
 * -1 with *err. */
int rights_begin(struct rights *r, const struct config *config, const struct log *log,
                 struct err *err);

/* When all is open and bound, and no worker runs yet: real time, then the user, then the filter. 0,
 * or -1 with *err. */
int rights_settle(struct rights *r, struct err *err);

/* Fills its part of the status. */
void rights_describe(const struct rights *r, struct status_process *to);

/* Gives up what is held. */
void rights_end(struct rights *r);

#endif
