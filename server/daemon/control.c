/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/control.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/status/json.h"
#include "server/status/line_socket.h"

_Static_assert(CONTROL_LINE <= LINE_SOCKET_LONGEST, "a request is handed over whole");

struct control_client {
    struct control *owner;
    struct line_client *line;
};

struct control {
    struct control_config config;
    struct line_socket lines;
    struct line_client line[CONTROL_CLIENTS];
    struct control_client client[CONTROL_CLIENTS]; /* each beside its line */
    char request[CONTROL_CLIENTS][CONTROL_LINE];
    uint64_t failed, strangers;
    struct log_limit stranger_lines;
};

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
    if (last)
        line_client_become(c->line, LINE_ASKS);
    c->owner->failed += last && failed;
    line_client_say(c->line, answer_line(text, last, failed));
}

bool control_stream(struct control_client *c, void (*gone)(void *arg), void *arg)
{
    static const char begin[] = "{\"version\":1,\"stream\":true}\n";
    c->line->gone = gone;
    c->line->gone_arg = arg;
    line_client_become(c->line, LINE_STREAMS);
    return line_client_put(c->line, begin, sizeof begin - 1);
}

bool control_send(struct control_client *c, const void *bytes, size_t size)
{
    return line_client_put(c->line, bytes, size);
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
    line_client_become(c->line, LINE_ASKS);
    c->owner->failed++;
    err_line(err, line, sizeof line);
    make_printable(line);
    line_client_say(c->line, status_json_error(line));
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

/* Who is at the other end; nobody, where the kernel does not say. */
static struct ucred peer_of(int fd)
{
    struct ucred peer = {.pid = -1, .uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t size = sizeof peer;
    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
    return peer;
}

static void request(void *arg, struct line_client *from, char *line, int64_t now)
{
    struct control *s = arg;
    struct control_client *c = &s->client[from - s->line];
    struct ucred peer = peer_of(from->io.fd);
    const char *words[CONTROL_WORDS];
    struct err err = {0};
    (void)now;
    line[strcspn(line, "\r")] = 0;
    make_printable(line);
    log_say(s->config.log, LOG_LEVEL_NOTICE, "control: uid %ld, pid %ld: %s", (long)peer.uid,
            (long)peer.pid, line);
    s->lines.counts.requests++;
    size_t count = cut(line, words);
    const struct control_command *r = s->config.commands;
    while (count && r->word && strcmp(r->word, words[0]) != 0)
        r++;
    if (count > CONTROL_WORDS) {
        line_client_say(from, status_json_error("too many words"));
    } else if (!count || !r->word) {
        s->failed++;
        line_client_say(from, unknown_command(s, count ? words[0] : ""));
    } else {
        line_client_become(from, LINE_RUNS);
        if (r->run(s->config.arg, c, words + 1, count - 1, &err))
            answer_failure(c, &err);
    }
}

/* ---- clients ---- */

/* Who may: root, and the user that the daemon runs as. */
static const char *refusal(void *arg, int fd, int64_t now)
{
    struct control *s = arg;
    struct ucred peer = peer_of(fd);
    if (peer.uid == 0 || peer.uid == geteuid())
        return NULL;
    s->strangers++;
    if (log_allowed(&s->stranger_lines, now, NULL))
        log_say(s->config.log, LOG_LEVEL_WARNING, "control: uid %ld, pid %ld: refused",
                (long)peer.uid, (long)peer.pid);
    return "only root and the user of timeballd may do that";
}

void control_tick(struct control *s, int64_t now)
{
    if (s)
        line_socket_tick(&s->lines, now);
}

int control_open(struct control **out, const struct control_config *config, struct err *err)
{
    struct control *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, config->path, "", "out of memory");
    s->lines.config = (struct line_socket_config){
        .path = config->path,
        .directive = "controlsocket",
        .mode = 0600,
        .loop = config->loop,
        .full = "too many clients",
        .client = s->line,
        .requests = s->request[0],
        .clients = CONTROL_CLIENTS,
        .line = CONTROL_LINE,
        .backlog = CONTROL_BACKLOG,
        .rate = CONTROL_RATE,
        .patience = CONTROL_PATIENCE,
        .idle = CONTROL_IDLE,
        .request = request,
        .refusal = refusal,
        .arg = s,
    };
    if (line_socket_open(&s->lines, err)) {
        free(s);
        return -1;
    }
    s->config = *config;
    s->config.path = s->lines.unix_listen.path;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        s->client[i] = (struct control_client){.owner = s, .line = &s->line[i]};
    *out = s;
    return 0;
}

void control_counts(const struct control *s, struct status_control *to)
{
    to->socket = s->lines.counts;
    to->strangers = s->strangers;
    to->failed = s->failed;
}

void control_close(struct control *s)
{
    if (!s)
        return;
    line_socket_close(&s->lines);
    free(s);
}
