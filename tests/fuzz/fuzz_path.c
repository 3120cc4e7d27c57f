/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole path: a receiver's bytes and pulses through drivers, numbering, discipline and status
 * to an answer on the wire, in the daemon in virtual time. The first octet chooses configuration
 * and pulses. In what follows 0x01 lets time pass until 200 ms after the next second; 0x02 n: by
 * n x 50 ms; 0x03 n: somebody steps the clock by (n - 128)^3 x 100 us; 0x04 n: the oscillator is
 * n - 128 ppm off; 0x05 n: a UBX frame of the n octets that follow (class, id, payload), and 0x06
 * n: an NMEA sentence of them, with the right checksums, so that what they say is reached; all
 * other octets are the receiver's. What must hold whatever a receiver sends ends the program.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "server/daemon/daemon.h"
#include "server/responder/handler.h"
#include "server/status/json.h"
#include "tests/fuzz/fuzz.h"

#define START       (INT64_C(1795521600) * NS_PER_S)
#define PIVOT       INT64_C(1795478400)
#define PASSES_MOST 3000 /* of time, in one input */

enum { WITH_PPS = 1, PULSES = 2, STATED = 4, STEERED = 8, GLITCHES = 16, FAR_OFF = 32 };

struct world {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct config config;
    struct daemon *daemon;
    struct handler handler;
    struct loop_timer pulse_timer;
    struct port port;
    struct pulse pulse;
    struct pulse_stamp stamp;
    int bytes[2]; /* pipe */
    uint8_t choice;
    double off; /* of the oscillator */
    int passes;
};

/* ---- the machine ---- */

static double frequency_of(void *loop, int64_t second)
{
    (void)second;
    return ((struct world *)((char *)loop - offsetof(struct world, loop)))->off;
}

static int get_fd(const struct port *p)
{
    return ((const struct world *)((const char *)p - offsetof(struct world, port)))->bytes[0];
}

static ssize_t get_bytes(struct port *p, void *buf, size_t size, struct err *err)
{
    ssize_t n = read(get_fd(p), buf, size);
    return n > 0 ? n : errno == EAGAIN ? 0 : err_set(err, "", "", "no pipe");
}

static void close_port(struct port *p)
{
    (void)p;
}

/* Nothing is asked of this receiver. */
static ssize_t put_bytes(struct port *p, const void *buf, size_t size, struct err *err)
{
    (void)p;
    (void)buf;
    (void)err;
    return (ssize_t)size;
}

static int set_baud(struct port *p, int baud, struct err *err)
{
    (void)p;
    (void)baud;
    (void)err;
    return 0;
}

static const struct port_ops port_ops = {
    .fd = get_fd,
    .read = get_bytes,
    .write = put_bytes,
    .set_baud = set_baud,
    .close = close_port,
};

static int open_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                     struct err *err)
{
    struct world *w = env->arg;
    (void)path;
    (void)baud;
    (void)err;
    w->port.ops = &port_ops;
    *out = &w->port;
    return 0;
}

static int fetch(struct pulse *p, struct pulse_stamp *s, struct err *err)
{
    (void)err;
    *s = ((struct world *)((char *)p - offsetof(struct world, pulse)))->stamp;
    return 0;
}

static void close_pulse(struct pulse *p)
{
    (void)p;
}

static const struct pulse_ops pulse_ops = {.fetch = fetch, .close = close_pulse};

static int open_pulse(const struct driver_env *env, const char *path, const struct pulse_want *want,
                      struct pulse **out, struct err *err)
{
    struct world *w = env->arg;
    (void)path;
    (void)want;
    (void)err;
    w->pulse.ops = &pulse_ops;
    *out = &w->pulse;
    return 0;
}

/* At each second; with glitches some come 30 ms late, and every seventh not at all. */
static void pulse_fires(void *arg, int64_t now)
{
    struct world *w = arg;
    int64_t second = w->loop.truth / NS_PER_S;
    bool late = w->choice & GLITCHES && second % 5 == 0;
    (void)now;
    if (w->choice & PULSES && !(w->choice & GLITCHES && second % 7 == 0)) {
        w->stamp.sequence++;
        w->stamp.reading = clock_now(&w->clock.clock) - (late ? 0 : w->loop.truth % NS_PER_S);
    }
    int64_t next = (second + 1) * NS_PER_S + ((second + 1) % 5 == 0 ? 30000000 : 0);
    loop_after(&w->loop.loop, &w->pulse_timer, next - w->loop.truth);
}

/* ---- what must hold ---- */

static void check_snapshot(const struct world *w, const struct snapshot *s)
{
    REQUIRE(s->total > 0 && isfinite(s->total) && isfinite(s->stat) && s->stat >= 0);
    REQUIRE(isfinite(s->offset) && isfinite(s->rate) && isfinite(s->drift) && s->drift >= 0);
    REQUIRE(s->generation == w->clock.clock.generation && !s->transition);
    REQUIRE(s->stratum == 1 || s->stratum == 16);
    REQUIRE((s->stratum == 16) == (s->leap == LEAP_UNKNOWN));
    REQUIRE(s->locked_once || s->stratum == 16);
    /* a pulse that was promised and never came numbers nothing */
    REQUIRE(s->stratum == 16 || w->choice & (w->choice & WITH_PPS ? PULSES : STATED));
}

static void check_answer(struct world *w)
{
    struct ntp_packet question = {.version = 4, .mode = WIRE_MODE_CLIENT, .transmit = 1}, p;
    uint8_t bytes[WIRE_SIZE], reply[REPLY_SIZE];
    wire_encode(&question, bytes);
    handler_look(&w->handler);
    struct datagram d = {.bytes = bytes, .size = WIRE_SIZE, .received = w->handler.now};
    check_snapshot(w, &w->handler.snapshot);
    if (handler_answer(&w->handler, &d, reply) != WIRE_SIZE)
        return;
    wire_decode(reply, &p);
    REQUIRE((p.leap == LEAP_UNKNOWN) == (p.stratum == 0) && p.root_dispersion > 0);
    REQUIRE(p.stratum == 0 || p.reftime <= p.receive);
}

static void check_status(struct world *w)
{
    char *line = status_json_line(daemon_status(w->daemon), "status");
    REQUIRE(line && strlen(line) < STATUS_LINE_MAX && strchr(line, '\n') == strrchr(line, '\n'));
    free(line);
}

/* ---- the play ---- */

static void pass(struct world *w, int64_t until)
{
    if (w->passes++ >= PASSES_MOST)
        return;
    while (w->loop.truth < until)
        REQUIRE(loop_turn(&w->loop.loop, until) == 0);
    check_answer(w);
}

static void give(struct world *w, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        size_t part = size < 4096 ? size : 4096;
        REQUIRE(write(w->bytes[1], bytes, part) == (ssize_t)part);
        w->loop.written = true;
        while (w->loop.written)
            REQUIRE(loop_turn(&w->loop.loop, w->loop.truth) == 0);
        bytes += part;
        size -= part;
    }
}

/* One of the octets that are not the receiver's, with its operand. */
static void obey(struct world *w, uint8_t what, uint8_t operand)
{
    double n = operand - 128.0;
    if (what == 1)
        pass(w, (w->loop.truth / NS_PER_S + 1) * NS_PER_S + NS_PER_S / 5);
    else if (what == 2)
        pass(w, w->loop.truth + operand * (NS_PER_S / 20));
    else if (what == 3)
        clock_virtual_disturb(&w->clock, n * n * n * 1e-4);
    else
        w->off = n * 1e-6;
}

static void give_frame(struct world *w, const uint8_t *octets, size_t size)
{
    size_t length = size - 2;
    uint8_t frame[8 + 256] = {0xb5, 0x62, octets[0], octets[1], (uint8_t)length}, a = 0, b = 0;
    memcpy(frame + 6, octets + 2, length);
    for (size_t i = 2; i < length + 6; i++) {
        a = (uint8_t)(a + frame[i]);
        b = (uint8_t)(b + a);
    }
    frame[length + 6] = a;
    frame[length + 7] = b;
    give(w, frame, length + 8);
}

static void give_sentence(struct world *w, const uint8_t *octets, size_t size)
{
    char text[300];
    unsigned sum = 0;
    for (size_t i = 0; i < size; i++)
        sum ^= octets[i];
    memcpy(text + 1, octets, size);
    *text = '$';
    int end = snprintf(text + 1 + size, sizeof text - 1 - size, "*%02X\r\n", sum);
    give(w, (uint8_t *)text, 1 + size + (size_t)end);
}

/* 0x05 or 0x06 with its length and octets; returns how many of all that there were. */
static size_t give_whole(struct world *w, const uint8_t *data, size_t size)
{
    size_t length = size > 1 ? data[1] : 0;
    if (length > size - 2 || size < 2)
        length = size < 2 ? 0 : size - 2;
    if (data[0] == 5 && length >= 2)
        give_frame(w, data + 2, length);
    else if (data[0] == 6)
        give_sentence(w, data + 2, length);
    return size < 2 ? 1 : 2 + length;
}

static void play(struct world *w, const uint8_t *data, size_t size)
{
    size_t from = 0;
    for (size_t i = 0; i < size; i++) {
        if (data[i] == 5 || data[i] == 6) {
            give(w, data + from, i - from);
            i += give_whole(w, data + i, size - i) - 1;
            from = i + 1;
            continue;
        }
        if (data[i] < 1 || data[i] > 4)
            continue;
        give(w, data + from, i - from);
        bool operand = data[i] != 1 && i + 1 < size;
        obey(w, data[i], operand ? data[i + 1] : 128);
        i += operand;
        from = i + 1;
    }
    give(w, data + from, size - from);
    pass(w, w->loop.truth + NS_PER_S);
}

static void open_world(struct world *w)
{
    char conf[256];
    struct config_errors errors;
    struct err err;
    snprintf(conf, sizeof conf,
             "threads 0\nlisten none\nstatussocket none\ndriftfile none\nleapfile none\nrefclock "
             "nmea x%s\n%s",
             w->choice & STATED ? " delay 0.1..0.3" : "",
             w->choice & WITH_PPS ? "refclock pps y\n" : "");
    REQUIRE(config_parse(&w->config, "conf", conf, strlen(conf), &errors) == 0);
    REQUIRE(pipe2(w->bytes, O_NONBLOCK | O_CLOEXEC) == 0);
    loop_virtual_init(&w->loop, &w->clock.clock, START);
    clock_virtual_init(&w->clock, loop_virtual_truth, frequency_of, &w->loop,
                       w->choice & FAR_OFF ? -1e9 : 0.01);
    w->clock.clock.steerable = w->choice & STEERED;
    w->loop.loop.now = clock_now(&w->clock.clock);
    struct daemon_world world = {.loop = &w->loop.loop,
                                 .steering = STATUS_STEERS_VIRTUAL,
                                 .era_pivot = PIVOT,
                                 .open_port = open_port,
                                 .open_pulse = open_pulse,
                                 .arg = w};
    REQUIRE(daemon_open(&w->daemon, &w->config, &world, &err) == 0);
    handler_init(&w->handler, &w->daemon->latch, &w->clock.clock);
    w->pulse_timer = (struct loop_timer){.name = "pulse", .fire = pulse_fires, .arg = w};
    loop_after(&w->loop.loop, &w->pulse_timer, NS_PER_S);
}

static void close_world(struct world *w)
{
    loop_cancel(&w->loop.loop, &w->pulse_timer);
    daemon_close(w->daemon);
    REQUIRE(!w->loop.loop.timers && !w->loop.loop.fds);
    loop_close(&w->loop.loop);
    config_free(&w->config);
    close(w->bytes[0]);
    close(w->bytes[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct world *w = calloc(1, sizeof *w);
    REQUIRE(w);
    w->choice = data[0];
    open_world(w);
    play(w, data + 1, size - 1);
    check_status(w);
    close_world(w);
    free(w);
    return 0;
}
