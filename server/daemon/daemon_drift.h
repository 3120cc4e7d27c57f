/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_DAEMON_DRIFT_H
#define TIMEBALL_SERVER_DAEMON_DAEMON_DRIFT_H

#include "server/daemon/daemon.h"

/* Between a daemon and its drift file. */

/* Begins with what an earlier run learned, and says what it is; once there are receivers. */
void daemon_drift_load(struct daemon *d);

/* Writes down what is worth keeping, if anything is. */
void daemon_drift_save(struct daemon *d);

#endif
