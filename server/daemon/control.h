/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_CONTROL_H
#define TIMEBALL_SERVER_DAEMON_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "refclock/log.h"
#include "refclock/loop.h"
#include "server/status/status.h"

/*
 * The control socket: a Unix stream socket, mode 0600, in the loop, for root and the daemon's own
 * user alone (SO_PEERCRED, unix(7)). A client sends a line of words; the answer is JSON, an object
 * a line (timeball-status(7)), maybe much later, or bytes without end. Each request is logged
 * with its sender. Nobody is waited for: who does not read, or sends half a request, is dropped.
 */
#define CONTROL_CLIENTS  8            /* at a time, those that left while a request ran included */
#define CONTROL_LINE     512          /* bytes of a request, the newline included */
#define CONTROL_WORDS    16           /* of a request */
#define CONTROL_BACKLOG  (512 * 1024) /* bytes that a client may leave unread */
#define CONTROL_PATIENCE 10           /* s for a request to arrive, or an answer to be read */
#define CONTROL_IDLE     300          /* s without a request after an answer */
#define CONTROL_RATE     10           /* requests a second of one client; more must wait */

struct control;
struct control_client;

/*
 * One row a command; a row without a word ends the table. `run` gets the words after the command's
 * own, borrowed for the call: 0, and control_say() ends the answer now or later; or -1 with *err,
 * which is the answer. `arg` is the configuration's.
 */
struct control_command {
    const char *word, *usage, *help;
    int (*run)(void *arg, struct control_client *c, const char *const *words, size_t count,
               struct err *err);
};

struct control_config {
    const char *path;  /* copied */
    struct loop *loop; /* borrowed, as all that follows */
    const struct log *log;
    const struct control_command *commands;
    void *arg;
};

/*
 * Makes the socket and adds it to the loop; as status_socket_open() otherwise, the umask included.
 * 0, or -1 with *err.
 */
int control_open(struct control **out, const struct control_config *config, struct err *err);

/* Once a second: drops those who are too slow. NULL is allowed. */
void control_tick(struct control *c, int64_t now);

/* What it has counted so far. Not NULL. */
void control_counts(const struct control *c, struct status_control *to);

/* Drops all clients, tells those who stream (see below) and removes the socket, if it is still
 * ours. What still runs must not call control_say() afterwards. NULL is allowed. */
void control_close(struct control *c);

/*
 * A line of the answer. `last` ends the request, and must come once, also when the client has left
 * meanwhile (the line goes nowhere then); `failed` says how it ended.
 */
void control_say(struct control_client *c, const char *line, bool last, bool failed);

/*
 * Turns the connection into a stream of bytes, after {"version":1,"stream":true}; it takes no more
 * requests. `gone` is called once when the client has left, or was dropped because it is
 * CONTROL_BACKLOG behind; control_send() is not to be called after it. False: that has happened.
 */
bool control_stream(struct control_client *c, void (*gone)(void *arg), void *arg);
/* False when the client is gone now (`gone` was called). */
bool control_send(struct control_client *c, const void *bytes, size_t size);

#endif
