/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_NOTIFY_H
#define TIMEBALL_SERVER_DAEMON_NOTIFY_H

#include <stdint.h>

/*
 * Tells the service manager that started us how we are (the protocol of sd_notify(3): a datagram of
 * VARIABLE=VALUE lines to the socket that NOTIFY_SOCKET names). Where nobody asked, nothing is
 * said.
 */
struct notify {
    int fd;           /* -1: nobody wants to know */
    int64_t watchdog; /* ns, between signs of life; 0: none are wanted */
    int64_t last;     /* local, ns, of the last one */
    char status[256]; /* as said last */
};

/* Reads the environment, and takes the variables out of it. */
void notify_open(struct notify *n);

/* All is open, and requests are answered. */
void notify_ready(struct notify *n);

/* Once a second, from the loop: a sign of life, and `sentence` (one line) when it is another. */
void notify_tick(struct notify *n, int64_t now, const char *sentence);

/* The end has begun. */
void notify_stopping(struct notify *n);

/* Says no more. */
void notify_close(struct notify *n);

#endif
