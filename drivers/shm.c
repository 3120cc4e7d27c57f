/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `shm`: another program writes its samples to the shared memory of ntpd's type 28. */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/driver.h"
#include "drivers/reopen.h"
#include "drivers/shm_layout.h"
#include "drivers/stamp.h"
#include "refclock/civil.h"

#define POLL_NS         (NS_PER_S / 5)
#define LOOK_NS         NS_PER_S /* at the segment's owner and mode */
#define SILENCE_NS      (20 * NS_PER_S)
#define PULSE_PRECISION (-10) /* a message alone is stamped worse than this */
#define PULSE_ERROR     20e-6

struct shm_driver {
    struct driver driver;
    bool anyone;
    double latency, uncertainty; /* s; uncertainty 0: by the precision that is sent */
    int64_t unit;
    struct shm_mapping map;
    struct loop_timer poll;
    struct reopen reopen;
    struct stamp_check check;
    int64_t last;   /* receive stamp of the last sample, kernel's ns */
    int64_t heard;  /* local, when a sample came last */
    int64_t looked; /* local */
    uint64_t samples, torn, bad, stale, unsynchronised;
};

static void pass_on(struct shm_driver *d, const struct shm_sample *s, int64_t local)
{
    double precision = ldexp(1, s->precision);
    struct sample sample = {
        .local = local - llround(d->latency * 1e9),
        .truth = s->clock,
        .uncertainty = d->uncertainty > 0 ? d->uncertainty : PULSE_ERROR + precision,
        .leap = s->leap,
        .pulse = s->precision <= PULSE_PRECISION,
    };
    d->samples++;
    driver_say(&d->driver, HEALTH_OK, NULL);
    if (d->driver.sink->sample)
        d->driver.sink->sample(d->driver.sink_arg, &sample);
}

static void take(struct shm_driver *d, const struct shm_sample *s, int64_t now)
{
    int64_t local;
    if (s->receive == d->last)
        return; /* a segment that we may only read keeps it */
    d->last = s->receive;
    d->heard = now;
    if (!stamp_fresh(&d->check, d->driver.env->clock, s->receive, now, &local)) {
        d->stale++;
        return;
    }
    if (s->leap == LEAP_UNKNOWN) {
        struct err err;
        d->unsynchronised++;
        err_set(&err, "", "", "the program that writes it says that it is not synchronised");
        driver_say(&d->driver, HEALTH_NO_FIX, &err);
        return;
    }
    pass_on(d, s, local);
}

static void look(struct shm_driver *d, int64_t now)
{
    struct shm_sample s = {0};
    switch (shm_take(d->map.segment, d->map.writable, &s)) {
    case SHM_NOTHING:
        break;
    case SHM_SAMPLE:
        take(d, &s, now);
        break;
    case SHM_TORN:
        d->torn++;
        break;
    case SHM_BAD:
        d->bad += s.receive != d->last || d->map.writable;
        break;
    }
    stamp_looked(&d->check, d->driver.env->clock);
}

static void on_poll(void *arg, int64_t now)
{
    struct shm_driver *d = arg;
    struct err err = {0};
    if (now - d->looked >= LOOK_NS) {
        d->looked = now;
        if (!shm_sound(&d->map, d->anyone, &err)) {
            shm_unmap(&d->map);
            driver_say(&d->driver, HEALTH_CLOSED, &err);
            reopen_later(&d->reopen);
            return;
        }
    }
    look(d, now);
    if (now - d->heard > SILENCE_NS) {
        err_set(&err, "", "is the program that should write there running?", "no sample for 20 s");
        driver_say(&d->driver, HEALTH_SILENT, &err);
    }
    loop_after(d->driver.env->loop, &d->poll, POLL_NS);
}

static int open_segment(struct driver *driver, struct err *err)
{
    struct shm_driver *d = (struct shm_driver *)driver;
    if (shm_map(&d->map, (int)d->unit, d->anyone, false, err))
        return -1;
    d->heard = d->looked = loop_now(d->driver.env->loop);
    d->last = 0;
    stamp_looked(&d->check, d->driver.env->clock);
    loop_after(d->driver.env->loop, &d->poll, 0);
    return 0;
}

static int read_unit(struct shm_driver *d, struct err *err)
{
    const char *word = d->driver.path;
    size_t digits = strspn(word, "0123456789");
    if (!digits || digits > 3 || word[digits] || strtol(word, NULL, 10) > SHM_UNIT_MAX)
        return err_set(err, "refclock shm", "write refclock shm N, with a number from 0 to 255",
                       "'%.40s' is no unit", word);
    d->unit = (int)strtol(word, NULL, 10);
    return 0;
}

static int shm_open_driver(struct driver *driver, struct err *err)
{
    struct shm_driver *d = (struct shm_driver *)driver;
    d->poll = (struct loop_timer){.name = "shm poll", .fire = on_poll, .arg = d, .due = INT64_MAX};
    reopen_device(&d->reopen, driver, "shm reopen", open_segment);
    if (read_unit(d, err))
        return -1;
    return reopen_begin(&d->reopen, err);
}

static void shm_close_driver(struct driver *driver)
{
    struct shm_driver *d = (struct shm_driver *)driver;
    if (!d->reopen.loop)
        return; /* never opened */
    loop_cancel(driver->env->loop, &d->poll);
    reopen_cancel(&d->reopen);
    shm_unmap(&d->map);
}

static const struct option_row options[] = {
    OPTION_LATENCY(shm_driver, "How much later than true its samples are stamped."),
    {
        .word = "uncertainty",
        .type = OPTION_SECONDS,
        .offset = offsetof(struct shm_driver, uncertainty),
        .min = 0,
        .max = 1,
        .unit = "s",
        .help = "How far off that may be, either way; without it 20 us and the precision that the "
                "other program states.",
    },
    {
        .word = "anyone",
        .type = OPTION_FLAG,
        .offset = offsetof(struct shm_driver, anyone),
        .help = "Take samples also where other users than this one and root can write them.",
    },
    {0},
};

static const struct counter_row counters[] = {
    {"samples", offsetof(struct shm_driver, samples), "samples passed on"},
    {"torn", offsetof(struct shm_driver, torn), "samples lost, because they were being written"},
    {"bad", offsetof(struct shm_driver, bad), "samples with a field that cannot be, not believed"},
    {"stale", offsetof(struct shm_driver, stale),
     "samples dropped: stamped more than 5 s ago or in the future, or before the clock was "
     "stepped"},
    {"unsynchronised", offsetof(struct shm_driver, unsynchronised),
     "samples marked as not synchronised by who wrote them"},
    {"reopened", offsetof(struct shm_driver, reopen.times), "times that the segment came back"},
    {0},
};

const struct driver_ops shm_driver_ops = {
    .name = "shm",
    .help = "samples that another program writes to NTP shared memory (the path is the unit, 0 to "
            "255)",
    .options = options,
    .counters = counters,
    .size = sizeof(struct shm_driver),
    .open = shm_open_driver,
    .close = shm_close_driver,
};
