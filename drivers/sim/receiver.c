/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sim/receiver.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include "drivers/sim/sentences.h"
#include "drivers/sim/ubx_frames.h"

#define SECOND  INT64_C(1000000000)
#define SLEPT_S 3 /* a message so late was sent while the machine slept, and lost */

/* ---- pulses ---- */

static void stamp(struct sim_receiver *r, int64_t second, double by)
{
    r->before = r->now;
    r->now.sequence += (uint64_t)fmax(1, r->edges);
    r->now.reading = second + llrint(by * 1e9 + 0.5); /* the reading was cut to whole ns */
}

/* A pulse every other second, and so on. */
static bool left_out(const struct sim_receiver *r, double t)
{
    const struct sim_span *s = sim_span_at(r->config.rate, t);
    return s && s->by < 1 && r->second / SECOND % llrint(1 / s->by) != 0;
}

/* A stray pulse comes at any time of the second: it is what the next fetch finds, as with a real
 * line. */
static void stamp_pulse(struct sim_receiver *r, int64_t late_by, double early)
{
    struct sim_stamp s = sim_pulse_model_next(&r->pulse_model, &r->config.pulse);
    int64_t second = clock_now(r->clock) - late_by;
    double t = (double)(r->second - r->start) * 1e-9;
    const struct sim_span *rate = sim_span_at(r->config.rate, t);
    r->stamped = NAN;
    if (!s.there || sim_receiver_silent(&r->config, t) || left_out(r, t))
        return;
    r->stamped = s.by - early;
    stamp(r, second, s.by - early);
    if (!isnan(s.doubled))
        stamp(r, second, s.doubled - early);
    r->edges = rate ? rate->by : 1;
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

/* How long before the true second its pulse comes, s. */
static double early(const struct sim_receiver *r)
{
    double ahead = sim_receiver_ahead(&r->config, (double)(r->second - r->start) * 1e-9);
    return ahead - rint(ahead);
}

static void send_later(struct sim_receiver *r, int64_t truth)
{
    const struct sim_receiver_config *c = &r->config;
    double t = (double)(r->second - r->start) * 1e-9;
    const struct sim_span *more = sim_span_at(c->delayed, t);
    double delay = c->message_delay + c->message_drift * t + (more ? more->by : 0) +
                   jitter(&r->message_rng, c->message_jitter_kind, c->message_jitter);
    struct sim_message *m = &r->message[r->second / SECOND % 2];
    m->second = r->second / SECOND;
    m->qerr = sim_pulse_model_ahead(&r->pulse_model, &c->pulse);
    loop_after(r->loop, &m->timer, r->second + llrint(fmax(0.001, delay) * 1e9) - truth);
    if (c->protocol != SIM_NMEA)
        loop_after(r->loop, &m->pulse_timer,
                   r->second + llrint(c->pulse_message_delay * 1e9) - truth);
}

static void pulse_fires(void *arg, int64_t now)
{
    struct sim_receiver *r = arg;
    int64_t truth = r->truth(r->arg);
    (void)now;
    if (truth - r->second < SECOND) { /* else the machine slept, and heard nothing of it */
        stamp_pulse(r, truth - r->second, early(r));
        send_later(r, truth);
        r->second += SECOND;
    } else {
        r->second = (truth / SECOND + 1) * SECOND;
    }
    loop_after(r->loop, &r->pulse_timer, r->second - llrint(fmax(0, early(r)) * 1e9) - truth);
}

/* ---- messages ---- */

/* A damaged byte, now and then. */
static void damage(struct sim_receiver *r, struct sim_bytes *b)
{
    for (int i = 0; i < b->parts; i++)
        if (rng_uniform(&r->message_rng) < r->config.corrupt)
            b->data[b->part[i] + 1 +
                    (int)(rng_u64(&r->message_rng) % 20) % (b->size - b->part[i] - 1)] ^= 1;
}

/* False: they are lost with the whole receiver, or the machine slept. */
static bool are_heard(const struct sim_message *m)
{
    const struct sim_receiver *r = m->receiver;
    double t = (double)(m->second * SECOND - r->start) * 1e-9;
    return !sim_span_at(r->config.outage, t) && !sim_span_at(r->config.no_message, t) &&
           r->truth(r->arg) <= (m->second + SLEPT_S) * SECOND;
}

static void send_bytes(struct sim_receiver *r, struct sim_bytes *b)
{
    damage(r, b);
    ssize_t wrote = write(r->write_fd, b->data, (size_t)b->size);
    if (wrote < b->size)
        r->lost_bytes += (uint64_t)(b->size - (wrote > 0 ? wrote : 0));
    if (r->written)
        *r->written = true;
}

static void message_fires(void *arg, int64_t now)
{
    const struct sim_message *m = arg;
    struct sim_receiver *r = m->receiver;
    struct sim_bytes bytes = {0};
    (void)now;
    if (!are_heard(m))
        return;
    struct sim_claim claim = sim_receiver_claim(r, m);
    if (r->config.protocol != SIM_UBX)
        sentences_add(&bytes, &claim);
    if (r->config.protocol != SIM_NMEA)
        ubx_frames_add(&bytes, &claim);
    send_bytes(r, &bytes);
}

static void pulse_message_fires(void *arg, int64_t now)
{
    const struct sim_message *m = arg;
    struct sim_bytes bytes = {0};
    (void)now;
    if (!are_heard(m))
        return;
    struct sim_claim claim = sim_receiver_claim(m->receiver, m);
    ubx_frames_add_pulse(&bytes, &claim);
    if (bytes.size)
        send_bytes(m->receiver, &bytes);
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
    r->qerr_rng = rng_seeded(seed, 7);
    r->edges = 1;
    r->pulse_timer = (struct loop_timer){.name = "simulated pulse", .fire = pulse_fires, .arg = r};
    for (int i = 0; i < 2; i++) {
        r->message[i].receiver = r;
        r->message[i].timer = (struct loop_timer){
            .name = "simulated message", .fire = message_fires, .arg = &r->message[i]};
        r->message[i].pulse_timer = (struct loop_timer){
            .name = "simulated TIM-TP", .fire = pulse_message_fires, .arg = &r->message[i]};
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
    for (int i = 0; i < 2; i++) {
        loop_cancel(r->loop, &r->message[i].timer);
        loop_cancel(r->loop, &r->message[i].pulse_timer);
    }
    close(r->write_fd);
    if (r->read_fd >= 0)
        close(r->read_fd);
}
