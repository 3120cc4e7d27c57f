/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RIVAL_H
#define TIMEBALL_SERVER_RIVAL_H

#include <stdbool.h>

#include "refclock/err.h"

/* Other programs that steer the system clock. */
struct rival {
    const char *program, *unit; /* names of processes are cut at 15 letters; NULL ends the table */
    bool copies;                /* it may as well set another clock by the system's */
};
extern const struct rival rivals[];

struct rival_seen {
    const struct rival *rival; /* NULL: none runs */
    int pid;
};

/* Is its unit started at boot, by the links below the root ("" on the machine)? */
bool rival_enabled(const char *root, const struct rival *r);

/*
 * The first one that runs, by /proc; of units with programs of one name the one that is enabled.
 * `steers`: only one that surely does: it holds CAP_SYS_TIME (chronyd -x has given it up).
 */
struct rival_seen rival_find(const char *root, bool steers);

/* `clock system` must be alone. 0, or -1 with *err: who steers already, and what to do. */
int rival_refuse(const char *root, struct err *err);

#endif
