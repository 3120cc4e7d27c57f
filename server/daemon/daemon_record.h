/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_DAEMON_RECORD_H
#define TIMEBALL_SERVER_DAEMON_DAEMON_RECORD_H

#include "server/daemon/daemon.h"

/*
 * What of a daemon goes into its recording, beside what drivers deliver: the lines of its
 * configuration that timeball-sim --replay needs, its steering, and its way to network servers.
 */

/* Opens the daemon's recording (into its file, or for listeners alone) and its network. 0, or -1
 * with *err. */
int daemon_record_open(struct daemon *d, struct err *err);

/* The steering since the last call: before each event, so that lines are in order. */
void daemon_record_before(struct daemon *d);

/* Once a second. */
void daemon_record_tick(struct daemon *d, int64_t now);

#endif
