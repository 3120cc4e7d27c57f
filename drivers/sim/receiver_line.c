/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The simulated receiver as drivers see it: a byte port and a pulse line. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

#include "drivers/sim/receiver.h"
#include "refclock/civil.h"

struct sim_port {
    struct port port;
    struct sim_receiver *receiver;
};

static int port_get_fd(const struct port *p)
{
    return ((const struct sim_port *)p)->receiver->read_fd;
}

static ssize_t port_read_pipe(struct port *p, void *buf, size_t size, struct err *err)
{
    ssize_t n = read(((struct sim_port *)p)->receiver->read_fd, buf, size);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return n > 0 ? n : 0;
    return err_errno(err, "simulated receiver", "", "reading", n < 0 ? errno : EPIPE);
}

/* It has no ear: what it is told, it counts. */
static ssize_t port_write_nowhere(struct port *p, const void *buf, size_t size, struct err *err)
{
    (void)buf;
    (void)err;
    ((struct sim_port *)p)->receiver->told_bytes += size;
    return (ssize_t)size;
}

static int port_any_baud(struct port *p, int baud, struct err *err)
{
    (void)p;
    (void)baud;
    (void)err;
    return 0;
}

static void port_free(struct port *p)
{
    free(p);
}

static const struct port_ops port_ops = {
    .fd = port_get_fd,
    .read = port_read_pipe,
    .write = port_write_nowhere,
    .set_baud = port_any_baud,
    .close = port_free,
};

int sim_receiver_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                      struct err *err)
{
    struct sim_port *p = calloc(1, sizeof *p);
    (void)baud;
    if (!p)
        return err_errno(err, path, "", "opening", ENOMEM);
    p->port.ops = &port_ops;
    p->receiver = env->arg;
    *out = &p->port;
    return 0;
}

struct sim_pulse {
    struct pulse pulse;
    struct sim_receiver *receiver;
    bool clear; /* the falling edge is wanted */
};

/* Edges between the seconds, of a pulse of more than 1 Hz: the newest of them. */
static void count_on(const struct sim_receiver *r, int64_t now, struct pulse_stamp *s)
{
    double since = (double)(now - s->reading) * 1e-9;
    double more = fmin(floor(since * r->edges), r->edges - 1);
    if (r->edges <= 1 || more < 1)
        return;
    s->sequence += (uint64_t)more;
    s->reading += llrint(more / r->edges * 1e9);
}

static int pulse_newest(struct pulse *p, struct pulse_stamp *s, struct err *err)
{
    const struct sim_pulse *line = (struct sim_pulse *)p;
    const struct sim_receiver *r = line->receiver;
    const struct sim_edge_config *e = &r->config.edge;
    bool trailing = (e->polarity ^ e->wire) != line->clear;
    int64_t now = clock_now(r->clock), after = trailing ? llrint(e->width * 1e9) : 0;
    (void)err;
    /* a late stamp is not there before its time */
    *s = r->now.reading + after <= now ? r->now : r->before;
    if (s->sequence)
        s->reading += after;
    if (e->both)
        s->width = trailing ? 1 - e->width : e->width;
    if (s->sequence == r->now.sequence)
        count_on(r, now, s);
    return 0;
}

static void pulse_free(struct pulse *p)
{
    free(p);
}

static const struct pulse_ops pulse_ops = {.fetch = pulse_newest, .close = pulse_free};

int sim_receiver_pulse(const struct driver_env *env, const char *path,
                       const struct pulse_want *want, struct pulse **out, struct err *err)
{
    struct sim_pulse *p = calloc(1, sizeof *p);
    if (!p)
        return err_errno(err, path, "", "opening", ENOMEM);
    p->pulse.ops = &pulse_ops;
    p->receiver = env->arg;
    p->clear = want->clear;
    *out = &p->pulse;
    return 0;
}
