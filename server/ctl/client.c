/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/ctl/text.h"

static const struct {
    int errnum;
    const char *todo;
} remedies[] = {
    {ENOENT, "is timeballd running? see its configuration for the socket, or name it with -s"},
    {ENOTDIR, "is timeballd running? see its configuration for the socket, or name it with -s"},
    {ECONNREFUSED, "timeballd has ended without removing it: start timeballd"},
    {EACCES, "run this as root, or for the status socket join the group that owns it"},
    {ENOTSOCK, "name the socket with -s"},
    {EAGAIN, "it has too many clients: try again"},
};

static const char *remedy(int errnum)
{
    for (size_t i = 0; i < sizeof remedies / sizeof *remedies; i++)
        if (remedies[i].errnum == errnum)
            return remedies[i].todo;
    return "";
}

int ctl_connect(struct ctl_client *c, const char *path, struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = 5};
    *c = (struct ctl_client){.fd = -1};
    if (strlen(path) >= sizeof name.sun_path)
        return err_set(err, path, "name the socket with -s", "longer than %zu bytes",
                       sizeof name.sun_path - 1);
    memcpy(name.sun_path, path, strlen(path) + 1);
    c->buffer = malloc(CTL_LINE_MAX);
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (!c->buffer || c->fd < 0)
        return err_errno(err, path, "", "", errno);
    setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(c->fd, (struct sockaddr *)&name, sizeof name))
        return err_errno(err, path, remedy(errno), "", errno);
    return 0;
}

void ctl_close(struct ctl_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
    free(c->buffer);
    *c = (struct ctl_client){.fd = -1};
}

int ctl_ask(struct ctl_client *c, const char *word, struct err *err)
{
    char line[CTL_ASK_MAX + 1];
    int n = snprintf(line, sizeof line, "%s\n", word);
    if (n > CTL_ASK_MAX)
        return err_set(err, "timeballd", "", "the request is longer than %d bytes", CTL_ASK_MAX);
    /* who was sent away before it could ask finds the reason where the answer would be */
    if (send(c->fd, line, (size_t)n, MSG_NOSIGNAL) != n && errno != EPIPE)
        return err_errno(err, "timeballd", "try again", "the request was not taken", errno);
    return 0;
}

const char *ctl_read(struct ctl_client *c, struct err *err)
{
    size_t looked = c->begin;
    bool reset = false; /* is told before what the daemon said last */
    for (;;) {
        char *newline = memchr(c->buffer + looked, '\n', c->end - looked);
        if (newline) {
            const char *line = c->buffer + c->begin;
            *newline = 0;
            c->begin = (size_t)(newline - c->buffer) + 1;
            return line;
        }
        memmove(c->buffer, c->buffer + c->begin, c->end - c->begin);
        c->end -= c->begin;
        c->begin = 0;
        looked = c->end;
        if (c->end == CTL_LINE_MAX) {
            err_set(err, "timeballd", "is that timeballd's socket?", "answer is too long");
            return NULL;
        }
        ssize_t n = recv(c->fd, c->buffer + c->end, CTL_LINE_MAX - c->end, 0);
        if (n > 0) {
            c->end += (size_t)n;
        } else if (n < 0 && errno == ECONNRESET && !reset) {
            reset = true;
        } else if (n == 0 || errno == ECONNRESET) {
            err_set(err, "timeballd", "try again; it may have been stopped: look at its log",
                    "closed the connection");
            return NULL;
        } else if (errno != EINTR) {
            err_errno(err, "timeballd", "", "no answer", errno == EAGAIN ? ETIMEDOUT : errno);
            return NULL;
        }
    }
}

json_t *ctl_read_object(struct ctl_client *c, struct err *err)
{
    const char *line = ctl_read(c, err);
    if (!line)
        return NULL;
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *why = object ? ctl_string(object, "error") : NULL;
    double version = ctl_number(object, "version");
    if (json_is_object(object) && !why && version == STATUS_VERSION)
        return object;
    if (why)
        err_set(err, "timeballd", "", "%.150s", why);
    else if (version > STATUS_VERSION)
        err_set(err, "timeballd", "update timeballctl", "speaks version %g of the protocol",
                version);
    else
        err_set(err, "timeballd", "is that timeballd's socket?", "not an answer: %.40s", line);
    json_decref(object);
    return NULL;
}
