/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/control.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/status/json.h"
#include "server/status/unix_listen.h"

#define SECOND_NS INT64_C(1000000000)

struct control_client {
    struct control *owner;
    struct loop_fd io; /* io.fd < 0: it has left, or the place is free */
    struct ucred peer;
    bool running; /* a request is: the place is not free */
    bool stream;  /* only bytes go out */
    bool ending;  /* is dropped when all is read */
    bool ended;   /* will send no more */
    bool answered;
    int budget;    /* requests left in this second */
    int64_t since; /* local time when we began to wait for it */
    size_t got;
    char request[CONTROL_LINE];
    char *out; /* what it has not read yet; allocated */
    size_t out_size, out_sent, out_room;
    void (*gone)(void *arg);
    void *gone_arg;
};

struct control {
    struct control_config config;
    struct unix_listen unix_listen;
    struct loop_fd io;
    struct control_counts counts;
    struct log_limit strangers;
    struct control_client client[CONTROL_CLIENTS];
};

/* The request that runs keeps its place until its last line. */
static void drop(struct control_client *c)
{
    struct control *s = c->owner;
    void (*gone)(void *) = c->gone;
    void *arg = c->gone_arg;
    bool running = c->running;
    if (c->io.fd >= 0) {
        loop_unwatch(s->config.loop, &c->io);
        close(c->io.fd);
        s->counts.clients--;
    }
    free(c->out);
    memset(c, 0, sizeof *c);
    c->owner = s;
    c->io.fd = -1;
    c->running = running && !gone;
    if (gone)
        gone(arg);
}

/* Bytes of the first line in request[], newline included; 0: there is none yet. */
static size_t line_length(const struct control_client *c)
{
    const char *newline = memchr(c->request, '\n', c->got);
    return newline ? (size_t)(newline - c->request) + 1 : 0;
}

static void choose_events(struct control_client *c)
{
    bool may_ask = c->budget > 0 && !c->out && !c->running && !c->ending;
    c->io.events = 0;
    if (c->out || c->ending || (may_ask && line_length(c)))
        c->io.events = POLLOUT;
    if ((may_ask || c->stream) && !c->ended)
        c->io.events = (short)(c->io.events | POLLIN);
}

/* Sends what can be sent now. -1: the client is gone (and dropped). */
static int flush(struct control_client *c)
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
        c->since = loop_now(c->owner->config.loop);
        c->out_sent += (size_t)n;
        if (c->out_sent == c->out_size) {
            free(c->out);
            c->out = NULL;
            c->out_size = c->out_sent = c->out_room = 0;
        }
    }
    return 0;
}

/* Makes room for `size` bytes more. -1: that is too many, or there is no memory. */
static int make_room(struct control_client *c, size_t size)
{
    size_t unread = c->out_size - c->out_sent;
    if (size > CONTROL_BACKLOG - unread)
        return -1;
    if (c->out && c->out_sent) {
        memmove(c->out, c->out + c->out_sent, unread);
        c->out_size = unread;
        c->out_sent = 0;
    }
    if (c->out_size + size <= c->out_room)
        return 0;
    size_t room = 2 * c->out_room > c->out_size + size ? 2 * c->out_room : c->out_size + size;
    char *out = realloc(c->out, room);
    if (!out)
        return -1;
    c->out = out;
    c->out_room = room;
    return 0;
}

/* False: the client is gone. */
static bool put(struct control_client *c, const void *bytes, size_t size)
{
    if (c->io.fd < 0 || !size)
        return c->io.fd >= 0;
    if (make_room(c, size)) {
        c->owner->counts.slow++;
        drop(c);
        return false;
    }
    if (!c->out_size)
        c->since = loop_now(c->owner->config.loop);
    memcpy(c->out + c->out_size, bytes, size);
    c->out_size += size;
    if (flush(c))
        return false;
    choose_events(c);
    return true;
}

/* Takes over `line`. */
static bool put_line(struct control_client *c, char *line)
{
    bool there = line && put(c, line, strlen(line));
    if (!line && c->io.fd >= 0)
        drop(c);
    free(line);
    return there;
}

static char *answer_line(const char *text, bool last, bool failed)
{
    char *line = NULL;
    json_t *o = json_pack("{s:i, s:s, s:b, s:b}", "version", STATUS_VERSION, "line", text, "last",
                          last, "failed", failed);
    char *json = o ? json_dumps(o, JSON_COMPACT) : NULL;
    if (json && asprintf(&line, "%s\n", json) < 0)
        line = NULL;
    free(json);
    json_decref(o);
    return line;
}

/* What a receiver sent may be no UTF-8, which JSON cannot hold. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || (unsigned char)*text >= 0x7f)
            *text = '?';
}

void control_say(struct control_client *c, const char *line, bool last, bool failed)
{
    char text[1024];
    snprintf(text, sizeof text, "%s", line);
    make_printable(text);
    c->running = c->running && !last;
    c->owner->counts.failed += last && failed;
    put_line(c, answer_line(text, last, failed));
}

bool control_stream(struct control_client *c, void (*gone)(void *arg), void *arg)
{
    static const char begin[] = "{\"version\":1,\"stream\":true}\n";
    c->stream = true;
    c->gone = gone;
    c->gone_arg = arg;
    return put(c, begin, sizeof begin - 1);
}

bool control_send(struct control_client *c, const void *bytes, size_t size)
{
    return put(c, bytes, size);
}

void control_stream_end(struct control_client *c)
{
    c->gone = NULL;
    c->running = c->stream = false;
    c->ending = true;
    if (c->io.fd >= 0)
        choose_events(c);
}

/* ---- requests ---- */

static char *unknown_command(const struct control *s, const char *word)
{
    char why[300];
    int n = snprintf(why, sizeof why, "unknown command '%.40s'; known:", word);
    for (const struct control_command *r = s->config.commands; r->word; r++)
        n += snprintf(why + n, sizeof why - (size_t)n, " %s", r->word);
    return status_json_error(why);
}

static void answer_failure(struct control_client *c, const struct err *err)
{
    char line[sizeof *err + 8];
    c->running = false;
    c->owner->counts.failed++;
    err_line(err, line, sizeof line);
    make_printable(line);
    put_line(c, status_json_error(line));
}

/* Cuts the line at its blanks. Returns how many words; more than CONTROL_WORDS: too many. */
static size_t cut(char *line, const char *words[CONTROL_WORDS])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *w = strtok_r(line, " ", &rest); w; w = strtok_r(NULL, " ", &rest)) {
        if (count < CONTROL_WORDS)
            words[count] = w;
        count++;
    }
    return count;
}

static void run(struct control_client *c, char *line)
{
    struct control *s = c->owner;
    const char *words[CONTROL_WORDS];
    struct err err = {0};
    line[strcspn(line, "\r")] = 0;
    make_printable(line);
    log_say(s->config.log, LOG_LEVEL_NOTICE, "control: uid %ld, pid %ld: %s", (long)c->peer.uid,
            (long)c->peer.pid, line);
    s->counts.requests++;
    size_t count = cut(line, words);
    const struct control_command *r = s->config.commands;
    while (count && r->word && strcmp(r->word, words[0]) != 0)
        r++;
    if (count > CONTROL_WORDS) {
        put_line(c, status_json_error("too many words"));
    } else if (!count || !r->word) {
        s->counts.failed++;
        put_line(c, unknown_command(s, count ? words[0] : ""));
    } else {
        c->running = true;
        if (r->run(s->config.arg, c, words + 1, count - 1, &err))
            answer_failure(c, &err);
    }
}

/* Answers the first line that has arrived, if there is one. */
static void serve(struct control_client *c, int64_t now)
{
    char line[CONTROL_LINE];
    size_t length = line_length(c);
    if (!length || c->out || c->running || c->stream || c->ending || c->budget <= 0)
        return;
    snprintf(line, sizeof line, "%.*s", (int)length - 1, c->request);
    c->got -= length;
    memmove(c->request, c->request + length, c->got);
    c->budget--;
    c->answered = true;
    c->since = now;
    run(c, line);
}

/* Reads what fits. -1: the client is gone. */
static int take_bytes(struct control_client *c, int64_t now)
{
    size_t room = sizeof c->request - c->got;
    if (c->stream)
        c->got = 0, room = sizeof c->request; /* what it says now is not heard */
    ssize_t n = room ? recv(c->io.fd, c->request + c->got, room, MSG_DONTWAIT) : -1;
    if (n > 0) {
        if (!c->got)
            c->since = now;
        c->got += (size_t)n;
    }
    if (n == 0)
        c->ended = true;
    if ((n < 0 && room && errno != EAGAIN && errno != EINTR) || (n == 0 && c->stream)) {
        drop(c);
        return -1;
    }
    if (!c->stream && !line_length(c) && c->got == sizeof c->request) {
        c->owner->counts.oversize++;
        if (put_line(c, status_json_error("request line is longer than 512 bytes")))
            drop(c);
        return -1;
    }
    return 0;
}

static void client_ready(void *arg, int64_t now, short revents)
{
    struct control_client *c = arg;
    if (flush(c))
        return;
    if (revents & POLLIN && c->io.events & POLLIN && take_bytes(c, now))
        return;
    serve(c, now);
    if (c->io.fd < 0)
        return;
    bool gone = revents & (POLLHUP | POLLERR) && !(revents & POLLIN);
    bool done = c->ended && !c->running && !line_length(c);
    if (gone || ((done || c->ending) && !c->out))
        drop(c);
    else
        choose_events(c);
}

/* ---- clients ---- */

static struct control_client *free_place(struct control *s)
{
    for (struct control_client *c = s->client; c < s->client + CONTROL_CLIENTS; c++)
        if (c->io.fd < 0 && !c->running)
            return c;
    return NULL;
}

static void refuse(int fd, const char *why)
{
    char *line = status_json_error(why);
    if (line)
        (void)!send(fd, line, strlen(line), MSG_NOSIGNAL | MSG_DONTWAIT);
    free(line);
    close(fd);
}

/* Who may: root, and the user that the daemon runs as. */
static bool welcome(struct control *s, int fd, struct ucred *peer, int64_t now)
{
    socklen_t size = sizeof *peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &size))
        return false;
    if (peer->uid == 0 || peer->uid == geteuid())
        return true;
    s->counts.strangers++;
    if (log_allowed(&s->strangers, now, NULL))
        log_say(s->config.log, LOG_LEVEL_WARNING, "control: uid %ld, pid %ld: refused",
                (long)peer->uid, (long)peer->pid);
    return false;
}

static void listener_ready(void *arg, int64_t now, short revents)
{
    struct control *s = arg;
    struct ucred peer = {0};
    (void)revents;
    int fd = accept4(s->io.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            s->io.events = 0; /* it would stay readable: try again at the next tick */
        return;
    }
    if (!welcome(s, fd, &peer, now)) {
        refuse(fd, "only root and the user of timeballd may do that");
        return;
    }
    struct control_client *c = free_place(s);
    if (!c) {
        s->counts.refused++;
        refuse(fd, "too many clients");
        return;
    }
    c->io = (struct loop_fd){
        .name = "control client", .fd = fd, .events = POLLIN, .ready = client_ready, .arg = c};
    c->peer = peer;
    c->since = now;
    c->budget = CONTROL_RATE;
    s->counts.clients++;
    s->counts.accepted++;
    loop_watch(s->config.loop, &c->io);
}

static void tick_client(struct control_client *c, int64_t now)
{
    int64_t waited = now - c->since;
    bool half = c->got || !c->answered;
    bool idle = !c->running && !c->stream;
    int64_t limit = c->out || half ? CONTROL_PATIENCE : CONTROL_IDLE;
    if (c->io.fd < 0)
        return;
    if (waited >= limit * SECOND_NS && (idle || c->out)) {
        ++*(c->out ? &c->owner->counts.slow : &c->owner->counts.timeouts);
        drop(c);
        return;
    }
    c->budget = CONTROL_RATE;
    choose_events(c);
}

void control_tick(struct control *s, int64_t now)
{
    if (!s)
        return;
    s->io.events = POLLIN;
    for (struct control_client *c = s->client; c < s->client + CONTROL_CLIENTS; c++)
        tick_client(c, now);
}

int control_open(struct control **out, const struct control_config *config, struct err *err)
{
    struct control *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, config->path, "", "out of memory");
    if (unix_listen_open(&s->unix_listen, config->path, 0600, "controlsocket", err)) {
        free(s);
        return -1;
    }
    s->config = *config;
    s->config.path = s->unix_listen.path;
    for (struct control_client *c = s->client; c < s->client + CONTROL_CLIENTS; c++) {
        c->owner = s;
        c->io.fd = -1;
    }
    s->io = (struct loop_fd){.name = "control socket",
                             .fd = s->unix_listen.fd,
                             .events = POLLIN,
                             .ready = listener_ready,
                             .arg = s};
    loop_watch(config->loop, &s->io);
    *out = s;
    return 0;
}

void control_counts(const struct control *s, struct control_counts *counts)
{
    *counts = s ? s->counts : (struct control_counts){0};
}

void control_close(struct control *s)
{
    if (!s)
        return;
    for (struct control_client *c = s->client; c < s->client + CONTROL_CLIENTS; c++)
        drop(c);
    loop_unwatch(s->config.loop, &s->io);
    unix_listen_close(&s->unix_listen);
    free(s);
}
