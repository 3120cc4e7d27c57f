/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_RECEIVERS_H
#define TIMEBALL_SERVER_DAEMON_RECEIVERS_H

#include "refclock/receiver.h"
#include "server/config/config.h"

struct receivers {
    int count;
    struct receiver_config of[CONFIG_REFCLOCK_MAX];
    int line[CONFIG_REFCLOCK_MAX]; /* of refclock[i] of the configuration: index into `of` */
};

/*
 * Which receiver does each refclock line belong to? Lines with the same word `receiver` are one;
 * of the others the k-th that has messages only belongs to the k-th that has pulses only; what
 * remains is a receiver of its own. Pure; the first CONFIG_REFCLOCK_MAX are as many as there can
 * be.
 */
void receivers_of(const struct config *c, struct receivers *out);

#endif
