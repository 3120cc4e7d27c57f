/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/web/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "refclock/civil.h"

#define TURNS 64 /* of the library at one wake-up: so many connections can have something ready */

/* So that nobody holds a connection by moving an octet now and then. */
struct connection {
    bool open;
    int fd;        /* the library's */
    int64_t since; /* ns, opened, or its last request was done */
};

struct http {
    struct http_config config;
    struct MHD_Daemon *daemon;
    struct loop_fd events;
    struct loop_timer tick;
    struct connection connection[HTTP_CONNECTIONS];
};

/* Browsers: nothing from elsewhere, in no frame, never from a store. */
static const char *const headers[][2] = {
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Cross-Origin-Resource-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

struct http_answer http_text(unsigned status, const char *text)
{
    return (struct http_answer){
        .status = status, .type = "text/plain; charset=utf-8", .body = text, .size = strlen(text)};
}

static enum MHD_Result send_answer(struct MHD_Connection *c, const struct http_answer *a)
{
    /* the library takes a pointer to what it does not change */
    struct MHD_Response *r = MHD_create_response_from_buffer(
        a->size, (void *)a->body, a->stays ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    enum MHD_Result result = MHD_NO;
    if (!r)
        return MHD_NO;
    MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->type);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        MHD_add_response_header(r, headers[i][0], headers[i][1]);
    if (a->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    result = MHD_queue_response(c, a->status, r);
    MHD_destroy_response(r);
    return result;
}

static bool has_body(struct MHD_Connection *c)
{
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH) ||
           MHD_lookup_connection_value(c, MHD_HEADER_KIND, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

/*
 * Called when the head of a request is there, and again at its end. With a body it is answered at
 * once, which ends the connection: the body is not read. Without one the connection is kept.
 */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **request)
{
    struct http *h = arg;
    struct http_answer a;
    (void)version;
    (void)upload;
    *upload_size = 0;
    if (!*request && !has_body(c)) {
        *request = h;
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        a = http_text(MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD are answered\n");
    else
        a = h->config.answer(h->config.arg, path, loop_now(h->config.loop));
    return send_answer(c, &a);
}

static void on_connection(void *arg, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http *h = arg;
    struct connection *mine = *context, *end = h->connection + HTTP_CONNECTIONS;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (mine)
            mine->open = false;
        return;
    }
    for (mine = h->connection; mine < end && mine->open;)
        mine++;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (mine == end || !info)
        return;
    *mine = (struct connection){true, info->connect_fd, loop_now(h->config.loop)};
    *context = mine;
}

static void on_done(void *arg, struct MHD_Connection *c, void **request,
                    enum MHD_RequestTerminationCode code)
{
    struct http *h = arg;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *mine = info ? info->socket_context : NULL;
    (void)request;
    (void)code;
    if (mine)
        mine->since = loop_now(h->config.loop);
}

static void turn(struct http *h)
{
    MHD_UNSIGNED_LONG_LONG wait = 0;
    for (int i = 0; i < TURNS; i++) {
        MHD_run(h->daemon);
        if (MHD_get_timeout(h->daemon, &wait) != MHD_YES || wait > 0)
            return;
    }
    loop_after(h->config.loop, &h->tick, 0); /* there is more; others have their turn first */
}

static void on_ready(void *arg, int64_t now, short revents)
{
    (void)now;
    (void)revents;
    turn(arg);
}

/* The library's own time-outs, and ours. It sees a connection that was shut down as closed. */
static void on_tick(void *arg, int64_t now)
{
    struct http *h = arg;
    loop_after(h->config.loop, &h->tick, NS_PER_S);
    for (struct connection *c = h->connection; c < h->connection + HTTP_CONNECTIONS; c++)
        if (c->open && now - c->since > HTTP_PATIENCE * NS_PER_S)
            shutdown(c->fd, SHUT_RDWR);
    turn(h);
}

static const char *remedy(int errnum)
{
    return errnum == EADDRINUSE      ? "another program listens there: choose another port with -l"
           : errnum == EADDRNOTAVAIL ? "-l takes an address of this machine"
           : errnum == EACCES        ? "choose a port from 1024 on with -l"
                                     : "";
}

static int open_socket(const union address *a, struct err *err)
{
    const int on = 1;
    char text[INET6_ADDRSTRLEN], thing[INET6_ADDRSTRLEN + 16];
    bool v6 = a->any.sa_family == AF_INET6;
    snprintf(thing, sizeof thing, "%s port %d", address_text(a, text, sizeof text),
             address_port(a));
    int fd = socket(a->any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return err_errno(err, thing, "", "", errno);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (!bind(fd, &a->any, v6 ? sizeof a->v6 : sizeof a->v4) && !listen(fd, HTTP_CONNECTIONS))
        return fd;
    err_errno(err, thing, remedy(errno), "", errno);
    close(fd);
    return -1;
}

static struct MHD_Daemon *start(struct http *h, int fd)
{
    return MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, on_request, h, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS, MHD_OPTION_PER_IP_CONNECTION_LIMIT,
        HTTP_PER_ADDRESS, MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_done, h, MHD_OPTION_END);
}

int http_open(struct http **out, const struct http_config *config, struct err *err)
{
    int fd = open_socket(config->listen, err);
    struct http *h = fd >= 0 ? calloc(1, sizeof *h) : NULL;
    const union MHD_DaemonInfo *info = NULL;
    *out = NULL;
    if (fd < 0)
        return -1;
    if (h) {
        h->config = *config;
        h->config.listen = NULL;
        h->daemon = start(h, fd);
        info = h->daemon ? MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    }
    if (!info) {
        if (h && h->daemon)
            MHD_stop_daemon(h->daemon); /* closes the socket */
        else
            close(fd);
        free(h);
        return err_set(err, "libmicrohttpd", "", "cannot be started");
    }
    h->events = (struct loop_fd){
        .name = "http", .fd = info->epoll_fd, .events = POLLIN, .ready = on_ready, .arg = h};
    h->tick = (struct loop_timer){.name = "http", .fire = on_tick, .arg = h, .due = INT64_MAX};
    loop_watch(config->loop, &h->events);
    loop_after(config->loop, &h->tick, NS_PER_S);
    *out = h;
    return 0;
}

void http_close(struct http *h)
{
    if (!h)
        return;
    loop_unwatch(h->config.loop, &h->events);
    loop_cancel(h->config.loop, &h->tick);
    MHD_stop_daemon(h->daemon);
    free(h);
}
