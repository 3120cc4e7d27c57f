/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_FEED_H
#define TIMEBALL_SERVER_DAEMON_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/shm_layout.h"
#include "refclock/clock.h"
#include "refclock/err.h"
#include "refclock/log.h"
#include "refclock/snapshot.h"
#include "server/config/feed.h"

/*
 * What other time daemons on this machine take from timeball, each second while it is locked: how
 * far the system clock is from the estimate, in the forms of ntpd's shared memory and of chrony's
 * SOCK (drivers/shm_layout.h, drivers/sock_layout.h). While it is not, nothing is written.
 */
struct feed {
    const struct config_feed *config;
    struct shm_mapping map; /* `feed shm` */
    int fd;                 /* `feed sock`, connected; -1 */
    bool working;           /* the last sample was taken */
    struct err error;       /* why it was not; why is empty: none */
    uint64_t written, failed;
};

/*
 * `config` is borrowed. A segment that is not fit for use is an error; a socket that is not there
 * is not, for whoever receives there may start later. 0, or -1 with *err.
 */
int feed_open(struct feed *f, const struct config_feed *config, struct err *err);

/*
 * Writes what the snapshot says of the clock's reading (ns) of this moment, without waiting. When
 * that begins to work or ceases to, one line is logged. The snapshot is of a locked clock.
 */
void feed_write(struct feed *f, const struct snapshot *s, int64_t reading, const struct log *log);

/* The segment stays, for its readers have it too. Allowed on a zeroed struct with fd -1. */
void feed_close(struct feed *f);

#endif
