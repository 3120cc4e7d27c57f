/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_WEB_HTTP_H
#define TIMEBALL_SERVER_WEB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "refclock/err.h"
#include "refclock/loop.h"
#include "server/net/address.h"

/*
 * A small HTTP server in the loop (libmicrohttpd), for the programs that stand between the status
 * socket and a network: GET and HEAD only, nothing is taken in, nothing is cached by browsers, and
 * pages may fetch from this server alone. The daemon itself never speaks HTTP.
 */
#define HTTP_CONNECTIONS 64    /* at a time; more wait in the kernel's queue */
#define HTTP_PER_ADDRESS 24    /* of them, from one address; more are closed */
#define HTTP_IDLE        10    /* s in which nothing moves */
#define HTTP_PATIENCE    30    /* s for a whole request and its answer, however it moves */
#define HTTP_MEMORY      16384 /* octets for the head of a request and of its answer */

struct http;

/* What a path is answered with. */
struct http_answer {
    unsigned status;  /* 200, ... (RFC 9110 section 15) */
    const char *type; /* Content-Type */
    const void *body; /* copied before the callback is called again, unless `stays` */
    size_t size;      /* octets */
    bool stays;       /* the body is constant data of the program */
};

struct http_config {
    struct loop *loop;           /* borrowed */
    const union address *listen; /* copied */
    /* `path`: decoded, without a query. Called in the loop, for GET and HEAD alike. */
    struct http_answer (*answer)(void *arg, const char *path, int64_t now);
    void *arg;
};

/* Plain text with that status. */
struct http_answer http_text(unsigned status, const char *text);

/*
 * "ADDRESS:PORT", an IPv6 address in brackets: "127.0.0.1:8123", "[::1]:8123", "0.0.0.0:80". `word`
 * is the option that said so, for the message. 0, or -1 with *err.
 */
int http_address(const char *text, const char *word, union address *a, struct err *err);

/* Begins to listen. 0, or -1 with *err: the port is taken, the address is not ours, no right. */
int http_open(struct http **out, const struct http_config *config, struct err *err);

/* Closes all connections. NULL is allowed. */
void http_close(struct http *h);

/*
 * A whole program: listens (config->loop is filled in here), says so on stderr, and serves until
 * SIGTERM or SIGINT. `name` is the program's. 0, or -1 with *err.
 */
int http_run(const char *name, struct http_config *config, struct err *err);

#endif
