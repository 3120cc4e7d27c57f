/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `sock`: another program sends its samples in the datagrams of chrony's SOCK. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>

#include "drivers/driver.h"
#include "drivers/reopen.h"
#include "drivers/sock_layout.h"
#include "drivers/sock_listen.h"
#include "drivers/stamp.h"
#include "refclock/civil.h"

#define SILENCE_NS (20 * NS_PER_S)
#define READS_MAX  64 /* at one wake-up */
#define MODE       0660

struct sock_driver {
    struct driver driver;
    double latency, uncertainty; /* s */
    struct sock_listen listen;
    struct loop_fd fd;
    struct loop_timer silence;
    struct reopen reopen;
    struct stamp_check check;
    uint64_t samples, pulses, malformed, stale, unsynchronised;
};

static void on_silence(void *arg, int64_t now)
{
    struct sock_driver *d = arg;
    struct err err;
    (void)now;
    err_set(&err, d->driver.path,
            "is the program that should send there running, and may it? it may have to be "
            "restarted after timeballd",
            "no sample for 20 s");
    driver_say(&d->driver, HEALTH_SILENT, &err);
}

/* The pulse is where true time passes the whole second next to the stamp. */
static void pass_edge(struct sock_driver *d, const struct sock_sample *s, int64_t local)
{
    double off = remainder((double)(s->kernel % NS_PER_S) * 1e-9 + fmod(s->offset, 1), 1);
    struct edge edge = {
        .local = local - llround((off + d->latency) * 1e9),
        .uncertainty = d->uncertainty,
    };
    d->pulses++;
    d->driver.sink->edge(d->driver.sink_arg, &edge);
}

static void pass_sample(struct sock_driver *d, const struct sock_sample *s, int64_t local)
{
    double whole = trunc(s->offset);
    struct sample sample = {
        .local = local - llround(d->latency * 1e9),
        .truth = s->kernel + (int64_t)whole * NS_PER_S + llround((s->offset - whole) * 1e9),
        .uncertainty = d->uncertainty,
        .leap = s->leap,
        .pulse = true,
    };
    d->samples++;
    if (d->driver.sink->sample)
        d->driver.sink->sample(d->driver.sink_arg, &sample);
}

static void take(struct sock_driver *d, const void *bytes, size_t size, int64_t now)
{
    struct sock_sample s;
    int64_t local;
    if (sock_decode(bytes, size, &s)) {
        d->malformed++;
        return;
    }
    loop_after(d->driver.env->loop, &d->silence, SILENCE_NS);
    if (!stamp_fresh(&d->check, d->driver.env->clock, s.kernel, now, &local)) {
        d->stale++;
        return;
    }
    if (s.leap == LEAP_UNKNOWN) {
        struct err err;
        d->unsynchronised++;
        err_set(&err, d->driver.path, "",
                "the program that sends says that it is not synchronised");
        driver_say(&d->driver, HEALTH_NO_FIX, &err);
        return;
    }
    driver_say(&d->driver, HEALTH_OK, NULL);
    if (s.pulse)
        pass_edge(d, &s, local);
    else
        pass_sample(d, &s, local);
}

static void gone(struct sock_driver *d, int why)
{
    struct err err;
    err_errno(&err, d->driver.path, "it is made again", "receiving", why);
    loop_unwatch(d->driver.env->loop, &d->fd);
    loop_cancel(d->driver.env->loop, &d->silence);
    sock_listen_close(&d->listen);
    driver_say(&d->driver, HEALTH_CLOSED, &err);
    reopen_later(&d->reopen);
}

static void on_datagram(void *arg, int64_t now, short revents)
{
    struct sock_driver *d = arg;
    uint8_t bytes[SOCK_SIZE_MAX];
    for (int i = 0; i < READS_MAX; i++) {
        ssize_t got = recv(d->listen.fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got >= 0) {
            take(d, bytes, (size_t)got, now);
            continue;
        }
        if (errno == EINTR)
            continue;
        if ((errno != EAGAIN && errno != EWOULDBLOCK) || (!i && revents & (POLLERR | POLLNVAL)))
            gone(d, errno);
        break;
    }
    stamp_looked(&d->check, d->driver.env->clock);
}

static int open_socket(struct driver *driver, struct err *err)
{
    struct sock_driver *d = (struct sock_driver *)driver;
    if (sock_listen_open(&d->listen, d->driver.path, MODE, err))
        return -1;
    d->fd.fd = d->listen.fd;
    stamp_looked(&d->check, d->driver.env->clock);
    loop_watch(d->driver.env->loop, &d->fd);
    loop_after(d->driver.env->loop, &d->silence, SILENCE_NS);
    return 0;
}

static int sock_open(struct driver *driver, struct err *err)
{
    struct sock_driver *d = (struct sock_driver *)driver;
    d->listen.fd = -1;
    d->fd = (struct loop_fd){.name = "sock", .events = POLLIN, .ready = on_datagram, .arg = d};
    d->silence =
        (struct loop_timer){.name = "sock silence", .fire = on_silence, .arg = d, .due = INT64_MAX};
    reopen_device(&d->reopen, driver, "sock reopen", open_socket);
    return reopen_begin(&d->reopen, err);
}

static void sock_close(struct driver *driver)
{
    struct sock_driver *d = (struct sock_driver *)driver;
    if (!d->reopen.loop)
        return; /* never opened */
    reopen_cancel(&d->reopen);
    loop_cancel(driver->env->loop, &d->silence);
    if (d->listen.fd >= 0)
        loop_unwatch(driver->env->loop, &d->fd);
    sock_listen_close(&d->listen);
}

static const struct option_row options[] = {
    OPTION_LATENCY(sock_driver, "How much later than true its samples are stamped."),
    OPTION_UNCERTAINTY(
        sock_driver, "20e-6",
        "How far off that may be, either way; a sender that stamps messages and not pulses "
        "is off by tenths of a second."),
    {0},
};

static const struct counter_row counters[] = {
    {"samples", offsetof(struct sock_driver, samples), "samples with their second passed on"},
    {"pulses", offsetof(struct sock_driver, pulses), "pulses passed on that need a number"},
    {"malformed", offsetof(struct sock_driver, malformed),
     "datagrams of another length, without the magic number, or with a field that cannot be"},
    {"stale", offsetof(struct sock_driver, stale),
     "samples dropped: stamped more than 5 s ago or in the future, or before the clock was "
     "stepped"},
    {"unsynchronised", offsetof(struct sock_driver, unsynchronised),
     "samples marked as not synchronised by who sent them"},
    {0},
};

const struct driver_ops sock_driver_ops = {
    .name = "sock",
    .help = "samples that another program (gpsd, satpulse) sends to a socket like chrony's SOCK, "
            "which is made at that path",
    .options = options,
    .counters = counters,
    .size = sizeof(struct sock_driver),
    .open = sock_open,
    .close = sock_close,
};
