/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `extts`: a pulse a second at an input of a PTP hardware clock, stamped by it. */
#include <math.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>

#include "drivers/driver.h"
#include "drivers/reopen.h"
#include "refclock/civil.h"

#define SILENCE_NS (5 * NS_PER_S)
#define REST_NS    (50 * NS_PER_S / 1000) /* between two looks at the stamps: a storm is cheap */
#define STAMPS_MAX 16                     /* at one look */
#define ALONE_NS   (750 * NS_PER_S / 1000)
#define TOO_OLD    (NS_PER_S + NS_PER_S / 2)

struct extts_driver {
    struct driver driver;
    int edge;
    int64_t pin, channel;
    double latency, uncertainty;
    struct phc *phc; /* NULL: closed */
    struct loop_fd fd;
    bool watched;
    struct loop_timer rest, silence;
    struct reopen reopen;
    struct phc_offset before; /* for the rate between the clocks */
    bool have_before;
    uint32_t generation;
    int64_t last; /* stamp before, on the PHC's scale */
    bool have_last, crowd;
    double delay;
    uint64_t edges, crowded, stale;
};

static void watch(struct extts_driver *d, bool on)
{
    if (on && !d->watched)
        loop_watch(d->driver.env->loop, &d->fd);
    if (!on && d->watched)
        loop_unwatch(d->driver.env->loop, &d->fd);
    d->watched = on;
}

static void shut(struct extts_driver *d)
{
    watch(d, false);
    loop_cancel(d->driver.env->loop, &d->rest);
    loop_cancel(d->driver.env->loop, &d->silence);
    if (d->phc)
        phc_close(d->phc);
    d->phc = NULL;
}

static void gone(struct extts_driver *d, struct err *err)
{
    shut(d);
    driver_blame(&d->driver, err);
    driver_say(&d->driver, HEALTH_CLOSED, err);
    reopen_later(&d->reopen);
}

static void on_silence(void *arg, int64_t now)
{
    struct extts_driver *d = arg;
    struct err err;
    (void)now;
    if (d->crowd)
        err_set(&err, d->driver.path,
                "set the receiver to one pulse a second; keep other signals off the line",
                "more than one edge a second comes, and which is the second's is not known");
    else
        err_set(&err, d->driver.path,
                "has the receiver a fix (most pulse only then)? is the pulse wired to this input?",
                "no pulse for more than 5 s");
    d->crowd = false;
    driver_say(&d->driver, HEALTH_SILENT, &err);
}

static void pass_on(struct extts_driver *d, const struct phc_offset *o, int64_t stamp, int64_t now)
{
    struct clock *clock = d->driver.env->clock;
    int64_t system = phc_offset_carry(o, d->have_before ? &d->before : NULL, stamp);
    int64_t local = clock_local(clock, clock_stamp(clock, system));
    if (now - local > TOO_OLD || local - now > NS_PER_S / 100) {
        d->stale++;
        return;
    }
    struct edge edge = {
        .local = local - llround(d->latency * 1e9),
        .uncertainty = d->uncertainty + o->error,
    };
    d->edges++;
    d->delay = o->error;
    driver_say(&d->driver, HEALTH_OK, NULL);
    loop_after(d->driver.env->loop, &d->silence, SILENCE_NS);
    d->driver.sink->edge(d->driver.sink_arg, &edge);
}

/*
 * Some clocks stamp both edges whatever they are asked for: one that follows another in less than
 * three quarters of a second is not taken for a second's, nor is the first of all.
 */
static bool is_alone(struct extts_driver *d, int64_t stamp)
{
    int64_t since = stamp - d->last;
    bool first = !d->have_last, alone = !first && (since >= ALONE_NS || since < 0);
    d->last = stamp;
    d->have_last = true;
    if (first || alone)
        return alone;
    d->crowded++;
    d->crowd = true;
    return false;
}

/* 0, or -1: the device is gone. */
static int take_stamps(struct extts_driver *d, const struct phc_offset *o, int64_t now,
                       struct err *err)
{
    int got = 0;
    for (int i = 0; i < STAMPS_MAX; i++) {
        int64_t stamp;
        got = phc_stamp(d->phc, &stamp, err);
        if (got <= 0)
            break;
        if (is_alone(d, stamp))
            pass_on(d, o, stamp, now);
    }
    return got < 0 ? -1 : 0;
}

static void on_stamps(void *arg, int64_t now, short revents)
{
    struct extts_driver *d = arg;
    struct phc_offset offset;
    struct err err = {0};
    if (d->generation != d->driver.env->clock->generation)
        d->have_before = false;
    d->generation = d->driver.env->clock->generation;
    int failed = phc_compare(d->phc, &offset, &err) || take_stamps(d, &offset, now, &err);
    if (!failed && revents & (POLLERR | POLLHUP | POLLNVAL))
        failed =
            err_set(&err, "", "it is opened again as soon as it is back", "the device has gone");
    if (failed) {
        gone(d, &err);
        return;
    }
    d->before = offset;
    d->have_before = true;
    watch(d, false);
    loop_after(d->driver.env->loop, &d->rest, REST_NS);
}

static void on_rest(void *arg, int64_t now)
{
    (void)now;
    watch(arg, true);
}

static int open_device(struct driver *driver, struct err *err)
{
    struct extts_driver *d = (struct extts_driver *)driver;
    const struct driver_env *env = d->driver.env;
    const struct phc_input input = {
        .pin = (int)d->pin, .channel = (int)d->channel, .clear = d->edge};
    struct phc_offset offset;
    if (env->open_phc ? env->open_phc(env, d->driver.path, &d->phc, err)
                      : phc_device_open(d->driver.path, &d->phc, err)) {
        d->phc = NULL;
        return -1;
    }
    if (phc_compare(d->phc, &offset, err) || phc_listen(d->phc, &input, err)) {
        driver_blame(&d->driver, err);
        shut(d);
        return -1;
    }
    d->before = offset;
    d->have_before = true;
    d->have_last = d->crowd = false;
    d->generation = env->clock->generation;
    d->fd.fd = phc_fd(d->phc);
    watch(d, true);
    loop_after(env->loop, &d->silence, SILENCE_NS);
    return 0;
}

static int extts_open(struct driver *driver, struct err *err)
{
    struct extts_driver *d = (struct extts_driver *)driver;
    d->fd = (struct loop_fd){.name = "extts", .events = POLLIN, .ready = on_stamps, .arg = d};
    d->rest =
        (struct loop_timer){.name = "extts rest", .fire = on_rest, .arg = d, .due = INT64_MAX};
    d->silence = (struct loop_timer){
        .name = "extts silence", .fire = on_silence, .arg = d, .due = INT64_MAX};
    reopen_device(&d->reopen, driver, "extts reopen", open_device);
    return reopen_begin(&d->reopen, err);
}

static void extts_close(struct driver *driver)
{
    struct extts_driver *d = (struct extts_driver *)driver;
    if (!d->reopen.loop)
        return; /* never opened */
    shut(d);
    reopen_cancel(&d->reopen);
}

static void extts_describe(const struct driver *driver, char *buf, size_t size)
{
    const struct extts_driver *d = (const struct extts_driver *)driver;
    *buf = 0;
    if (d->edges)
        snprintf(buf, size,
                 "edges stamped by a PTP hardware clock, which is read to within %.0f ns",
                 d->delay * 1e9);
}

static const char *const edge_words[] = {"assert", "clear", NULL};
static const char *const pin_words[] = {"none", NULL};

#define ROW_OF(name, kind, member) \
    .word = name, .type = kind, .offset = offsetof(struct extts_driver, member)

static const struct option_row options[] = {
    {
        ROW_OF("edge", OPTION_CHOICE, edge),
        .choices = edge_words,
        .initial = "assert",
        .help = "The edge of the pulse that marks the second: assert is the rising one.",
    },
    {
        ROW_OF("pin", OPTION_INT, pin),
        .min = 0,
        .max = 255,
        .unit = "",
        .choices = pin_words,
        .initial = "none",
        .help = "The pin that is set up as an input; none: its function is left alone.",
    },
    {
        ROW_OF("channel", OPTION_INT, channel),
        .min = 0,
        .max = 255,
        .unit = "",
        .initial = "0",
        .help = "The clock's channel of external time stamps.",
    },
    OPTION_LATENCY(extts_driver,
                   "How long after the true second the edge is stamped (antenna cable, receiver)."),
    OPTION_UNCERTAINTY(
        extts_driver, "1e-6",
        "How far off that latency may be, either way; half the time that reading the clock "
        "takes is added."),
    {0},
};

static const struct counter_row counters[] = {
    {"edges", offsetof(struct extts_driver, edges), "edges passed on"},
    {"crowded", offsetof(struct extts_driver, crowded),
     "edges dropped: less than 0.75 s after another"},
    {"stale", offsetof(struct extts_driver, stale), "edges dropped: stamped too long ago"},
    {"reopened", offsetof(struct extts_driver, reopen.times), "times that the device came back"},
    {0},
};

const struct driver_ops extts_driver_ops = {
    .name = "extts",
    .help = "a pulse a second at an input of a PTP hardware clock, which stamps it",
    .gives = DRIVER_PULSES,
    .options = options,
    .counters = counters,
    .size = sizeof(struct extts_driver),
    .open = extts_open,
    .close = extts_close,
    .describe = extts_describe,
};
