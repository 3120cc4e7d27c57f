/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `pps`: a pulse a second, fetched by timer. */
#include <math.h>
#include <stddef.h>

#include "drivers/driver.h"
#include "drivers/reopen.h"
#include "refclock/civil.h"

#define MS         INT64_C(1000000)
#define SILENCE_NS (5 * NS_PER_S)
#define HUNT_FAST  (10 * MS) /* no edge known: fetch this often ... */
#define HUNT_SLOW  (50 * MS) /* ... and this often after HUNT_LONG without one */
#define HUNT_LONG  (10 * NS_PER_S)
#define AFTER_EDGE (1 * MS) /* first fetch after the expected edge; bounds a storm's cost, too */
#define MISSED     (500 * MS)
#define MISSED_MAX 5  /* in a row: the edge is no longer known */
#define CROWD_S    60 /* after a longer silence nobody counts */
#define TOO_OLD    (1500 * MS)
#define TOO_NEW    (10 * MS)

struct pps_driver {
    struct driver driver;
    int edge;                    /* index into edge_words */
    int line;                    /* enum pulse_line, index into line_words */
    double latency, uncertainty; /* s */
    struct pulse *pulse;         /* NULL: closed */
    struct loop_timer fetch, silence;
    struct reopen reopen;
    uint32_t sequence; /* of the newest edge seen */
    bool have_sequence;
    uint32_t jump;       /* of it, at the last new edge; 0: not known */
    int64_t newest;      /* local scale of that edge; INT64_MIN: not known, or before a step */
    bool crowd;          /* it was not alone */
    uint32_t generation; /* of the clock, at the last fetch */
    bool known;          /* the edge's place in the second */
    int64_t expected;    /* next edge, local scale, ns */
    int64_t hunting;     /* since, local scale */
    int tries;           /* fetches for the expected edge */
    int missed_now;      /* in a row */
    uint64_t edges, extra, crowded, missed, stale, fetches;
};

static void on_silence(void *arg, int64_t now)
{
    struct pps_driver *d = arg;
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

static void fetch_in(struct pps_driver *d, int64_t delay)
{
    loop_after(d->driver.env->loop, &d->fetch, delay);
}

/* When to look next, without a new edge: later and later after the expected one, then the next. */
static void look_again(struct pps_driver *d, int64_t now)
{
    static const int64_t after[] = {2 * MS, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS};
    const int last = sizeof after / sizeof *after - 1;
    if (!d->known) {
        fetch_in(d, now - d->hunting < HUNT_LONG ? HUNT_FAST : HUNT_SLOW);
        return;
    }
    if (now - d->expected < MISSED) {
        fetch_in(d, after[d->tries < last ? d->tries : last]);
        d->tries++;
        return;
    }
    d->missed++;
    d->missed_now++;
    d->tries = 0;
    d->expected += NS_PER_S;
    if (d->missed_now >= MISSED_MAX || now - d->expected >= MISSED) {
        d->known = false;
        d->hunting = now;
    }
    fetch_in(d, d->known ? d->expected + AFTER_EDGE - now : HUNT_FAST);
}

static void pass_on(struct pps_driver *d, int64_t stamped, const struct pulse_stamp *stamp)
{
    struct edge edge = {
        .local = stamped - llround(d->latency * 1e9),
        .uncertainty = d->uncertainty + stamp->error,
        .width = stamp->width,
        .falling = d->edge != 0,
    };
    d->edges++;
    driver_say(&d->driver, HEALTH_OK, NULL);
    loop_after(d->driver.env->loop, &d->silence, SILENCE_NS);
    d->driver.sink->edge(d->driver.sink_arg, &edge);
}

/* A stamp of another generation of the clock may be of before the step: nobody can say where. */
static bool is_stale(struct pps_driver *d, int64_t stamped, int64_t now)
{
    bool stepped = d->generation != d->driver.env->clock->generation;
    d->generation = d->driver.env->clock->generation;
    return stepped || now - stamped <= -TOO_NEW || now - stamped > TOO_OLD;
}

/* True when there is an edge that was not there at the last fetch. */
static bool is_new(struct pps_driver *d, const struct pulse_stamp *stamp)
{
    uint32_t sequence = (uint32_t)stamp->sequence, jump = sequence - d->sequence;
    bool first = !d->have_sequence;
    if (!stamp->sequence || (!first && !jump))
        return false;
    d->sequence = sequence;
    d->have_sequence = true;
    d->jump = first ? 0 : jump;
    if (!first && jump < UINT32_MAX / 2)
        d->extra += jump - 1;
    return true;
}

/* True when other edges came since the last one: the line keeps the newest alone, and that need not
 * be the second's. */
static bool is_crowded(struct pps_driver *d, int64_t stamped)
{
    int64_t since = d->newest != INT64_MIN ? stamped - d->newest : CROWD_S * NS_PER_S;
    int64_t seconds = (since + NS_PER_S / 2) / NS_PER_S;
    d->newest = stamped;
    return since < CROWD_S * NS_PER_S && d->jump > (seconds < 1 ? 1 : seconds);
}

/* Goes on in the same rhythm. */
static void pass_over(struct pps_driver *d, int64_t stamped, int64_t now)
{
    d->crowded++;
    d->crowd = true;
    d->tries = d->missed_now = 0;
    d->expected = (d->known ? d->expected : stamped) + NS_PER_S;
    d->known = true;
    fetch_in(d, d->expected + AFTER_EDGE - now);
}

static void gone(struct pps_driver *d, struct err *err)
{
    driver_blame(&d->driver, err);
    loop_cancel(d->driver.env->loop, &d->silence);
    pulse_close(d->pulse);
    d->pulse = NULL;
    driver_say(&d->driver, HEALTH_CLOSED, err);
    reopen_later(&d->reopen);
}

static void on_fetch(void *arg, int64_t now)
{
    struct pps_driver *d = arg;
    struct pulse_stamp stamp = {0};
    struct err err = {0};
    d->fetches++;
    if (pulse_fetch(d->pulse, &stamp, &err)) {
        gone(d, &err);
        return;
    }
    bool fresh = is_new(d, &stamp);
    int64_t stamped = clock_local(d->driver.env->clock, stamp.reading);
    if (is_stale(d, stamped, now) && fresh) {
        d->stale++;
        d->newest = INT64_MIN;
        fresh = false;
    }
    if (!fresh) {
        look_again(d, now);
        return;
    }
    if (is_crowded(d, stamped)) {
        pass_over(d, stamped, now);
        return;
    }
    d->known = true;
    d->tries = d->missed_now = 0;
    d->expected = stamped + NS_PER_S;
    fetch_in(d, d->expected + AFTER_EDGE - now);
    pass_on(d, stamped, &stamp);
}

static int open_device(struct driver *driver, struct err *err)
{
    struct pps_driver *d = (struct pps_driver *)driver;
    const struct driver_env *env = d->driver.env;
    const struct pulse_want want = {.clear = d->edge, .line = d->line};
    if (env->open_pulse(env, d->driver.path, &want, &d->pulse, err)) {
        d->pulse = NULL;
        return -1;
    }
    d->have_sequence = d->known = d->crowd = false;
    d->newest = INT64_MIN;
    d->generation = env->clock->generation;
    d->hunting = loop_now(env->loop);
    d->tries = d->missed_now = 0;
    fetch_in(d, 0);
    loop_after(env->loop, &d->silence, SILENCE_NS);
    return 0;
}

static int pps_open(struct driver *driver, struct err *err)
{
    struct pps_driver *d = (struct pps_driver *)driver;
    d->fetch =
        (struct loop_timer){.name = "pps fetch", .fire = on_fetch, .arg = d, .due = INT64_MAX};
    d->silence =
        (struct loop_timer){.name = "pps silence", .fire = on_silence, .arg = d, .due = INT64_MAX};
    reopen_device(&d->reopen, driver, "pps reopen", open_device);
    return reopen_begin(&d->reopen, err);
}

static void pps_close(struct driver *driver)
{
    struct pps_driver *d = (struct pps_driver *)driver;
    if (!d->reopen.loop)
        return; /* never opened */
    loop_cancel(driver->env->loop, &d->fetch);
    loop_cancel(driver->env->loop, &d->silence);
    reopen_cancel(&d->reopen);
    if (d->pulse)
        pulse_close(d->pulse);
    d->pulse = NULL;
}

static void pps_describe(const struct driver *driver, char *buf, size_t size)
{
    const struct pps_driver *d = (const struct pps_driver *)driver;
    *buf = 0;
    if (d->pulse)
        pulse_describe(d->pulse, buf, size);
}

static const char *const edge_words[] = {"assert", "clear", NULL};
static const char *const line_words[] = {[PULSE_DCD] = "dcd", [PULSE_CTS] = "cts", NULL};

static const struct option_row options[] = {
    {
        .word = "edge",
        .type = OPTION_CHOICE,
        .offset = offsetof(struct pps_driver, edge),
        .choices = edge_words,
        .initial = "assert",
        .help = "The edge of the pulse that marks the second.",
    },
    {
        .word = "line",
        .type = OPTION_CHOICE,
        .offset = offsetof(struct pps_driver, line),
        .choices = line_words,
        .initial = "dcd",
        .help = "The input that the pulse is wired to, where the path is a serial port.",
    },
    OPTION_LATENCY(pps_driver,
                   "How long after the true second the edge is stamped (antenna cable, receiver, "
                   "interrupt)."),
    OPTION_UNCERTAINTY(pps_driver, "20e-6", "How far off that latency may be, either way."),
    {0},
};

static const struct counter_row counters[] = {
    {"edges", offsetof(struct pps_driver, edges), "edges passed on"},
    {"missed", offsetof(struct pps_driver, missed),
     "expected edges that did not come within 0.5 s"},
    {"extra", offsetof(struct pps_driver, extra),
     "edges overwritten by a later one before they were fetched"},
    {"crowded", offsetof(struct pps_driver, crowded),
     "edges dropped: others came since the last one, so that which is the second's is not known"},
    {"stale", offsetof(struct pps_driver, stale),
     "edges dropped: stamped too long ago, or before the clock was stepped"},
    {"fetches", offsetof(struct pps_driver, fetches), "times that the device was asked"},
    {"reopened", offsetof(struct pps_driver, reopen.times), "times that the device came back"},
    {0},
};

const struct driver_ops pps_driver_ops = {
    .name = "pps",
    .help = "a pulse a second at a kernel PPS device (RFC 2783), or at a serial port's DCD or CTS",
    .gives = DRIVER_PULSES,
    .options = options,
    .counters = counters,
    .size = sizeof(struct pps_driver),
    .open = pps_open,
    .close = pps_close,
    .describe = pps_describe,
};
