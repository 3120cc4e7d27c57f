/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_STATUS_LINE_SOCKET_H
#define TIMEBALL_SERVER_STATUS_LINE_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "refclock/loop.h"
#include "server/status/status.h"
#include "server/status/unix_listen.h"

/*
 * A Unix stream socket in the loop whose clients send requests, a line each, and read answers: what
 * the status socket and the control socket have in common. Requests of a client are taken one after
 * the other, the next when the answer was read. Nobody is waited for: who does not read, or sends
 * half a request, is dropped.
 */
#define LINE_SOCKET_LONGEST 512 /* bytes of a request line, the newline included */

enum line_mode {
    LINE_ASKS,    /* sends requests, and is dropped when it is silent for too long */
    LINE_WATCHES, /* the same, but it may be silent */
    LINE_RUNS,    /* its request is not answered yet; when it leaves, its place is kept */
    LINE_STREAMS, /* only bytes go out; what it says is not heard */
};

/* A client's place. The socket's owner reads it; it sets `gone`, and the rest by the functions
 * below. */
struct line_client {
    struct line_socket *owner;
    struct loop_fd io; /* io.fd < 0: it has left, or the place is free */
    enum line_mode mode;
    bool ended;    /* will send no more */
    bool answered; /* at least once */
    int budget;    /* requests left in this second */
    int64_t since; /* local time when we began to wait for it */
    char *request;
    size_t got; /* bytes in request[] */
    char *out;  /* what it has not read yet, allocated; NULL: nothing */
    size_t unread;
    void (*gone)(void *arg); /* called once when it has left; NULL: nobody is told */
    void *gone_arg;
};

struct line_socket_config {
    const char *path, *directive; /* as unix_listen_open() has them; the path is copied */
    mode_t mode;
    struct loop *loop;          /* borrowed, as all that follows */
    const char *full;           /* why one too many is refused */
    struct line_client *client; /* [clients], zero */
    char *requests;             /* room for `clients` lines of `line` bytes */
    size_t clients, line;
    /* Bytes that may be unread with more to come: whoever reads some has the whole patience again.
     * 0: one answer at a time. */
    size_t backlog;
    int rate;     /* requests a second of one client; more must wait */
    int patience; /* s for a request to arrive, or an answer to be read */
    int idle;     /* s without a request after an answer */
    /* A request, without its newline; to be answered by line_client_say() or _put(). */
    void (*request)(void *arg, struct line_client *c, char *line, int64_t now);
    /* Why a connection is refused, or NULL. NULL itself: all are welcome. */
    const char *(*refusal)(void *arg, int fd, int64_t now);
    /* Drops somebody for a new one; false: nobody was. NULL: never. */
    bool (*make_room)(void *arg, int64_t now);
    void *arg;
};

struct line_socket {
    struct line_socket_config config; /* set before it is opened */
    struct unix_listen unix_listen;
    struct loop_fd io;
    struct status_socket_counts counts; /* requests, unknown and displaced: its owner's */
};

/* Makes the socket of s->config by unix_listen_open() and adds it to the loop. Returns 0, or -1
 * with *err. */
int line_socket_open(struct line_socket *s, struct err *err);

/* Once a second: drops those who are too slow, and the others may ask again. */
void line_socket_tick(struct line_socket *s, int64_t now);

/* Drops all clients and removes the socket, if it is still ours. */
void line_socket_close(struct line_socket *s);

/* Sends bytes, now or when there is room. False: the client is gone, or dropped because it is too
 * far behind. */
bool line_client_put(struct line_client *c, const void *bytes, size_t size);

/* The same with a text, which it takes over. NULL: there was no memory for it, the client goes. */
bool line_client_say(struct line_client *c, char *text);

/* Changes what is waited for. */
void line_client_become(struct line_client *c, enum line_mode mode);

/* Closes the connection; one that has left is left alone. */
void line_client_drop(struct line_client *c);

#endif
