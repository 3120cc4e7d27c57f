/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/status/json.h"
#include "server/status/unix_listen.h"

#define SECOND_NS INT64_C(1000000000)

struct client {
    struct status_socket *owner;
    struct loop_fd io; /* io.fd < 0: the place is free */
    bool watch;        /* gets a status each second */
    bool ended;        /* will send no more */
    bool answered;     /* at least once */
    int budget;        /* requests left in this second */
    int64_t since;     /* local time when we began to wait for it */
    size_t got;        /* bytes in request[] */
    char request[STATUS_SOCKET_REQUEST];
    char *out; /* what it has not read yet, allocated; NULL: nothing */
    size_t out_size, out_sent;
};

struct status_socket {
    struct status_socket_config config;
    struct unix_listen unix_listen;
    struct loop_fd io;
    struct status_socket_counts counts;
    struct client client[STATUS_SOCKET_CLIENTS];
};

static void drop(struct client *c)
{
    struct status_socket *s = c->owner;
    loop_unwatch(s->config.loop, &c->io);
    close(c->io.fd);
    free(c->out);
    memset(c, 0, sizeof *c);
    c->owner = s;
    c->io.fd = -1;
    s->counts.clients--;
}

/* Bytes of the first line in request[], newline included; 0: there is none yet. */
static size_t line_length(const struct client *c)
{
    const char *newline = memchr(c->request, '\n', c->got);
    return newline ? (size_t)(newline - c->request) + 1 : 0;
}

/* What to be woken for. A line that waits its turn is come back to by POLLOUT. */
static void choose_events(struct client *c)
{
    bool may_ask = c->budget > 0 && !c->out;
    c->io.events = 0;
    if (c->out || (may_ask && line_length(c)))
        c->io.events = POLLOUT;
    if (may_ask && !c->ended)
        c->io.events = (short)(c->io.events | POLLIN);
}

/* Sends what can be sent now. -1: the client is gone (and dropped). */
static int flush(struct client *c)
{
    while (c->out) {
        ssize_t n = send(c->io.fd, c->out + c->out_sent, c->out_size - c->out_sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return 0;
        if (n < 0) {
            drop(c);
            return -1;
        }
        c->out_sent += (size_t)n;
        if (c->out_sent == c->out_size) {
            free(c->out);
            c->out = NULL;
        }
    }
    return 0;
}

/* Takes over `line` and sends it. -1: the client is gone. */
static int say(struct client *c, char *line, int64_t now)
{
    if (!line || c->out) { /* no memory; or it has not read the last one */
        free(line);
        drop(c);
        return -1;
    }
    c->out = line;
    c->out_size = strlen(line);
    c->out_sent = 0;
    c->since = now;
    return flush(c);
}

static char *unknown_request(const char *word)
{
    char why[512];
    int n = snprintf(why, sizeof why, "unknown request '%.40s'; known: watch", word);
    for (const struct status_request *r = status_requests; r->word; r++)
        n += snprintf(why + n, sizeof why - (size_t)n, ", %s", r->word);
    return status_json_error(why);
}

static bool known(const char *word)
{
    for (const struct status_request *r = status_requests; r->word; r++)
        if (!strcmp(r->word, word))
            return true;
    return false;
}

/* The answer to the request word; NULL: there is no memory for it. */
static char *answer(struct client *c, const char *word, int64_t now)
{
    struct status_socket *s = c->owner;
    bool watch = !strcmp(word, "watch");
    word = watch ? "status" : word;
    char *line = s->config.answer(s->config.arg, word, now);
    c->watch = c->watch || watch;
    if (!line && !known(word)) {
        s->counts.unknown++;
        return unknown_request(word);
    }
    s->counts.requests += line != NULL;
    return line;
}

/* Answers the first line that has arrived, if there is one. */
static void serve(struct client *c, int64_t now)
{
    char word[STATUS_SOCKET_REQUEST];
    size_t length = line_length(c), blank;
    if (!length || c->out || c->budget <= 0)
        return;
    snprintf(word, sizeof word, "%.*s", (int)length - 1, c->request);
    blank = strlen(word);
    while (blank && (word[blank - 1] == '\r' || word[blank - 1] == ' '))
        word[--blank] = 0;
    c->got -= length;
    memmove(c->request, c->request + length, c->got);
    c->budget--;
    c->answered = true;
    say(c, answer(c, word, now), now);
}

/* Reads what fits. -1: the client is gone. */
static int take_bytes(struct client *c, int64_t now)
{
    size_t room = sizeof c->request - c->got;
    ssize_t n = room ? recv(c->io.fd, c->request + c->got, room, MSG_DONTWAIT) : -1;
    if (n > 0) {
        if (!c->got)
            c->since = now; /* patience counts from the first byte of a line */
        c->got += (size_t)n;
    }
    if (n == 0)
        c->ended = true;
    if (n < 0 && room && errno != EAGAIN && errno != EINTR) {
        drop(c);
        return -1;
    }
    if (!line_length(c) && c->got == sizeof c->request) {
        c->owner->counts.oversize++;
        char *line = status_json_error("request line is longer than 256 bytes");
        if (!say(c, line, now))
            drop(c);
        return -1;
    }
    return 0;
}

static void client_ready(void *arg, int64_t now, short revents)
{
    struct client *c = arg;
    if (flush(c))
        return;
    if (revents & POLLIN && c->io.events & POLLIN && take_bytes(c, now))
        return;
    serve(c, now);
    if (c->io.fd < 0)
        return;
    bool gone = revents & (POLLHUP | POLLERR) && !(revents & POLLIN);
    bool done = c->ended && !c->watch && !c->out && !line_length(c);
    if (gone || done)
        drop(c);
    else
        choose_events(c);
}

/*
 * How long a client must have kept us waiting, ns, to be dropped for a new one: whoever asks gets
 * an answer, however many others only hold their places.
 */
static int64_t held(const struct client *c)
{
    if (c->out)
        return SECOND_NS;
    if (c->watch)
        return INT64_MAX; /* it waits for us */
    return c->answered && !c->got ? STATUS_SOCKET_PATIENCE * SECOND_NS : 0;
}

/* Drops the client that has kept us waiting for longest. False: nobody has for too long. */
static bool make_room(struct status_socket *s, int64_t now)
{
    struct client *longest = NULL;
    for (struct client *c = s->client; c < s->client + STATUS_SOCKET_CLIENTS; c++)
        if (c->io.fd >= 0 && now - c->since >= held(c) && (!longest || c->since < longest->since))
            longest = c;
    if (!longest)
        return false;
    s->counts.displaced++;
    drop(longest);
    return true;
}

static struct client *free_place(struct status_socket *s, int64_t now)
{
    for (struct client *c = s->client; c < s->client + STATUS_SOCKET_CLIENTS; c++)
        if (c->io.fd < 0)
            return c;
    return make_room(s, now) ? free_place(s, now) : NULL;
}

/* No descriptor, or no memory for one: somebody makes room, or it is tried again at the next tick,
 * for it stays readable. */
static void not_accepted(struct status_socket *s, int64_t now, int errnum)
{
    if (errnum != EMFILE && errnum != ENFILE && errnum != ENOMEM && errnum != ENOBUFS)
        return;
    s->counts.accept_errors++;
    if (!make_room(s, now))
        s->io.events = 0;
}

static void refuse(struct status_socket *s, int fd)
{
    char *line = status_json_error("too many clients: ask again in a second");
    s->counts.refused++;
    if (line)
        (void)!send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    free(line);
    close(fd);
}

/* One connection a wake-up, so that a storm of them does not hold up the loop's other work. */
static void listener_ready(void *arg, int64_t now, short revents)
{
    struct status_socket *s = arg;
    (void)revents;
    int fd = accept4(s->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        not_accepted(s, now, errno);
        return;
    }
    struct client *c = free_place(s, now);
    if (!c) {
        refuse(s, fd);
        return;
    }
    c->io = (struct loop_fd){
        .name = "status client", .fd = fd, .events = POLLIN, .ready = client_ready, .arg = c};
    c->since = now;
    c->budget = STATUS_SOCKET_RATE;
    s->counts.clients++;
    s->counts.accepted++;
    loop_watch(s->config.loop, &c->io);
    client_ready(c, now, POLLIN); /* it may have asked already: then nobody takes its place */
}

/* True when the client was kept waiting for, or kept us waiting, too long, and is dropped. */
static bool out_of_patience(struct client *c, int64_t now)
{
    struct status_socket *s = c->owner;
    int64_t waited = now - c->since;
    bool reading = c->out, half = c->got || !c->answered;
    int64_t limit = reading || half ? STATUS_SOCKET_PATIENCE : STATUS_SOCKET_IDLE;
    if (waited < limit * SECOND_NS || (c->watch && !reading))
        return false;
    if (reading)
        s->counts.slow++;
    else
        s->counts.timeouts++;
    drop(c);
    return true;
}

/* A status for one that watches; made once for all of them. */
static char *fresh_status(struct status_socket *s, char **made, int64_t now)
{
    if (!*made)
        *made = s->config.answer(s->config.arg, "status", now);
    return *made ? strdup(*made) : NULL;
}

static void tick_client(struct client *c, char **made, int64_t now)
{
    struct status_socket *s = c->owner;
    if (c->io.fd < 0 || out_of_patience(c, now))
        return;
    c->budget = STATUS_SOCKET_RATE;
    if (c->watch && c->out) {
        s->counts.slow++;
        drop(c);
        return;
    }
    if (c->watch && say(c, fresh_status(s, made, now), now))
        return;
    choose_events(c);
}

void status_socket_tick(struct status_socket *s, int64_t now)
{
    char *made = NULL;
    s->io.events = POLLIN;
    for (struct client *c = s->client; c < s->client + STATUS_SOCKET_CLIENTS; c++)
        tick_client(c, &made, now);
    free(made);
}

int status_socket_open(struct status_socket **out, const struct status_socket_config *config,
                       struct err *err)
{
    struct status_socket *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, config->path, "", "out of memory");
    if (unix_listen_open(&s->unix_listen, config->path, 0660, "statussocket", err)) {
        free(s);
        return -1;
    }
    s->config = *config;
    s->config.path = s->unix_listen.path;
    for (struct client *c = s->client; c < s->client + STATUS_SOCKET_CLIENTS; c++) {
        c->owner = s;
        c->io.fd = -1;
    }
    s->io = (struct loop_fd){.name = "status socket",
                             .fd = s->unix_listen.fd,
                             .events = POLLIN,
                             .ready = listener_ready,
                             .arg = s};
    loop_watch(config->loop, &s->io);
    *out = s;
    return 0;
}

void status_socket_counts(const struct status_socket *s, struct status_socket_counts *counts)
{
    *counts = s->counts;
}

void status_socket_close(struct status_socket *s)
{
    if (!s)
        return;
    for (struct client *c = s->client; c < s->client + STATUS_SOCKET_CLIENTS; c++)
        if (c->io.fd >= 0)
            drop(c);
    loop_unwatch(s->config.loop, &s->io);
    unix_listen_close(&s->unix_listen);
    free(s);
}
