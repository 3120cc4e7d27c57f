/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_STATISTICS_H
#define TIMEBALL_SERVER_DAEMON_STATISTICS_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/log.h"
#include "server/config/statistics.h"
#include "server/status/status.h"

/*
 * loopstats, peerstats and clockstats as ntpd writes them (monopt.html of ntpd 4.2.8), from the
 * status, every STATISTICS_NS: a line for the clock while it is believed, one for each source that
 * measured since the last time, one for each receiver. A file that cannot be written costs one log
 * line until it can be again.
 */
#define STATISTICS_NS (INT64_C(16) * 1000000000)

struct statistics {
    const struct config_statistics *config; /* borrowed */
    const struct log *log;                  /* borrowed */
    int64_t next;                           /* local time, ns */
    bool failed[STATISTICS_SETS];
};

/* Nothing is opened yet. `now`: local time, ns. */
void statistics_init(struct statistics *s, const struct config_statistics *config,
                     const struct log *log, int64_t now);

/* Whether statistics_write() is to be called at the local time `now`; each time once. */
bool statistics_due(struct statistics *s, int64_t now);

/* Appends what `status` says. */
void statistics_write(struct statistics *s, const struct status *status);

/* "loopstats.20261128" for the true time `time` (ns); pid is of this process. Returns buf. */
const char *statistics_file(const struct config_statistics_file *f, int64_t time, int pid,
                            char *buf, size_t size);

#endif
