/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `phc`: a PTP hardware clock that ptp4l or ts2phc keeps right. */
#include <stddef.h>
#include <stdio.h>

#include "drivers/driver.h"
#include "drivers/era.h"
#include "drivers/reopen.h"
#include "refclock/civil.h"

#define POLL_NS NS_PER_S

enum scale { SCALE_TAI, SCALE_UTC };

struct phc_driver {
    struct driver driver;
    int scale;
    int64_t tai; /* TAI - UTC, s */
    double uncertainty;
    struct phc *phc; /* NULL: closed */
    struct loop_timer poll;
    struct reopen reopen;
    double delay; /* s, half of the last reading's */
    uint64_t samples, early, failed;
};

static void shut(struct phc_driver *d)
{
    loop_cancel(d->driver.env->loop, &d->poll);
    if (d->phc)
        phc_close(d->phc);
    d->phc = NULL;
}

static void pass_on(struct phc_driver *d, const struct phc_offset *o)
{
    struct clock *clock = d->driver.env->clock;
    struct sample sample = {
        .local = clock_local(clock, clock_stamp(clock, o->system)),
        .truth = o->phc - (d->scale == SCALE_UTC ? 0 : d->tai * NS_PER_S),
        .uncertainty = d->uncertainty + o->error,
        .leap = LEAP_UNKNOWN,
        .pulse = true,
    };
    d->delay = o->error;
    if (era_too_early(d->driver.env->era_pivot, sample.truth / NS_PER_S,
                      clock_now(clock) / NS_PER_S)) {
        struct err err;
        d->early++;
        err_set(&err, d->driver.path, "is ptp4l or ts2phc running, and does it set this clock?",
                "the clock's date is past already: nobody has set it");
        driver_say(&d->driver, HEALTH_NO_FIX, &err);
        return;
    }
    d->samples++;
    driver_say(&d->driver, HEALTH_OK, NULL);
    if (d->driver.sink->sample)
        d->driver.sink->sample(d->driver.sink_arg, &sample);
}

static void on_poll(void *arg, int64_t now)
{
    struct phc_driver *d = arg;
    struct phc_offset offset;
    struct err err = {0};
    (void)now;
    if (phc_compare(d->phc, &offset, &err)) {
        d->failed++;
        shut(d);
        driver_blame(&d->driver, &err);
        driver_say(&d->driver, HEALTH_CLOSED, &err);
        reopen_later(&d->reopen);
        return;
    }
    loop_after(d->driver.env->loop, &d->poll, POLL_NS);
    pass_on(d, &offset);
}

static int open_device(struct driver *driver, struct err *err)
{
    struct phc_driver *d = (struct phc_driver *)driver;
    const struct driver_env *env = d->driver.env;
    struct phc_offset offset;
    if (env->open_phc ? env->open_phc(env, d->driver.path, &d->phc, err)
                      : phc_device_open(d->driver.path, &d->phc, err)) {
        d->phc = NULL;
        return -1;
    }
    if (phc_compare(d->phc, &offset, err)) {
        driver_blame(&d->driver, err);
        shut(d);
        return -1;
    }
    loop_after(env->loop, &d->poll, 0);
    return 0;
}

static int phc_driver_open(struct driver *driver, struct err *err)
{
    struct phc_driver *d = (struct phc_driver *)driver;
    d->poll = (struct loop_timer){.name = "phc", .fire = on_poll, .arg = d, .due = INT64_MAX};
    reopen_device(&d->reopen, driver, "phc reopen", open_device);
    return reopen_begin(&d->reopen, err);
}

static void phc_driver_close(struct driver *driver)
{
    struct phc_driver *d = (struct phc_driver *)driver;
    if (!d->reopen.loop)
        return; /* never opened */
    shut(d);
    reopen_cancel(&d->reopen);
}

static void phc_describe(const struct driver *driver, char *buf, size_t size)
{
    const struct phc_driver *d = (const struct phc_driver *)driver;
    *buf = 0;
    if (d->samples)
        snprintf(buf, size, "a PTP hardware clock, read to within %.0f ns", d->delay * 1e9);
}

static const char *const scale_words[] = {[SCALE_TAI] = "tai", [SCALE_UTC] = "utc", NULL};

static const struct option_row options[] = {
    {
        .word = "scale",
        .type = OPTION_CHOICE,
        .offset = offsetof(struct phc_driver, scale),
        .choices = scale_words,
        .initial = "tai",
        .help = "What the clock is kept on; ptp4l keeps it on TAI.",
    },
    {
        .word = "tai",
        .type = OPTION_INT,
        .offset = offsetof(struct phc_driver, tai),
        .min = 0,
        .max = 100,
        .unit = "s",
        .initial = "37",
        .help = "TAI less UTC, where it is kept on TAI.",
        .assumed = OPTION_ASSUMED,
    },
    OPTION_UNCERTAINTY(
        phc_driver, "1e-6",
        "How far off the clock itself may be, either way; half the time that reading it "
        "takes is added."),
    {0},
};

static const struct counter_row counters[] = {
    {"samples", offsetof(struct phc_driver, samples), "samples passed on"},
    {"early", offsetof(struct phc_driver, early),
     "samples with a date before this release, not believed"},
    {"failed", offsetof(struct phc_driver, failed), "times that it could not be read"},
    {"reopened", offsetof(struct phc_driver, reopen.times), "times that the device came back"},
    {0},
};

const struct driver_ops phc_driver_ops = {
    .name = "phc",
    .help = "a PTP hardware clock that ptp4l or ts2phc keeps right",
    .gives = DRIVER_SAMPLES,
    .options = options,
    .counters = counters,
    .size = sizeof(struct phc_driver),
    .open = phc_driver_open,
    .close = phc_driver_close,
    .describe = phc_describe,
};
