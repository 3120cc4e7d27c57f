/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/feed.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "drivers/sock_layout.h"
#include "refclock/civil.h"

#define PRECISION_MIN (-30)

static int open_shm(struct feed *f, struct err *err)
{
    return shm_map(&f->map, (int)f->config->unit, false, true, err);
}

int feed_open(struct feed *f, const struct config_feed *config, struct err *err)
{
    *f = (struct feed){.config = config, .fd = -1};
    return config->kind == FEED_SHM ? open_shm(f, err) : 0;
}

void feed_close(struct feed *f)
{
    shm_unmap(&f->map);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

static int write_shm(struct feed *f, const struct snapshot *s, int64_t reading, struct err *err)
{
    struct err gone;
    if (f->map.segment && !shm_sound(&f->map, false, &gone))
        shm_unmap(&f->map);
    if (!f->map.segment && open_shm(f, err))
        return -1;
    struct shm_sample sample = {
        .clock = snapshot_truth(s, reading),
        .receive = reading,
        .leap = (enum leap)s->leap,
        .precision = (int)ceil(log2(snapshot_bound(s, reading))),
    };
    if (sample.precision < PRECISION_MIN)
        sample.precision = PRECISION_MIN;
    shm_put(f->map.segment, &sample);
    return 0;
}

static int connect_sock(struct feed *f, struct err *err)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    snprintf(name.sun_path, sizeof name.sun_path, "%.*s", (int)sizeof name.sun_path - 1,
             f->config->path);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (f->fd >= 0 && !connect(f->fd, (struct sockaddr *)&name, sizeof name))
        return 0;
    const char *todo =
        errno == EACCES ? "let the user of timeballd write there" : "it is tried again each second";
    err_errno(err, f->config->path, todo, "nobody receives there", errno);
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
    return -1;
}

/* A receiver that was restarted has made a new socket: one more try. */
static int write_sock(struct feed *f, const struct snapshot *s, int64_t reading, struct err *err)
{
    uint8_t bytes[SOCK_SIZE];
    int64_t cut = reading - reading % 1000, ns = snapshot_truth(s, cut) - cut;
    int64_t whole = ns / NS_PER_S; /* apart, so that a clock that is years off loses nothing */
    struct sock_sample sample = {
        .kernel = cut,
        .offset = (double)whole + (double)(ns % NS_PER_S) * 1e-9,
        .leap = (enum leap)s->leap,
    };
    sock_encode(&sample, bytes);
    for (int tries = 0; tries < 2; tries++) {
        if ((f->fd < 0 || tries) && connect_sock(f, err))
            return -1;
        if (send(f->fd, bytes, sizeof bytes, MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof bytes)
            return 0;
        if (errno == EAGAIN || errno == ENOBUFS)
            break;
    }
    return err_errno(err, f->config->path, "it is tried again each second", "sending", errno);
}

static void say(const struct feed *f, const struct log *log)
{
    char line[560], name[OPTION_TEXT_SIZE + 16];
    config_feed_name(f->config, name, sizeof name);
    if (f->working)
        log_say(log, LOG_LEVEL_NOTICE, "feed %s works", name);
    else
        log_say(log, LOG_LEVEL_WARNING, "feed %s does not work: %s", name,
                err_line(&f->error, line, sizeof line));
}

void feed_write(struct feed *f, const struct snapshot *s, int64_t reading, const struct log *log)
{
    struct err err = {0};
    int failed = f->config->kind == FEED_SHM ? write_shm(f, s, reading, &err)
                                             : write_sock(f, s, reading, &err);
    bool changed = f->written + f->failed == 0 || f->working != !failed;
    f->working = !failed;
    f->error = err;
    if (failed)
        f->failed++;
    else {
        f->error = (struct err){0};
        f->written++;
    }
    if (changed)
        say(f, log);
}
