/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RESPONDER_LISTENERS_H
#define TIMEBALL_SERVER_RESPONDER_LISTENERS_H

#include "server/responder/responder.h"

/* The responder's sockets: for each worker one on each address. */
struct listeners {
    struct listen_addr addr[RESPONDER_LISTENS]; /* with the ports that were bound */
    int count;
    int workers;
    int fd[RESPONDER_THREADS][RESPONDER_LISTENS]; /* -1: not open */
};

/*
 * Opens config->listen[] for `workers` workers, and lets the kernel choose among them. Where it
 * cannot, or there is to be but one, l->workers is 1. Returns 0, or -1 with *err and nothing open.
 */
int listeners_open(struct listeners *l, const struct responder_config *config, int workers,
                   const struct log *log, struct err *err);

/* Closes all that is open. */
void listeners_close(struct listeners *l);

#endif
