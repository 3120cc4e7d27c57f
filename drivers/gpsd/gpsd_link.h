/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_GPSD_GPSD_LINK_H
#define TIMEBALL_DRIVERS_GPSD_GPSD_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "refclock/err.h"

/* A TCP connection to gpsd that never waits, cut into lines. */
#define GPSD_LINE_MAX 32768 /* bytes; gpsd's own limit is 10240 */

struct gpsd_link {
    int fd;        /* -1: closed */
    bool skipping; /* inside a line that is too long */
    size_t length; /* of what is there of the next line */
    char line[GPSD_LINE_MAX];
    uint64_t bytes, too_long;
};

/*
 * Reads HOST[:PORT], "localhost" or a numeric address of this machine's loopback ("127.0.0.1",
 * "[::1]:2947"); the port is 2947 where none is named. Another machine's gpsd stamps with another
 * clock and is an error. 0 with *name, *size; or -1 with *err.
 */
int gpsd_link_address(const char *text, struct sockaddr_storage *name, socklen_t *size,
                      struct err *err);

/* Begins to connect; it is done when the descriptor can be written to. 0, or -1 with *err. */
int gpsd_link_open(struct gpsd_link *l, const struct sockaddr_storage *name, socklen_t size,
                   const char *thing, struct err *err);

/* How the connecting has ended: 0, or -1 with *err. */
int gpsd_link_connected(struct gpsd_link *l, const char *thing, struct err *err);

/* Sends the request for JSON of all devices. 0, or -1 with *err. */
int gpsd_link_watch(struct gpsd_link *l, const char *thing, struct err *err);

/*
 * Reads once (at most GPSD_LINE_MAX bytes) and passes each line that is whole, terminated, without
 * its end. `line` may close the link. 1: more may be there; 0: nothing for now; -1 with *err: gone.
 */
int gpsd_link_read(struct gpsd_link *l, void (*line)(void *arg, char *line), void *arg,
                   const char *thing, struct err *err);

/* Allowed when it is closed. */
void gpsd_link_close(struct gpsd_link *l);

#endif
