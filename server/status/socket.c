/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/status/json.h"
#include "server/status/line_socket.h"

#define SECOND_NS INT64_C(1000000000)

struct status_socket {
    struct status_socket_config config;
    struct line_socket lines;
    struct line_client client[STATUS_SOCKET_CLIENTS];
    char request[STATUS_SOCKET_CLIENTS][STATUS_SOCKET_REQUEST];
};

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
static char *answer(struct status_socket *s, const char *word, int64_t now)
{
    char *line = s->config.answer(s->config.arg, word, now);
    if (!line && !known(word)) {
        s->lines.counts.unknown++;
        return unknown_request(word);
    }
    s->lines.counts.requests += line != NULL;
    return line;
}

static void request(void *arg, struct line_client *c, char *word, int64_t now)
{
    size_t blank = strlen(word);
    while (blank && (word[blank - 1] == '\r' || word[blank - 1] == ' '))
        word[--blank] = 0;
    bool watch = !strcmp(word, "watch");
    if (watch)
        line_client_become(c, LINE_WATCHES);
    line_client_say(c, answer(arg, watch ? "status" : word, now));
}

/*
 * How long a client must have kept us waiting, ns, to be dropped for a new one: whoever asks gets
 * an answer, however many others only hold their places.
 */
static int64_t held(const struct line_client *c)
{
    if (c->unread)
        return SECOND_NS;
    if (c->mode == LINE_WATCHES)
        return INT64_MAX; /* it waits for us */
    return c->answered && !c->got ? STATUS_SOCKET_PATIENCE * SECOND_NS : 0;
}

/* Drops the client that has kept us waiting for longest. False: nobody has for too long. */
static bool make_room(void *arg, int64_t now)
{
    struct status_socket *s = arg;
    struct line_client *longest = NULL;
    for (struct line_client *c = s->client; c < s->client + STATUS_SOCKET_CLIENTS; c++)
        if (c->io.fd >= 0 && now - c->since >= held(c) && (!longest || c->since < longest->since))
            longest = c;
    if (!longest)
        return false;
    s->lines.counts.displaced++;
    line_client_drop(longest);
    return true;
}

void status_socket_tick(struct status_socket *s, int64_t now)
{
    char *made = NULL; /* once for all who watch */
    line_socket_tick(&s->lines, now);
    for (struct line_client *c = s->client; c < s->client + STATUS_SOCKET_CLIENTS; c++) {
        if (c->mode != LINE_WATCHES)
            continue;
        if (!made)
            made = s->config.answer(s->config.arg, "status", now);
        if (made)
            line_client_put(c, made, strlen(made));
        else
            line_client_drop(c);
    }
    free(made);
}

int status_socket_open(struct status_socket **out, const struct status_socket_config *config,
                       struct err *err)
{
    struct status_socket *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, config->path, "", "out of memory");
    s->lines.config = (struct line_socket_config){
        .path = config->path,
        .directive = "statussocket",
        .mode = 0660,
        .loop = config->loop,
        .full = "too many clients: ask again in a second",
        .client = s->client,
        .requests = s->request[0],
        .clients = STATUS_SOCKET_CLIENTS,
        .line = STATUS_SOCKET_REQUEST,
        .rate = STATUS_SOCKET_RATE,
        .patience = STATUS_SOCKET_PATIENCE,
        .idle = STATUS_SOCKET_IDLE,
        .request = request,
        .make_room = make_room,
        .arg = s,
    };
    if (line_socket_open(&s->lines, err)) {
        free(s);
        return -1;
    }
    s->config = *config;
    s->config.path = s->lines.unix_listen.path;
    *out = s;
    return 0;
}

void status_socket_counts(const struct status_socket *s, struct status_socket_counts *counts)
{
    *counts = s->lines.counts;
}

void status_socket_close(struct status_socket *s)
{
    if (!s)
        return;
    line_socket_close(&s->lines);
    free(s);
}
