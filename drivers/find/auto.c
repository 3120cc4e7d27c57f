/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The driver `auto`: finds a receiver's port and pulse, and opens the drivers for them. */
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "drivers/find/auto_child.h"
#include "drivers/driver.h"
#include "drivers/find/find.h"
#include "drivers/receiver/nmea_driver.h"
#include "drivers/reopen.h"
#include "refclock/civil.h"

#define ANY "any"
#define PATIENCE_NS                                                                           \
    (10 * NS_PER_S)              /* with a port that has not said anything that is understood \
                                  */
#define TRUST_NS (60 * NS_PER_S) /* with one that has */

/* A port that was open, and what came of it. */
struct tried {
    char device[64];
    uint64_t turn;
    bool silent;
};

struct auto_driver {
    struct driver driver;
    int edge;
    double latency, uncertainty, delay[2]; /* s */
    int64_t baud;
    char profile[OPTION_TEXT_SIZE], root[OPTION_TEXT_SIZE];
    struct driver *message, *pulse; /* the drivers that were opened; NULL: none */
    bool gpsd;                      /* the first of them asks gpsd */
    char device[64];                /* of the port taken, "" none */
    char pulse_device[32];          /* "" none */
    struct reopen scan;
    struct loop_timer patience;
    struct find find;
    struct tried tried[FIND_MAX];
    uint64_t turn;
    char sentence[400];          /* what was found, and why it was taken, or why nothing was */
    const struct profile *board; /* that the port taken is on; NULL: none that is known */
    enum health health;          /* of the port, as its driver said last */
    bool spoke;                  /* it has said something that is understood */
    struct err error, pulse_error;
    uint64_t scans, opened, messages, edges;
};

/* ---- what the two drivers say ---- */

/* The port's health is the receiver's; what is wrong with the pulse is said beside it. */
static void tell(struct auto_driver *d)
{
    driver_say(&d->driver, d->health, *d->error.why ? &d->error : &d->pulse_error);
}

static void on_health(void *arg, enum health health, const struct err *err)
{
    struct auto_driver *d = arg;
    d->health = health;
    d->error = err ? *err : (struct err){0};
    d->spoke |= health == HEALTH_OK || health == HEALTH_NO_FIX;
    if (health == HEALTH_CLOSED)
        reopen_later(&d->scan);
    else
        loop_after(d->driver.env->loop, &d->patience, d->spoke ? TRUST_NS : PATIENCE_NS);
    tell(d);
}

static void on_pulse_health(void *arg, enum health health, const struct err *err)
{
    struct auto_driver *d = arg;
    d->pulse_error = err && health != HEALTH_OK ? *err : (struct err){0};
    tell(d);
}

static void on_edge(void *arg, const struct edge *e)
{
    struct auto_driver *d = arg;
    d->edges++;
    d->driver.sink->edge(d->driver.sink_arg, e);
}

static void on_label(void *arg, const struct timelabel *l)
{
    struct auto_driver *d = arg;
    d->messages++;
    d->driver.sink->label(d->driver.sink_arg, l);
}

static void on_sample(void *arg, const struct sample *s)
{
    struct auto_driver *d = arg;
    d->driver.sink->sample(d->driver.sink_arg, s);
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct auto_driver *d = arg;
    d->driver.sink->sky(d->driver.sink_arg, sky);
}

static void on_sawtooth(void *arg, const struct sawtooth *s)
{
    struct auto_driver *d = arg;
    if (d->driver.sink->sawtooth)
        d->driver.sink->sawtooth(d->driver.sink_arg, s);
}

static void on_leap(void *arg, const struct leap_claim *c)
{
    struct auto_driver *d = arg;
    if (d->driver.sink->leap)
        d->driver.sink->leap(d->driver.sink_arg, c);
}

static void on_report(void *arg, const struct receiver_report *r)
{
    struct auto_driver *d = arg;
    struct receiver_report with = *r;
    if (d->board && d->board->usual > 0 && isnan(with.usual_delay))
        with.usual_delay = d->board->usual;
    if (d->driver.sink->report)
        d->driver.sink->report(d->driver.sink_arg, &with);
}

static void on_bytes(void *arg, const void *bytes, size_t size, int64_t local)
{
    struct auto_driver *d = arg;
    if (d->driver.sink->bytes)
        d->driver.sink->bytes(d->driver.sink_arg, bytes, size, local);
}

static const struct driver_sink message_sink = {
    .edge = on_edge,
    .label = on_label,
    .sample = on_sample,
    .sky = on_sky,
    .health = on_health,
    .sawtooth = on_sawtooth,
    .leap = on_leap,
    .report = on_report,
    .bytes = on_bytes,
};

static const struct driver_sink pulse_sink = {.edge = on_edge, .health = on_pulse_health};

/* ---- which port ---- */

static struct tried *tried(struct auto_driver *d, const char *device)
{
    struct tried *oldest = d->tried;
    for (struct tried *t = d->tried; t < d->tried + FIND_MAX; t++) {
        if (!strcmp(t->device, device))
            return t;
        if (t->turn < oldest->turn)
            oldest = t;
    }
    *oldest = (struct tried){0};
    snprintf(oldest->device, sizeof oldest->device, "%s", device);
    return oldest;
}

static bool named(const struct auto_driver *d)
{
    return strcmp(d->driver.path, ANY) != 0;
}

/* May the port be taken: by listening to it, or by asking gpsd? */
static bool usable(const struct auto_driver *d, const struct find_port *p)
{
    if (named(d) && strcmp(p->device, d->driver.path) != 0 && strcmp(p->link, d->driver.path) != 0)
        return false;
    return p->bar == FIND_FREE || (p->bar == FIND_GPSD && driver_find("gpsd"));
}

/* The one whose turn was longest ago; among those that never had one the first. */
static const struct find_port *next_port(struct auto_driver *d)
{
    const struct find_port *best = NULL;
    uint64_t best_turn = 0;
    for (size_t i = 0; i < d->find.count; i++) {
        const struct find_port *p = &d->find.port[i];
        uint64_t turn = usable(d, p) ? tried(d, p->device)->turn : 0;
        if (!usable(d, p) || (best && turn >= best_turn))
            continue;
        best = p;
        best_turn = turn;
    }
    return best;
}

/* Its own pulse; or the only pin, when the header's port is none or has nothing to say. */
static int pulse_for(struct auto_driver *d, const struct find_port *port)
{
    int pin = -1, pins = 0;
    if (port->pulse >= 0)
        return port->pulse;
    for (size_t i = 0; i < d->find.pulses; i++)
        if (!*d->find.pulse[i].tty) {
            pin = (int)i;
            pins++;
        }
    bool spare = true;
    for (size_t i = 0; i < d->find.count; i++)
        if (d->find.port[i].kind == FIND_HEADER && d->find.port[i].bar == FIND_FREE)
            spare = tried(d, d->find.port[i].device)->silent;
    return pins == 1 && spare ? pin : -1;
}

/* ---- opening ---- */

static void drop_pulse(struct auto_driver *d)
{
    auto_child_free(d->pulse);
    d->pulse = NULL;
    d->pulse_device[0] = 0;
    d->pulse_error = (struct err){0};
}

static void drop_port(struct auto_driver *d)
{
    auto_child_free(d->message);
    d->message = NULL;
    d->device[0] = 0;
    loop_cancel(d->driver.env->loop, &d->patience);
}

/* A pulse that goes on being the right one goes on being read: it holds the second meanwhile. */
static void take_pulse(struct auto_driver *d, int pulse)
{
    const char *device = pulse >= 0 ? d->find.pulse[pulse].device : "";
    char path[OPTION_TEXT_SIZE];
    struct err err = {0};
    if (!strcmp(device, d->pulse_device))
        return;
    drop_pulse(d);
    if (!*device)
        return;
    snprintf(path, sizeof path, "%.200s%s", d->root, device);
    d->pulse = auto_child_new(driver_find("pps"), &d->driver, &pulse_sink, path);
    if (!d->pulse)
        return;
    snprintf(d->pulse_device, sizeof d->pulse_device, "%s", device);
    if (d->pulse->ops->open(d->pulse, &err))
        d->pulse_error = err; /* it tries again by itself */
}

static struct driver *new_message(struct auto_driver *d, const struct find_port *p)
{
    char path[OPTION_TEXT_SIZE];
    bool header = p->kind == FIND_HEADER || !strcmp(p->device, d->find.header);
    const struct profile *known = *d->profile ? profile_find(d->profile) : d->find.profile;
    d->board = header ? known : NULL;
    d->gpsd = p->bar == FIND_GPSD;
    snprintf(path, sizeof path, "%.180s%s", d->root, *p->link ? p->link : p->device);
    struct driver *child = auto_child_new(driver_find(d->gpsd ? "gpsd" : "nmea"), &d->driver,
                                          &message_sink, d->gpsd ? "localhost" : path);
    snprintf(path, sizeof path, "%.180s%s", d->root, p->device);
    if (child && d->gpsd)
        auto_child_set_text(child, "device", path);
    else if (child && d->board)
        nmea_driver_try_first(child, d->board->baud);
    return child;
}

static int take_port(struct auto_driver *d, const struct find_port *p, struct err *err)
{
    struct tried *t = tried(d, p->device);
    t->turn = ++d->turn;
    d->spoke = false;
    d->message = new_message(d, p);
    if (!d->message)
        return err_set(err, p->device, "", "out of memory");
    if (d->message->ops->open(d->message, err)) {
        drop_port(d);
        return -1;
    }
    int pulse = pulse_for(d, p);
    snprintf(d->device, sizeof d->device, "%s", p->device);
    find_sentence(&d->find, p, pulse, d->sentence, sizeof d->sentence);
    take_pulse(d, pulse);
    d->opened++;
    reopen_done(&d->scan);
    d->error = (struct err){0};
    d->health = HEALTH_SILENT;
    loop_after(d->driver.env->loop, &d->patience, PATIENCE_NS);
    log_say(d->driver.env->log, LOG_LEVEL_NOTICE, "refclock auto: %s", d->sentence);
    return 0;
}

/* Nothing is open, and nothing can be: the first port that is barred says why. */
static void say_nothing(struct auto_driver *d, const struct err *failed)
{
    static const char todo[] = "`timeballctl doctor` says what is missing";
    d->health = HEALTH_CLOSED;
    if (*failed->why)
        d->error = *failed;
    else if (d->find.count && !named(d))
        err_set(&d->error, "", todo, "%.150s",
                find_sentence(&d->find, d->find.port, -1, d->sentence, sizeof d->sentence));
    else
        err_set(&d->error, named(d) ? d->driver.path : "", todo,
                named(d) ? "there is no such port, or it is in use"
                         : "no receiver is found on this machine");
    d->sentence[0] = 0;
    tell(d);
}

static void search(struct auto_driver *d)
{
    struct err err = {0};
    drop_port(d);
    d->scans++;
    find_scan(d->root, named(d) ? d->driver.path : NULL, &d->find);
    for (size_t i = 0; i < d->find.count; i++) {
        const struct find_port *p = next_port(d);
        if (!p)
            break;
        if (!take_port(d, p, &err))
            return;
    }
    say_nothing(d, &err);
    reopen_later(&d->scan);
}

static void on_scan(void *arg, int64_t now)
{
    struct auto_driver *d = arg;
    (void)now;
    if (!d->message || d->health == HEALTH_CLOSED)
        search(d);
}

/* The port has nothing to say that is understood: has another one? */
static void on_patience(void *arg, int64_t now)
{
    struct auto_driver *d = arg;
    size_t others = 0;
    (void)now;
    loop_after(d->driver.env->loop, &d->patience, d->spoke ? TRUST_NS : PATIENCE_NS);
    if (d->health != HEALTH_SILENT)
        return;
    tried(d, d->device)->silent = true;
    find_scan(d->root, named(d) ? d->driver.path : NULL, &d->find);
    for (size_t i = 0; i < d->find.count; i++)
        others += usable(d, &d->find.port[i]) && strcmp(d->find.port[i].device, d->device) != 0;
    if (others)
        search(d);
}

static int auto_open(struct driver *driver, struct err *err)
{
    struct auto_driver *d = (struct auto_driver *)driver;
    if (*d->profile && !profile_find(d->profile))
        return err_set(err, d->profile, "timeball.conf(5) lists the boards",
                       "no such board is known");
    d->patience = (struct loop_timer){
        .name = "auto patience", .fire = on_patience, .arg = d, .due = INT64_MAX};
    reopen_init(&d->scan, driver->env->loop, "auto scan", on_scan, d);
    driver->said = HEALTH_SILENT;
    search(d);
    return 0;
}

static void auto_close(struct driver *driver)
{
    struct auto_driver *d = (struct auto_driver *)driver;
    if (!d->scan.loop)
        return; /* never opened */
    drop_port(d);
    drop_pulse(d);
    reopen_cancel(&d->scan);
}

static void add_description(const struct driver *child, char *buf, size_t size)
{
    char more[200] = "";
    size_t n = strlen(buf);
    if (child && child->ops->describe)
        child->ops->describe(child, more, sizeof more);
    snprintf(buf + n, size - n, "%s%s", *more ? "; " : "", more);
}

static void auto_describe(const struct driver *driver, char *buf, size_t size)
{
    const struct auto_driver *d = (const struct auto_driver *)driver;
    snprintf(buf, size, "%s", d->sentence);
    add_description(d->message, buf, size);
    add_description(d->pulse, buf, size);
}

static int auto_command(struct driver *driver, const struct driver_command *c, struct err *err)
{
    struct auto_driver *d = (struct auto_driver *)driver;
    if (d->message && d->message->ops->command)
        return d->message->ops->command(d->message, c, err);
    return err_set(err, "auto", "", "no receiver is open that could be asked");
}

static const char *const edge_words[] = {"assert", "clear", NULL};
static const char *const auto_words[] = {"auto", NULL};
static const char *const no_words[] = {"none", NULL};

static const struct option_row options[] = {
    {
        .word = "profile",
        .type = OPTION_TEXT,
        .offset = offsetof(struct auto_driver, profile),
        .max = 40,
        .choices = auto_words,
        .initial = "auto",
        .help = "The board on the header, where it has no EEPROM that names it: the rate to try "
                "first and the usual delay of its messages.",
    },
    {
        .word = "edge",
        .type = OPTION_CHOICE,
        .offset = offsetof(struct auto_driver, edge),
        .choices = edge_words,
        .initial = "assert",
        .help = "As for pps.",
    },
    OPTION_LATENCY(auto_driver, "As for pps."),
    OPTION_UNCERTAINTY(auto_driver, "20e-6", "As for pps."),
    {
        .word = "delay",
        .type = OPTION_RANGE,
        .offset = offsetof(struct auto_driver, delay),
        .min = 0,
        .max = 2,
        .unit = "s",
        .help = "As for nmea.",
    },
    {
        .word = "baud",
        .type = OPTION_INT,
        .offset = offsetof(struct auto_driver, baud),
        .min = 4800,
        .max = 921600,
        .unit = "",
        .choices = auto_words,
        .initial = "auto",
        .help = "As for nmea.",
    },
    {
        .word = "root",
        .type = OPTION_TEXT,
        .offset = offsetof(struct auto_driver, root),
        .max = 120,
        .choices = no_words,
        .initial = "none",
        .help = "A folder that stands for /, with its own dev, sys and proc: for tests.",
    },
    {0},
};

static const struct counter_row counters[] = {
    {"scans", offsetof(struct auto_driver, scans), "times that a receiver was looked for"},
    {"opened", offsetof(struct auto_driver, opened), "ports that were opened"},
    {"messages", offsetof(struct auto_driver, messages), "times of messages passed on"},
    {"edges", offsetof(struct auto_driver, edges), "edges passed on"},
    {0},
};

const struct driver_ops auto_driver_ops = {
    .name = "auto",
    .help = "whatever receiver is found: its port, its baud rate and the pulse that belongs to it",
    .path = ANY,
    .gives = DRIVER_PULSES | DRIVER_MESSAGES | DRIVER_PERHAPS,
    .options = options,
    .counters = counters,
    .size = sizeof(struct auto_driver),
    .open = auto_open,
    .close = auto_close,
    .describe = auto_describe,
    .command = auto_command,
};
