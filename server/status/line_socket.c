/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/line_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/status/json.h"

#define SECOND_NS INT64_C(1000000000)

/* The request that runs keeps its place until its last line. */
void line_client_drop(struct line_client *c)
{
    const struct line_client left = *c;
    if (left.io.fd < 0)
        return;
    loop_unwatch(left.owner->config.loop, &c->io);
    close(left.io.fd);
    free(left.out);
    *c = (struct line_client){.owner = left.owner,
                              .io.fd = -1,
                              .mode = left.mode == LINE_RUNS ? LINE_RUNS : LINE_ASKS,
                              .request = left.request};
    left.owner->counts.clients--;
    if (left.gone)
        left.gone(left.gone_arg);
}

/* Bytes of the first line in request[], newline included; 0: there is none yet. */
static size_t line_length(const struct line_client *c)
{
    const char *newline = memchr(c->request, '\n', c->got);
    return newline ? (size_t)(newline - c->request) + 1 : 0;
}

static bool may_ask(const struct line_client *c)
{
    return c->budget > 0 && !c->unread && (c->mode == LINE_ASKS || c->mode == LINE_WATCHES);
}

/* What to be woken for. A line that waits its turn is come back to by POLLOUT. */
static void choose_events(struct line_client *c)
{
    c->io.events = 0;
    if (c->unread || (may_ask(c) && line_length(c)))
        c->io.events = POLLOUT;
    if ((may_ask(c) || c->mode == LINE_STREAMS) && !c->ended)
        c->io.events = (short)(c->io.events | POLLIN);
}

void line_client_become(struct line_client *c, enum line_mode mode)
{
    c->mode = mode;
    choose_events(c);
}

/* ---- answers ---- */

/* Sends what can be sent now. False: the client is gone (and dropped). */
static bool flush(struct line_client *c)
{
    const struct line_socket_config *config = &c->owner->config;
    while (c->unread) {
        ssize_t n = send(c->io.fd, c->out, c->unread, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return true;
        if (n < 0) {
            line_client_drop(c);
            return false;
        }
        c->unread -= (size_t)n;
        memmove(c->out, c->out + n, c->unread);
        if (config->backlog)
            c->since = loop_now(config->loop);
    }
    free(c->out);
    c->out = NULL;
    return true;
}

/* Adds to what is unread. False: that is too much, or there is no memory. */
static bool keep(struct line_client *c, const void *bytes, size_t size)
{
    size_t unread = c->unread + size;
    if (c->unread && unread > c->owner->config.backlog)
        return false;
    char *out = realloc(c->out, c->unread ? (unread | 4095) + 1 : unread);
    if (!out)
        return false;
    if (!c->unread)
        c->since = loop_now(c->owner->config.loop);
    memcpy(out + c->unread, bytes, size);
    c->out = out;
    c->unread = unread;
    return true;
}

bool line_client_put(struct line_client *c, const void *bytes, size_t size)
{
    if (c->io.fd < 0)
        return false;
    if (!keep(c, bytes, size)) {
        c->owner->counts.slow++;
        line_client_drop(c);
        return false;
    }
    bool there = flush(c);
    choose_events(c);
    return there;
}

bool line_client_say(struct line_client *c, char *text)
{
    bool there = text && line_client_put(c, text, strlen(text));
    if (!text)
        line_client_drop(c);
    free(text);
    return there;
}

/* ---- requests ---- */

/* Hands over the first line that has arrived, if there is one. */
static void serve(struct line_client *c, int64_t now)
{
    const struct line_socket_config *config = &c->owner->config;
    char line[LINE_SOCKET_LONGEST];
    size_t length = line_length(c);
    if (!length || !may_ask(c))
        return;
    snprintf(line, sizeof line, "%.*s", (int)length - 1, c->request);
    c->got -= length;
    memmove(c->request, c->request + length, c->got);
    c->budget--;
    c->answered = true;
    c->since = now;
    config->request(config->arg, c, line, now);
}

static void too_long(struct line_client *c)
{
    char why[64];
    snprintf(why, sizeof why, "request line is longer than %zu bytes", c->owner->config.line);
    c->owner->counts.oversize++;
    line_client_say(c, status_json_error(why));
    line_client_drop(c);
}

/* Reads what fits. The client may be gone afterwards. */
static void take_bytes(struct line_client *c, int64_t now)
{
    size_t line = c->owner->config.line;
    bool stream = c->mode == LINE_STREAMS;
    if (stream)
        c->got = 0; /* what it says now is not heard */
    size_t room = line - c->got;
    ssize_t n = room ? recv(c->io.fd, c->request + c->got, room, MSG_DONTWAIT) : -1;
    bool failed = n < 0 && room && errno != EAGAIN && errno != EINTR;
    if (n > 0) {
        if (!c->got)
            c->since = now; /* patience counts from the first byte of a line */
        c->got += (size_t)n;
    }
    if (n == 0)
        c->ended = true;
    if (failed || (stream && c->ended))
        line_client_drop(c);
    else if (!stream && c->got == line && !line_length(c))
        too_long(c);
}

static void client_ready(void *arg, int64_t now, short revents)
{
    struct line_client *c = arg;
    if (flush(c) && revents & POLLIN && c->io.events & POLLIN)
        take_bytes(c, now);
    serve(c, now);
    if (c->io.fd < 0)
        return;
    bool gone = revents & (POLLHUP | POLLERR) && !(revents & POLLIN);
    bool done = c->mode == LINE_ASKS && c->ended && !line_length(c);
    if (gone || (done && !c->unread))
        line_client_drop(c);
    else
        choose_events(c);
}

/* ---- clients ---- */

static bool make_room(struct line_socket *s, int64_t now)
{
    return s->config.make_room && s->config.make_room(s->config.arg, now);
}

static struct line_client *free_place(struct line_socket *s, int64_t now)
{
    for (struct line_client *c = s->config.client; c < s->config.client + s->config.clients; c++)
        if (c->io.fd < 0 && c->mode != LINE_RUNS)
            return c;
    return make_room(s, now) ? free_place(s, now) : NULL;
}

/* No descriptor, or no memory for one: somebody makes room, or it is tried again at the next tick,
 * for it stays readable. */
static void not_accepted(struct line_socket *s, int64_t now, int errnum)
{
    if (errnum != EMFILE && errnum != ENFILE && errnum != ENOMEM && errnum != ENOBUFS)
        return;
    s->counts.accept_errors++;
    if (!make_room(s, now))
        s->io.events = 0;
}

static void refuse(int fd, const char *why)
{
    char *line = status_json_error(why);
    if (line)
        (void)!send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    free(line);
    close(fd);
}

static void let_in(struct line_client *c, int fd, int64_t now)
{
    struct line_socket *s = c->owner;
    c->io = (struct loop_fd){
        .name = s->config.directive, .fd = fd, .events = POLLIN, .ready = client_ready, .arg = c};
    c->mode = LINE_ASKS;
    c->since = now;
    c->budget = s->config.rate;
    s->counts.clients++;
    s->counts.accepted++;
    loop_watch(s->config.loop, &c->io);
    client_ready(c, now, POLLIN); /* it may have asked already: then nobody takes its place */
}

/* One connection a wake-up, so that a storm of them does not hold up the loop's other work. */
static void listener_ready(void *arg, int64_t now, short revents)
{
    struct line_socket *s = arg;
    (void)revents;
    int fd = accept4(s->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        not_accepted(s, now, errno);
        return;
    }
    const char *why = s->config.refusal ? s->config.refusal(s->config.arg, fd, now) : NULL;
    struct line_client *c = why ? NULL : free_place(s, now);
    s->counts.refused += !why && !c;
    if (c)
        let_in(c, fd, now);
    else
        refuse(fd, why ? why : s->config.full);
}

static void tick_client(struct line_client *c, int64_t now)
{
    struct line_socket *s = c->owner;
    int64_t waited = now - c->since;
    bool half = c->got || !c->answered;
    bool awaited = c->unread || c->mode == LINE_ASKS;
    int64_t limit = c->unread || half ? s->config.patience : s->config.idle;
    if (c->io.fd < 0)
        return;
    if (waited >= limit * SECOND_NS && awaited) {
        ++*(c->unread ? &s->counts.slow : &s->counts.timeouts);
        line_client_drop(c);
        return;
    }
    c->budget = s->config.rate;
    choose_events(c);
}

void line_socket_tick(struct line_socket *s, int64_t now)
{
    s->io.events = POLLIN;
    for (size_t i = 0; i < s->config.clients; i++)
        tick_client(&s->config.client[i], now);
}

int line_socket_open(struct line_socket *s, struct err *err)
{
    const struct line_socket_config *config = &s->config;
    if (unix_listen_open(&s->unix_listen, config->path, config->mode, config->directive, err))
        return -1;
    for (size_t i = 0; i < config->clients; i++)
        config->client[i] = (struct line_client){
            .owner = s, .io.fd = -1, .request = config->requests + i * config->line};
    s->io = (struct loop_fd){.name = config->directive,
                             .fd = s->unix_listen.fd,
                             .events = POLLIN,
                             .ready = listener_ready,
                             .arg = s};
    loop_watch(config->loop, &s->io);
    return 0;
}

void line_socket_close(struct line_socket *s)
{
    for (size_t i = 0; i < s->config.clients; i++)
        line_client_drop(&s->config.client[i]);
    loop_unwatch(s->config.loop, &s->io);
    unix_listen_close(&s->unix_listen);
}
