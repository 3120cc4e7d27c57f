/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_RIGHTS_REALTIME_H
#define TIMEBALL_SERVER_RIGHTS_REALTIME_H

#include <stdbool.h>
#include <stdint.h>

#include "refclock/err.h"

/*
 * What makes the machine slow to notice a pulse, as far as a process may change it; each only where
 * the configuration asks for it.
 */
struct realtime_config {
    int64_t priority;   /* 1..99: SCHED_FIFO for the thread that fetches pulses; 0: none */
    bool lock;          /* its memory is never paged out (mlockall(2)) */
    int64_t latency_us; /* processors must wake up within so many us; negative: left alone */
};

struct realtime {
    struct realtime_config in_force;
    int latency_fd; /* held open: with it closed the promise ends; -1: none */
};

/*
 * Applies it to the calling thread and the process; threads that are made later do not inherit the
 * priority. Needs rights (CAP_SYS_NICE, CAP_IPC_LOCK, /dev/cpu_dma_latency), so before they are
 * given up. 0, or -1 with *err.
 */
int realtime_apply(struct realtime *r, const struct realtime_config *config, struct err *err);

/* Gives up what is held. */
void realtime_end(struct realtime *r);

#endif
