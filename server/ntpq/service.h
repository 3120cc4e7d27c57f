/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_NTPQ_SERVICE_H
#define TIMEBALL_SERVER_NTPQ_SERVICE_H

#include "refclock/err.h"
#include "refclock/loop.h"
#include "server/ntpq/ntpq.h"
#include "server/responder/responder.h"

/*
 * Answers the control requests (ntpq) that the responder's workers pass on, in the loop, a few
 * dozen a second: what comes faster waits, and is dropped and counted by the workers once a queue
 * is full. The serving of time does not notice.
 */
#define NTPQ_RATE  50  /* requests answered in a second ... */
#define NTPQ_BURST 100 /* ... after a pause so many at once */

struct ntpq_service;

struct ntpq_service_config {
    struct loop *loop;
    struct responder *responder;               /* opened, not started */
    const struct status *(*status)(void *arg); /* made anew for each request */
    ntpq_clients *clients;                     /* as in struct ntpq_world, with the same arg */
    void *arg;
};

/* All is borrowed and must outlive the service, but for the responder, whose threads must have
 * ended before the service is closed. 0, or -1 with *err. */
int ntpq_service_open(struct ntpq_service **out, const struct ntpq_service_config *config,
                      struct err *err);

/* NULL is allowed. */
void ntpq_service_close(struct ntpq_service *s);

#endif
