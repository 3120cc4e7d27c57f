/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/sim/sentences.h"

#define SECOND INT64_C(1000000000)

static bool within(const struct sim_span *spans, double t)
{
    for (int i = 0; i < SIM_SPANS; i++)
        if (t >= spans[i].from && t < spans[i].to)
            return true;
    return false;
}

/* ---- pulses ---- */

bool sim_receiver_silent(const struct sim_receiver_config *c, double t)
{
    return within(c->outage, t) || within(c->no_pulse, t);
}

static void stamp(struct sim_receiver *r, int64_t second, double by)
{
    r->before = r->now;
    r->now.sequence++;
    r->now.reading = second + llrint(by * 1e9 + 0.5); /* the reading was cut to whole ns */
}

/* A stray pulse comes at any time of the second: it is what the next fetch finds, as with a real
 * line. */
static void stamp_pulse(struct sim_receiver *r, int64_t late_by)
{
    struct sim_stamp s = sim_pulse_model_next(&r->pulse_model, &r->config.pulse);
    int64_t second = clock_now(r->clock) - late_by;
    r->stamped = NAN;
    if (!s.there || sim_receiver_silent(&r->config, (double)(r->second - r->start) * 1e-9))
        return;
    r->stamped = s.by;
    stamp(r, second, s.by);
    if (!isnan(s.doubled))
        stamp(r, second, s.doubled);
}

static double jitter(struct rng *rng, int kind, double size)
{
    switch (kind) {
    case SIM_UNIFORM:
        return size * (2 * rng_uniform(rng) - 1);
    case SIM_ONE_SIDED:
        return rng_exponential(rng, size);
    default:
        return size * rng_gauss(rng);
    }
}

static void pulse_fires(void *arg, int64_t now)
{
    struct sim_receiver *r = arg;
    const struct sim_receiver_config *c = &r->config;
    int64_t truth = r->truth(r->arg);
    (void)now;
    stamp_pulse(r, truth - r->second);
    double t = (double)(r->second - r->start) * 1e-9;
    double delay = c->message_delay + c->message_drift * t +
                   jitter(&r->message_rng, c->message_jitter_kind, c->message_jitter);
    struct sim_message *m = &r->message[r->second / SECOND % 2];
    m->second = r->second / SECOND;
    loop_after(r->loop, &m->timer, r->second + llrint(fmax(0.001, delay) * 1e9) - truth);
    r->second += SECOND;
    loop_after(r->loop, &r->pulse_timer, r->second - truth);
}

/* ---- messages ---- */

static void message_fires(void *arg, int64_t now)
{
    const struct sim_message *m = arg;
    struct sim_receiver *r = m->receiver;
    const struct sim_receiver_config *c = &r->config;
    char text[SENTENCES_SIZE];
    double t = (double)(m->second * SECOND - r->start) * 1e-9;
    (void)now;
    if (within(c->outage, t))
        return;
    bool fix = t >= c->first_fix && !within(c->no_fix, t);
    int size = sentences_write(text, m->second + within(c->wrong, t), fix);
    for (char *p = text; *p; p = strchr(p, '\n') + 1)
        if (rng_uniform(&r->message_rng) < c->corrupt)
            p[1 + rng_u64(&r->message_rng) % 20] ^= 1;
    ssize_t wrote = write(r->write_fd, text, (size_t)size);
    if (wrote < size)
        r->lost_bytes += (uint64_t)(size - (wrote > 0 ? wrote : 0));
    if (r->written)
        *r->written = true;
}

static int open_pty(struct sim_receiver *r, char *path, size_t size, struct err *err)
{
    struct termios tio;
    r->read_fd = -1;
    r->write_fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (r->write_fd < 0 || grantpt(r->write_fd) || unlockpt(r->write_fd) ||
        ptsname_r(r->write_fd, path, size))
        return err_errno(err, "pseudo terminal", "mount devpts on /dev/pts", "opening", errno);
    if (!tcgetattr(r->write_fd, &tio)) {
        cfmakeraw(&tio);
        (void)tcsetattr(r->write_fd, TCSANOW, &tio);
    }
    return 0;
}

static int open_pipe(struct sim_receiver *r, struct err *err)
{
    int fds[2];
    if (pipe2(fds, O_NONBLOCK | O_CLOEXEC))
        return err_errno(err, "pipe", "", "opening", errno);
    r->read_fd = fds[0];
    r->write_fd = fds[1];
    return 0;
}

int sim_receiver_start(struct sim_receiver *r, struct loop *loop, int64_t (*truth)(void *),
                       void *arg, uint64_t seed, bool use_pty, char *path, size_t size,
                       struct err *err)
{
    r->loop = loop;
    r->clock = loop->clock;
    r->truth = truth;
    r->arg = arg;
    sim_pulse_model_start(&r->pulse_model, seed);
    r->stamped = NAN;
    r->message_rng = rng_seeded(seed, 3);
    r->pulse_timer = (struct loop_timer){.name = "simulated pulse", .fire = pulse_fires, .arg = r};
    for (int i = 0; i < 2; i++) {
        r->message[i].receiver = r;
        r->message[i].timer = (struct loop_timer){
            .name = "simulated message", .fire = message_fires, .arg = &r->message[i]};
    }
    if (use_pty ? open_pty(r, path, size, err) : open_pipe(r, err))
        return -1;
    r->start = truth(arg);
    r->second = (r->start / SECOND + 1) * SECOND;
    loop_after(loop, &r->pulse_timer, r->second - r->start);
    return 0;
}

void sim_receiver_flush(struct sim_receiver *r)
{
    char bytes[4096];
    while (r->read_fd >= 0 && read(r->read_fd, bytes, sizeof bytes) > 0)
        ;
}

void sim_receiver_stop(struct sim_receiver *r)
{
    loop_cancel(r->loop, &r->pulse_timer);
    for (int i = 0; i < 2; i++)
        loop_cancel(r->loop, &r->message[i].timer);
    close(r->write_fd);
    if (r->read_fd >= 0)
        close(r->read_fd);
}

/* ---- as drivers see it ---- */

struct sim_port {
    struct port port;
    int fd; /* the receiver's */
};

static int port_get_fd(const struct port *p)
{
    return ((const struct sim_port *)p)->fd;
}

static ssize_t port_read_pipe(struct port *p, void *buf, size_t size, struct err *err)
{
    ssize_t n = read(((struct sim_port *)p)->fd, buf, size);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return n > 0 ? n : 0;
    return err_errno(err, "simulated receiver", "", "reading", n < 0 ? errno : EPIPE);
}

static void port_free(struct port *p)
{
    free(p);
}

static const struct port_ops port_ops = {
    .fd = port_get_fd, .read = port_read_pipe, .close = port_free};

int sim_receiver_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                      struct err *err)
{
    struct sim_receiver *r = env->arg;
    struct sim_port *p = calloc(1, sizeof *p);
    (void)baud;
    if (!p)
        return err_errno(err, path, "", "opening", ENOMEM);
    p->port.ops = &port_ops;
    p->fd = r->read_fd;
    *out = &p->port;
    return 0;
}

struct sim_pulse {
    struct pulse pulse;
    struct sim_receiver *receiver;
};

static int pulse_newest(struct pulse *p, struct pulse_stamp *s, struct err *err)
{
    struct sim_receiver *r = ((struct sim_pulse *)p)->receiver;
    (void)err;
    /* a late stamp is not there before its time */
    *s = r->now.reading <= clock_now(r->clock) ? r->now : r->before;
    return 0;
}

static void pulse_free(struct pulse *p)
{
    free(p);
}

static const struct pulse_ops pulse_ops = {.fetch = pulse_newest, .close = pulse_free};

int sim_receiver_pulse(const struct driver_env *env, const char *path, bool clear,
                       struct pulse **out, struct err *err)
{
    struct sim_pulse *p = calloc(1, sizeof *p);
    (void)clear;
    if (!p)
        return err_errno(err, path, "", "opening", ENOMEM);
    p->pulse.ops = &pulse_ops;
    p->receiver = env->arg;
    *out = &p->pulse;
    return 0;
}
