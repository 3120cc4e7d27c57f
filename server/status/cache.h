/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_STATUS_CACHE_H
#define TIMEBALL_SERVER_STATUS_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "server/ctl/ctl.h"

/*
 * The daemon's status for programs that are asked by many: it is fetched when somebody wants it, at
 * most once a second, over one connection that is kept. The daemon has 1 s to answer; that it did
 * not is remembered for a second too.
 */
struct status_cache {
    const char *socket; /* path, borrowed */
    struct ctl_client client;
    const char *line; /* of the last answer; NULL: there is none */
    struct err err;   /* why not */
    int64_t at;       /* ns, when it was fetched */
    bool begun;
};

/* `socket` is borrowed. status_cache_close() later. */
void status_cache_open(struct status_cache *c, const char *socket);
void status_cache_close(struct status_cache *c);

/*
 * The answer to "status": one JSON object without a newline, valid until the next call. `now`: any
 * scale that never jumps, ns. NULL when timeballd does not answer, or answers with no object;
 * c->err says why.
 */
const char *status_cache_get(struct status_cache *c, int64_t now);

#endif
