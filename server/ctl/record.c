/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ctl/ctl.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <poll.h>
#include <unistd.h>

#include "refclock/clock.h"
#include "refclock/civil.h"
#include "server/options.h"
#include "server/record/record.h"

#define TODO "name a new file in a folder where you may write"

struct take {
    struct ctl_client client;
    struct clock *clock;
    const char *path;
    int out, signals; /* descriptors; -1: none */
    int64_t until;    /* raw, ns; INT64_MAX: no end */
    size_t written;
};

static int write_all(struct take *t, const char *bytes, size_t size, struct err *err)
{
    for (t->written += size; size;) {
        ssize_t n = write(t->out, bytes, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(err, t->path, "make room, or record elsewhere", "writing", errno);
        bytes += n;
        size -= (size_t)n;
    }
    return 0;
}

/* 1: bytes were written; 0: it is over; -1 with *err. */
static int take_some(struct take *t, struct err *err)
{
    char bytes[16384];
    struct pollfd fds[] = {{.fd = t->client.fd, .events = POLLIN},
                           {.fd = t->signals, .events = POLLIN}};
    int64_t left = t->until - clock_raw(t->clock);
    if (left <= 0 || t->written > RECORD_MOST - sizeof bytes)
        return 0;
    if (poll(fds, 2, left < NS_PER_S ? (int)(left / 1000000) + 1 : 1000) < 0 && errno != EINTR)
        return err_errno(err, "timeballctl", "", "waiting", errno);
    if (fds[1].revents)
        return 0;
    if (!fds[0].revents)
        return 1;
    ssize_t n = recv(t->client.fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (n <= 0)
        return err_set(err, "timeballd", "what came before is in the file",
                       "closed the connection");
    return write_all(t, bytes, (size_t)n, err) ? -1 : 1;
}

static int record(struct take *t, struct err *err)
{
    int more;
    json_t *begin = NULL;
    if (!ctl_ask(&t->client, "record", err))
        begin = ctl_read_object(&t->client, err);
    if (!begin)
        return -1;
    json_decref(begin);
    /* the file is made when there is something for it */
    t->out = open(t->path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (t->out < 0)
        return err_errno(err, t->path, TODO, "creating", errno);
    if (write_all(t, t->client.buffer + t->client.begin, t->client.end - t->client.begin, err))
        return -1;
    while ((more = take_some(t, err)) > 0)
        ;
    return more;
}

/* Ctrl-C is an end like any other. */
static int watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int ctl_record(const struct ctl *ctl, struct err *err)
{
    struct take t = {.client = {.fd = -1}, .path = ctl->file, .out = -1, .signals = -1};
    double length = 0;
    if (ctl->length && (number_double(ctl->length, &length) || !(length > 0 && length < 1e9)))
        return err_set(err, "--for", "write it in seconds", "'%.40s' is no time", ctl->length);
    if (clock_reader_open(&t.clock, err))
        return -1;
    t.until = ctl->length ? clock_raw(t.clock) + (int64_t)(length * 1e9) : INT64_MAX;
    int result = ctl_connect(&t.client, ctl->socket, err);
    if (!result) {
        t.signals = watch_signals();
        result = record(&t, err);
    }
    if (t.signals >= 0)
        close(t.signals);
    if (t.out >= 0 && close(t.out) && !result)
        result = err_errno(err, ctl->file, "", "writing", errno);
    ctl_close(&t.client);
    clock_close(t.clock);
    return result ? -1 : CTL_OK;
}
