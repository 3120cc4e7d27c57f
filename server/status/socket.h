/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_STATUS_SOCKET_H
#define TIMEBALL_SERVER_STATUS_SOCKET_H

#include <stdint.h>

#include "refclock/err.h"
#include "refclock/loop.h"
#include "server/status/status.h"

/*
 * The status socket: a Unix stream socket, read only, in the loop. A client sends a line with one
 * word, and gets one JSON object a line (timeball-status(7)); "watch" gets a "status" each
 * second until it leaves. Nobody is waited for: who does not read, or sends half a request, is
 * dropped; at once when somebody else needs the place or the descriptor.
 */
#define STATUS_SOCKET_CLIENTS  64  /* at a time */
#define STATUS_SOCKET_REQUEST  256 /* bytes of a request line, the newline included */
#define STATUS_SOCKET_PATIENCE 10  /* s for a request to arrive, or an answer to be read */
#define STATUS_SOCKET_IDLE     300 /* s without a request after an answer */
#define STATUS_SOCKET_RATE     20  /* requests a second of one client; more must wait */

struct status_socket;

struct status_socket_config {
    const char *path;  /* copied */
    struct loop *loop; /* borrowed */
    /*
     * The answer to a request word: a line with its newline, allocated, or NULL when the word is
     * not known. `now` is the local scale of a moment between the request and the answer.
     */
    char *(*answer)(void *arg, const char *request, int64_t now);
    void *arg;
};

/*
 * Makes the socket (mode 0660, its folder too when that is missing) and adds it to the loop. A
 * socket that a dead daemon left is replaced; a living one, or anything that is not a socket, is
 * left alone and an error. The process's umask is changed for the moment of bind(2): call it before
 * there are threads. Returns 0, or -1 with *err.
 */
int status_socket_open(struct status_socket **out, const struct status_socket_config *config,
                       struct err *err);

/* Once a second, when the status is fresh: serves those who watch, drops those who are too slow. */
void status_socket_tick(struct status_socket *s, int64_t now);

/* What it has counted so far. */
void status_socket_counts(const struct status_socket *s, struct status_socket_counts *counts);

/* Closes all clients and removes the socket, if it is still ours. NULL is allowed. */
void status_socket_close(struct status_socket *s);

#endif
