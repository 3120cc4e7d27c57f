/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `gpsd`: a receiver that gpsd holds, through its socket. */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "drivers/driver.h"
#include "drivers/era.h"
#include "drivers/gpsd/gpsd_json.h"
#include "drivers/gpsd/gpsd_link.h"
#include "drivers/reopen.h"
#include "drivers/stamp.h"
#include "refclock/civil.h"

#define SILENCE_NS   (5 * NS_PER_S)
#define CONNECT_NS   (5 * NS_PER_S)
#define READS_MAX    16  /* at one wake-up */
#define FIXES_MIN    3   /* in a row, before its time is believed */
#define GARBAGE_MAX  100 /* lines in a row */
#define PROTOCOL_MIN 3
#define PULSES_NS    (10 * NS_PER_S) /* so long after a pulse the messages are left out */

struct gpsd_driver {
    struct driver driver;
    char device[OPTION_TEXT_SIZE]; /* "": every one */
    double delay[2];               /* s; 0, 0: not stated */
    double latency, uncertainty;   /* s, of pulses */
    struct sockaddr_storage name;
    socklen_t name_size;
    struct gpsd_json *json;
    struct gpsd_link link;
    struct gpsd_message message;
    struct loop_fd fd;
    struct loop_timer silence;
    struct reopen reopen;
    struct stamp_check check;
    bool connected, watching, failed;
    struct err failure;
    int64_t now; /* of this wake-up, local */
    int64_t pulse_at;
    bool pulses;
    int fixes, garbage; /* in a row */
    struct sky sky;
    char about[128];
    uint64_t lines, malformed, fixes_all, no_fix, pulses_all, toffs, stale, early, bad_date,
        era_moved, connections;
};

/* Called in the middle of a line: the connection is closed when it has been dealt with. */
static void fail(struct gpsd_driver *d, const char *todo, const char *why)
{
    d->failed = true;
    err_set(&d->failure, d->driver.path, todo, "%s", why);
}

static void say_no_fix(struct gpsd_driver *d, const char *todo, const char *why)
{
    struct err err;
    d->no_fix++;
    d->fixes = 0;
    err_set(&err, d->driver.path, todo, "%s", why);
    driver_say(&d->driver, HEALTH_NO_FIX, &err);
}

static void on_version(struct gpsd_driver *d, const struct gpsd_message *m)
{
    struct err err = {0};
    snprintf(d->about, sizeof d->about, "gpsd %s, protocol %d.%d, read by %s", m->release, m->major,
             m->minor, gpsd_json_library());
    if (m->major < PROTOCOL_MIN)
        fail(d, "install a newer gpsd", "gpsd is too old (protocol before 3)");
    else if (!d->watching && gpsd_link_watch(&d->link, d->driver.path, &err))
        fail(d, err.todo, err.why);
    d->connections += !d->watching;
    d->watching = true;
}

static void report(struct gpsd_driver *d, const struct gpsd_message *m)
{
    struct receiver_report r;
    if (!m->reports || !d->driver.sink->report)
        return;
    receiver_report_init(&r);
    r.antenna = m->antenna;
    r.jam_level = m->jam;
    r.clock_bias = m->clock_bias;
    r.clock_drift = m->clock_drift;
    r.local = d->now;
    d->driver.sink->report(d->driver.sink_arg, &r);
}

/* Where gpsd has its leap count from it does not say: it may be one that it was built with. */
static void claim_leap(struct gpsd_driver *d, int count)
{
    struct leap_claim claim = {.tai = count + 19, .confirmed = false, .change = LEAP_UNKNOWN};
    if (count && d->driver.sink->leap)
        d->driver.sink->leap(d->driver.sink_arg, &claim);
}

static void on_fix(struct gpsd_driver *d, const struct gpsd_message *m)
{
    report(d, m);
    d->sky.fix = m->mode >= 2 ? m->mode : 0;
    if (m->simulated) {
        say_no_fix(d, "connect a real one", "the receiver simulates its fix");
    } else if (m->mode < 2) {
        say_no_fix(d, "give it time and a free view of the sky", "the receiver has no fix");
    } else {
        d->fixes_all++;
        if (d->fixes < FIXES_MIN)
            d->fixes++;
        claim_leap(d, m->leap);
    }
}

static void on_sky(struct gpsd_driver *d, const struct gpsd_message *m)
{
    int fix = d->sky.fix;
    if (m->whole)
        d->sky = m->sky;
    d->sky.fix = fix;
    if (!isnan(m->sky.hdop))
        d->sky.hdop = m->sky.hdop;
    if (!isnan(m->sky.pdop))
        d->sky.pdop = m->sky.pdop;
    if (d->sky.count && d->driver.sink->sky)
        d->driver.sink->sky(d->driver.sink_arg, &d->sky);
}

/* The second in the era that it is of; false: its date is past, or none that can be. */
static bool put_right(struct gpsd_driver *d, int64_t *second)
{
    int64_t pivot = d->driver.env->era_pivot, clock_says, sent = *second;
    bool moved;
    clock_says = clock_now(d->driver.env->clock) / NS_PER_S;
    if (!era_resolve(pivot, second, &moved))
        return false;
    if (era_too_early(pivot, *second, clock_says) &&
        (!era_by_clock(&pivot, sent, clock_says) || !era_resolve(pivot, second, &moved)))
        return false;
    d->era_moved += moved;
    return true;
}

/* Whether true time and stamp may be used: *second and *local then hold them. */
static bool believed(struct gpsd_driver *d, const struct gpsd_message *m, int64_t *second,
                     int64_t *local)
{
    *second = m->real / NS_PER_S;
    if (d->fixes < FIXES_MIN) {
        d->early++;
        return false;
    }
    if (!put_right(d, second)) {
        d->bad_date++;
        return false;
    }
    if (!stamp_fresh(&d->check, d->driver.env->clock, m->clock, d->now, local)) {
        d->stale++;
        return false;
    }
    driver_say(&d->driver, HEALTH_OK, NULL);
    loop_after(d->driver.env->loop, &d->silence, SILENCE_NS);
    return true;
}

static void on_pulse(struct gpsd_driver *d, const struct gpsd_message *m)
{
    int64_t second, local;
    if (!believed(d, m, &second, &local))
        return;
    struct sawtooth sawtooth = {
        .local = local - NS_PER_S / 2, .second = second, .error = m->sawtooth};
    struct sample sample = {
        .local = local - llround(d->latency * 1e9),
        .truth = second * NS_PER_S + m->real % NS_PER_S,
        .uncertainty = d->uncertainty,
        .leap = LEAP_UNKNOWN,
        .pulse = true,
    };
    d->pulses_all++;
    d->pulses = true;
    d->pulse_at = d->now;
    if (m->sawtooth != 0 && d->driver.sink->sawtooth)
        d->driver.sink->sawtooth(d->driver.sink_arg, &sawtooth);
    if (d->driver.sink->sample)
        d->driver.sink->sample(d->driver.sink_arg, &sample);
}

static void on_toff(struct gpsd_driver *d, const struct gpsd_message *m)
{
    int64_t second, local;
    bool stated = d->delay[1] > 0;
    if (!believed(d, m, &second, &local))
        return;
    d->toffs++;
    if (d->pulses && d->now - d->pulse_at < PULSES_NS)
        return;
    struct timelabel label = {
        .second = second,
        .nsec = (int32_t)(m->real % NS_PER_S),
        .local = local,
        .delay_min = stated ? d->delay[0] : (double)NAN,
        .delay_max = stated ? d->delay[1] : (double)NAN,
        .leap = LEAP_UNKNOWN,
    };
    d->driver.sink->label(d->driver.sink_arg, &label);
}

/* gpsd knows a device by the name that it was given: /dev/gps0, where it is /dev/ttyACM0 here. */
static bool same_file(const char *a, const char *b)
{
    struct stat one, other;
    return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static bool other_device(const struct gpsd_driver *d, const struct gpsd_message *m)
{
    return *d->device && *m->device && strcmp(d->device, m->device) != 0 &&
           !same_file(d->device, m->device);
}

static void on_line(void *arg, char *line)
{
    static void (*const on[])(struct gpsd_driver *, const struct gpsd_message *) = {
        [GPSD_VERSION] = on_version, [GPSD_TPV] = on_fix,   [GPSD_SKY] = on_sky,
        [GPSD_PPS] = on_pulse,       [GPSD_TOFF] = on_toff,
    };
    struct gpsd_driver *d = arg;
    struct gpsd_message *m = &d->message;
    if (d->failed)
        return;
    d->lines++;
    if (gpsd_json_read(d->json, line, m)) {
        d->malformed++;
        if (++d->garbage >= GARBAGE_MAX)
            fail(d, "is that gpsd's port?", "what it says is not gpsd's JSON");
        return;
    }
    d->garbage = 0;
    if (m->class != GPSD_OTHER && !other_device(d, m))
        on[m->class](d, m);
}

static void on_silence(void *arg, int64_t now)
{
    struct gpsd_driver *d = arg;
    struct err err;
    (void)now;
    loop_after(d->driver.env->loop, &d->silence, SILENCE_NS);
    if (d->driver.said == HEALTH_NO_FIX)
        return;
    err_set(&err, d->driver.path,
            d->watching ? "does gpsd hold a receiver (gpsd -n DEVICE)?" : "is that gpsd's port?",
            "gpsd is connected, and no time comes from it");
    driver_say(&d->driver, HEALTH_SILENT, &err);
}

static void shut(struct gpsd_driver *d)
{
    loop_cancel(d->driver.env->loop, &d->silence);
    if (d->link.fd >= 0)
        loop_unwatch(d->driver.env->loop, &d->fd);
    gpsd_link_close(&d->link);
}

static void lose(struct gpsd_driver *d, const struct err *err)
{
    shut(d);
    driver_say(&d->driver, HEALTH_CLOSED, err);
    reopen_later(&d->reopen);
}

static void on_ready(void *arg, int64_t now, short revents)
{
    struct gpsd_driver *d = arg;
    struct err err = {0};
    int got = 1;
    (void)revents;
    d->now = now;
    if (!d->connected) {
        if (gpsd_link_connected(&d->link, d->driver.path, &err)) {
            lose(d, &err);
            return;
        }
        d->connected = true;
        d->fd.events = POLLIN;
    }
    for (int i = 0; i < READS_MAX && got > 0 && !d->failed; i++)
        got = gpsd_link_read(&d->link, on_line, d, d->driver.path, &err);
    stamp_looked(&d->check, d->driver.env->clock);
    if (d->failed)
        lose(d, &d->failure);
    else if (got < 0)
        lose(d, &err);
    else if (d->watching)
        reopen_done(&d->reopen);
}

static int begin(struct gpsd_driver *d, struct err *err)
{
    struct loop *loop = d->driver.env->loop;
    d->connected = d->watching = d->failed = false;
    d->fixes = d->garbage = 0;
    if (gpsd_link_open(&d->link, &d->name, d->name_size, d->driver.path, err))
        return -1;
    d->fd = (struct loop_fd){
        .name = "gpsd", .fd = d->link.fd, .events = POLLIN | POLLOUT, .ready = on_ready, .arg = d};
    stamp_looked(&d->check, d->driver.env->clock);
    loop_watch(loop, &d->fd);
    loop_after(loop, &d->silence, CONNECT_NS);
    return 0;
}

static void on_reopen(void *arg, int64_t now)
{
    struct gpsd_driver *d = arg;
    struct err err = {0};
    (void)now;
    if (begin(d, &err))
        lose(d, &err);
}

/* A gpsd that is not there yet is no error: it may start later. */
static int gpsd_open(struct driver *driver, struct err *err)
{
    struct gpsd_driver *d = (struct gpsd_driver *)driver;
    struct err later = {0};
    d->link.fd = -1;
    d->silence =
        (struct loop_timer){.name = "gpsd silence", .fire = on_silence, .arg = d, .due = INT64_MAX};
    reopen_init(&d->reopen, driver->env->loop, "gpsd reopen", on_reopen, d);
    d->json = gpsd_json_open(err);
    if (!d->json || gpsd_link_address(driver->path, &d->name, &d->name_size, err))
        return -1;
    if (begin(d, &later)) /* said when it fails again */
        reopen_later(&d->reopen);
    return 0;
}

static void gpsd_close(struct driver *driver)
{
    struct gpsd_driver *d = (struct gpsd_driver *)driver;
    if (!d->reopen.loop)
        return; /* never opened */
    reopen_cancel(&d->reopen);
    shut(d);
    gpsd_json_close(d->json);
    d->json = NULL;
}

static void describe(const struct driver *driver, char *buf, size_t size)
{
    const struct gpsd_driver *d = (const struct gpsd_driver *)driver;
    snprintf(buf, size, "%s%s", d->about,
             d->era_moved ? "; its dates are whole eras of 1024 weeks back, and put right" : "");
}

static const struct option_row options[] = {
    {
        .word = "device",
        .type = OPTION_TEXT,
        .offset = offsetof(struct gpsd_driver, device),
        .max = 120,
        .help =
            "Only this one of gpsd's devices, by any of its names; needed where it has several.",
    },
    {
        .word = "delay",
        .type = OPTION_RANGE,
        .offset = offsetof(struct gpsd_driver, delay),
        .min = 0,
        .max = 2,
        .unit = "s",
        .help = "From the true second to the first byte of the receiver's messages; without it, "
                "and without pulses, gpsd sets no time.",
    },
    OPTION_LATENCY(gpsd_driver, "How long after the true second gpsd stamps the pulse."),
    OPTION_UNCERTAINTY(gpsd_driver, "20e-6", "How far off that latency may be, either way."),
    {0},
};

#define COUNTER(name, member, help)                      \
    {                                                    \
        name, offsetof(struct gpsd_driver, member), help \
    }

static const struct counter_row counters[] = {
    COUNTER("bytes", link.bytes, "bytes received"),
    COUNTER("lines", lines, "lines received"),
    COUNTER("too_long", link.too_long, "lines longer than 32 kB, passed over"),
    COUNTER("malformed", malformed,
            "lines that are not gpsd's JSON, or with a time that cannot be"),
    COUNTER("fixes", fixes_all, "fixes that gpsd reported"),
    COUNTER("no_fix", no_fix, "reports without a fix"),
    COUNTER("pulses", pulses_all, "pulses with their second passed on"),
    COUNTER("toffs", toffs, "times of messages that could be used"),
    COUNTER("early", early, "times left out, because fewer than 3 fixes in a row came before"),
    COUNTER("stale", stale,
            "times dropped: stamped more than 5 s ago or in the future, or before the clock was "
            "stepped"),
    COUNTER("bad_date", bad_date, "times dropped, because their date lies in the past"),
    COUNTER("era_moved", era_moved,
            "times whose date was wrong by whole 1024-week eras and was put right"),
    COUNTER("connections", connections, "times that gpsd answered a new connection"),
    {0},
};

const struct driver_ops gpsd_driver_ops = {
    .name = "gpsd",
    .help = "a receiver that gpsd on this machine holds (the path is localhost or localhost:PORT)",
    .options = options,
    .counters = counters,
    .size = sizeof(struct gpsd_driver),
    .open = gpsd_open,
    .close = gpsd_close,
    .describe = describe,
};
