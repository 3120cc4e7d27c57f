/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `nmea`: a receiver at a serial port, that speaks NMEA, UBX or both. */
#include <math.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "drivers/era.h"
#include "drivers/receiver/nmea_driver.h"
#include "drivers/receiver/nmea_state.h"
#include "drivers/nmea/nmea_why.h"
#include "refclock/civil.h"

#define SILENCE_NS (5 * NS_PER_S)
#define READS_MAX  64 /* of 1024 bytes, at one wake-up */
#define MOVED      "its dates are whole eras of 1024 weeks back, and put right"
#define GONE_TODO  "it is opened again as soon as it is back"

/* NMEA sentences and UBX messages with a right checksum. */
static uint64_t messages(const struct nmea_driver *d)
{
    return d->gnss.nmea.counts.sentences + d->gnss.stream.counts.ubx;
}

static uint64_t frames(const struct nmea_driver *d)
{
    return messages(d) + d->gnss.stream.counts.rtcm;
}

static void begin_silence(struct nmea_driver *d)
{
    d->silent_bytes = d->gnss.stream.counts.bytes;
    d->silent_messages = messages(d);
    d->silent_unchecked = d->gnss.nmea.counts.no_checksum;
    loop_after(d->driver.env->loop, &d->silence, SILENCE_NS);
}

/* ---- the baud rate ---- */

static bool is_auto(const struct nmea_driver *d)
{
    return d->baud <= 0;
}

static bool is_detecting(const struct nmea_driver *d)
{
    return is_auto(d) && !d->detect.found && d->setup.phase == UBX_SETUP_IDLE;
}

static void begin_detection(struct nmea_driver *d)
{
    detect_init(&d->detect, d->first, frames(d), loop_now(d->driver.env->loop));
    if (is_auto(d))
        loop_after(d->driver.env->loop, &d->listen, DETECT_TICK_NS);
}

/* A port that takes no rate has none: USB, a pty, a pipe. */
static void set_rate(struct nmea_driver *d)
{
    struct err ignored;
    gnss_reset(&d->gnss);
    if (port_set_baud(d->port, detect_baud(&d->detect), &ignored))
        return;
    d->rates++;
}

static void listened(struct nmea_driver *d, bool other_rate)
{
    if (other_rate)
        set_rate(d);
    if (!d->detect.found)
        return;
    loop_cancel(d->driver.env->loop, &d->listen);
    d->first = detect_baud(&d->detect);
}

static void on_listen(void *arg, int64_t now)
{
    struct nmea_driver *d = arg;
    loop_after(d->driver.env->loop, &d->listen, DETECT_TICK_NS);
    if (!is_detecting(d))
        return; /* a person sets the rate just now */
    listened(d, detect_tick(&d->detect, frames(d), now));
}

static int rate(const struct nmea_driver *d)
{
    return is_auto(d) ? detect_baud(&d->detect) : (int)d->baud;
}

/* ---- health ---- */

/* The rate may have been right once, and no longer be. */
static void say_noise(struct nmea_driver *d, struct err *err)
{
    err_set(err, d->driver.path,
            is_auto(d) ? "is the receiver set to NMEA or UBX? its baud rate is being looked for"
                       : "is the receiver set to NMEA or UBX at this rate? `baud auto` finds it",
            NMEA_WHY_NOISE);
    if (d->detect.found)
        begin_detection(d);
}

/* What a person should look at depends on how far the bytes get. */
static void on_silence(void *arg, int64_t now)
{
    struct nmea_driver *d = arg;
    struct err err;
    (void)now;
    if (d->gnss.stream.counts.bytes == d->silent_bytes)
        err_set(&err, d->driver.path, "check the wiring and the receiver's power",
                NMEA_WHY_NOTHING);
    else if (messages(d) == d->silent_messages &&
             d->gnss.nmea.counts.no_checksum != d->silent_unchecked)
        err_set(&err, d->driver.path, "switch the checksums of its sentences on",
                "the receiver's sentences come without checksums, and damage could not be told");
    else if (messages(d) == d->silent_messages)
        say_noise(d, &err);
    else
        err_set(&err, d->driver.path, "switch RMC, GGA and ZDA, or UBX NAV-PVT on in the receiver",
                NMEA_WHY_NO_TIME);
    driver_say(&d->driver, HEALTH_SILENT, &err);
    begin_silence(d);
}

static void say_no_fix(struct nmea_driver *d, enum nmea_verdict verdict)
{
    struct err err;
    nmea_why_not(verdict, d->driver.path, &err);
    driver_say(&d->driver, HEALTH_NO_FIX, &err);
}

/* Messages without a word of a fix may stand between others that have one. */
static void take_no_word(struct nmea_driver *d, const struct nmea_epoch *e)
{
    if (e->local - d->worded >= SILENCE_NS)
        say_no_fix(d, e->verdict);
}

/* Its firmware may have lost an era, and the clock may know. */
static void take_too_early(struct nmea_driver *d, int64_t second, int64_t clock_says)
{
    struct err err;
    int64_t pivot = d->driver.env->era_pivot;
    d->too_early++;
    if (era_by_clock(&pivot, second, clock_says))
        gnss_pivot(&d->gnss, pivot);
    nmea_why_too_early(second, d->driver.path, &err);
    driver_say(&d->driver, HEALTH_NO_FIX, &err);
}

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    struct nmea_driver *d = arg;
    bool stated = d->delay[1] > 0;
    struct timelabel label = {
        .second = e->second,
        .leap60 = e->leap60,
        .nsec = e->nsec,
        .local = e->local,
        .delay_min = stated ? d->delay[0] : (double)NAN,
        .delay_max = stated ? d->delay[1] : (double)NAN,
        .leap = ubx_epochs_leap(&d->gnss.ubx.epochs),
    };
    bool use = epoch_gate_take(&d->gate, e);
    begin_silence(d);
    if (e->verdict == NMEA_NO_WORD) {
        take_no_word(d, e);
        return;
    }
    d->worded = e->local;
    if (e->verdict != NMEA_VOUCHED) {
        say_no_fix(d, e->verdict);
        return;
    }
    int64_t clock_says = clock_now(d->driver.env->clock) / NS_PER_S;
    if (era_too_early(d->driver.env->era_pivot, e->second, clock_says)) {
        take_too_early(d, e->second, clock_says);
        return;
    }
    if (!use) {
        d->unconfirmed++;
        return;
    }
    driver_say(&d->driver, HEALTH_OK, NULL);
    if (e->era_moved && !d->moved)
        log_say(d->driver.env->log, LOG_LEVEL_NOTICE, "%s: %s", d->driver.path, MOVED);
    d->moved |= e->era_moved;
    d->driver.sink->label(d->driver.sink_arg, &label);
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct nmea_driver *d = arg;
    d->setup.satellites = sky->count;
    d->setup.used = sky->used;
    d->driver.sink->sky(d->driver.sink_arg, sky);
}

static void on_sawtooth(void *arg, const struct sawtooth *s)
{
    struct nmea_driver *d = arg;
    if (d->driver.sink->sawtooth)
        d->driver.sink->sawtooth(d->driver.sink_arg, s);
}

static void on_leap(void *arg, const struct leap_claim *c)
{
    struct nmea_driver *d = arg;
    if (d->driver.sink->leap)
        d->driver.sink->leap(d->driver.sink_arg, c);
}

/* A new text of the receiver is logged, escaped as it is in the report. */
static void on_report(void *arg, const struct receiver_report *r)
{
    struct nmea_driver *d = arg;
    _Static_assert(sizeof d->notice == sizeof r->notice, "the same text");
    if (strcmp(d->notice, r->notice) != 0 && log_allowed(&d->limit_notice, r->local, NULL)) {
        memcpy(d->notice, r->notice, sizeof d->notice);
        log_say(d->driver.env->log, LOG_LEVEL_INFO, "%s: the receiver says: %s", d->driver.path,
                r->notice);
    }
    if (d->driver.sink->report)
        d->driver.sink->report(d->driver.sink_arg, r);
}

static void on_frame(void *arg, const struct ubx_frame *frame)
{
    ubx_setup_frame(&((struct nmea_driver *)arg)->setup, frame);
}

static const struct gnss_sink gnss_sink = {
    .epoch = on_epoch,
    .sky = on_sky,
    .sawtooth = on_sawtooth,
    .leap = on_leap,
    .report = on_report,
    .frame = on_frame,
};

/* ---- setting the receiver up ---- */

static ptrdiff_t write_port(void *arg, const void *bytes, size_t size)
{
    struct nmea_driver *d = arg;
    struct err err;
    return d->port ? port_write(d->port, bytes, size, &err) : -1;
}

static int set_port_baud(void *arg, int baud, struct err *err)
{
    struct nmea_driver *d = arg;
    if (!d->port)
        return err_set(err, d->driver.path, GONE_TODO, "the port has gone");
    if (port_set_baud(d->port, baud, err))
        return -1;
    d->first = baud;
    if (is_auto(d))
        begin_detection(d);
    else
        d->baud = baud;
    return 0;
}

static const struct ubx_setup_host setup_host = {.write = write_port, .set_baud = set_port_baud};

static int nmea_driver_command(struct driver *driver, const struct driver_command *c,
                               struct err *err)
{
    struct nmea_driver *d = (struct nmea_driver *)driver;
    if (!d->port)
        return err_set(err, driver->path, driver->said_err.todo, "the port is not open");
    if (messages(d) == d->opened_messages)
        return err_set(err, driver->path, "wait for its first message, or mend what keeps it away",
                       "nothing is written to a port before a receiver was heard on it");
    d->setup.rate = rate(d);
    return ubx_setup_command(&d->setup, c, err);
}

static void shut(struct nmea_driver *d)
{
    struct loop *loop = d->driver.env->loop;
    loop_cancel(loop, &d->verdict);
    loop_cancel(loop, &d->silence);
    loop_cancel(loop, &d->listen);
    ubx_setup_gone(&d->setup);
    if (!d->port)
        return;
    loop_unwatch(loop, &d->fd);
    port_close(d->port);
    d->port = NULL;
}

static void on_bytes(void *arg, int64_t now, short revents)
{
    struct nmea_driver *d = arg;
    char bytes[1024];
    struct err err = {0};
    ssize_t got = 0;
    for (int i = 0; i < READS_MAX; i++) {
        got = port_read(d->port, bytes, sizeof bytes, &err);
        if (got <= 0)
            break;
        if (d->driver.sink->bytes)
            d->driver.sink->bytes(d->driver.sink_arg, bytes, (size_t)got, now);
        gnss_feed(&d->gnss, bytes, (size_t)got, now);
        if (is_detecting(d))
            listened(d,
                     detect_feed(&d->detect, (const uint8_t *)bytes, (size_t)got, frames(d), now));
    }
    /* a port in error that does not say so would wake the loop for ever */
    if (!got && revents & (POLLERR | POLLHUP | POLLNVAL))
        got = err_set(&err, "", GONE_TODO, "the port has gone");
    if (got < 0) {
        driver_blame(&d->driver, &err);
        shut(d);
        driver_say(&d->driver, HEALTH_CLOSED, &err);
        reopen_later(&d->reopen);
    } else if (gnss_pending(&d->gnss)) {
        loop_after(d->driver.env->loop, &d->verdict, GNSS_WAIT_NS);
    }
}

static void on_verdict(void *arg, int64_t now)
{
    struct nmea_driver *d = arg;
    gnss_tick(&d->gnss, now);
    /* timers and the local scale do not run at the same rate */
    if (gnss_pending(&d->gnss))
        loop_after(d->driver.env->loop, &d->verdict, GNSS_WAIT_NS / 10);
}

static int open_device(struct driver *driver, struct err *err)
{
    struct nmea_driver *d = (struct nmea_driver *)driver;
    const struct driver_env *env = d->driver.env;
    begin_detection(d);
    if (env->open_port(env, d->driver.path, rate(d), &d->port, err)) {
        loop_cancel(env->loop, &d->listen);
        d->port = NULL;
        return -1;
    }
    gnss_reset(&d->gnss);
    d->opened_messages = messages(d);
    d->setup.dialect.port = strstr(d->driver.path, "ACM") ? UBX_PORT_USB : UBX_PORT_UART1;
    epoch_gate_init(&d->gate);
    d->worded = loop_now(env->loop);
    d->fd.fd = port_fd(d->port);
    loop_watch(env->loop, &d->fd);
    begin_silence(d);
    return 0;
}

static int nmea_driver_open(struct driver *driver, struct err *err)
{
    struct nmea_driver *d = (struct nmea_driver *)driver;
    const struct driver_env *env = driver->env;
    d->fd = (struct loop_fd){.name = "nmea port", .events = POLLIN, .ready = on_bytes, .arg = d};
    d->verdict =
        (struct loop_timer){.name = "nmea verdict", .fire = on_verdict, .arg = d, .due = INT64_MAX};
    d->silence =
        (struct loop_timer){.name = "nmea silence", .fire = on_silence, .arg = d, .due = INT64_MAX};
    d->listen =
        (struct loop_timer){.name = "nmea listen", .fire = on_listen, .arg = d, .due = INT64_MAX};
    reopen_device(&d->reopen, driver, "nmea reopen", open_device);
    gnss_init(&d->gnss, env->era_pivot, &gnss_sink, d);
    ubx_setup_init(&d->setup, &setup_host, d, env->loop, &d->gnss.report);
    return reopen_begin(&d->reopen, err);
}

static void nmea_driver_close(struct driver *driver)
{
    struct nmea_driver *d = (struct nmea_driver *)driver;
    if (!d->reopen.loop)
        return; /* never opened */
    ubx_setup_stop(&d->setup);
    shut(d);
    reopen_cancel(&d->reopen);
}

void nmea_driver_try_first(struct driver *driver, int baud)
{
    ((struct nmea_driver *)driver)->first = baud;
}

static void describe(const struct driver *driver, char *buf, size_t size)
{
    const struct nmea_driver *d = (const struct nmea_driver *)driver;
    const struct gnss *g = &d->gnss;
    *buf = 0;
    if (d->port && messages(d))
        snprintf(buf, size, "%s%s%s at %d baud%s%s%s", g->nmea.counts.sentences ? "NMEA" : "",
                 g->nmea.counts.sentences && g->stream.counts.ubx ? " and " : "",
                 g->stream.counts.ubx ? "UBX" : "", rate(d),
                 is_auto(d) ? ", found by listening" : "", d->moved ? "; " : "",
                 d->moved ? MOVED : "");
}

const struct driver_ops nmea_driver_ops = {
    .name = "nmea",
    .help = "NMEA 0183 and u-blox UBX messages of a GNSS receiver at a serial port",
    .gives = DRIVER_MESSAGES,
    .options = nmea_options,
    .counters = nmea_counters,
    .size = sizeof(struct nmea_driver),
    .open = nmea_driver_open,
    .close = nmea_driver_close,
    .describe = describe,
    .command = nmea_driver_command,
};
