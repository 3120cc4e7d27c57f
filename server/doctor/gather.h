/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DOCTOR_GATHER_H
#define TIMEBALL_SERVER_DOCTOR_GATHER_H

#include "server/config/config.h"
#include "server/doctor/doctor.h"

/*
 * What the configuration makes necessary, and, where d->status is set, what the running daemon has
 * open instead.
 */
void doctor_want(struct doctor *d, const struct config *c);

/* How the receiver fares, as the daemon says; for d->status. */
void doctor_ask_receiver(struct doctor *d);

/*
 * What takes time, together: reads the pulse's counts twice, sends NTP requests to the daemon's own
 * addresses, and, where no daemon has it and it is free, listens to the receiver's port (at most
 * 12 s; nothing is written to it). 0, or -1 with *err.
 */
int doctor_listen(struct doctor *d, struct err *err);

#endif
