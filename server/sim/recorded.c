/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/recorded.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/options.h"
#include "server/daemon/receivers.h"

#define GAP_NS     (600 * NS_PER_S) /* more without any event is passed over ... */
#define GAP_END_NS (60 * NS_PER_S)  /* ... but for this */

/* ---- ports ---- */

static int port_get_fd(const struct port *p)
{
    return ((const struct sim_recorded_port *)p)->fd[0];
}

static ssize_t port_read_pipe(struct port *p, void *buf, size_t size, struct err *err)
{
    ssize_t n = read(port_get_fd(p), buf, size);
    (void)err;
    return n > 0 ? n : 0;
}

/* What a receiver is asked now, it has answered then. */
static ssize_t port_write_nowhere(struct port *p, const void *buf, size_t size, struct err *err)
{
    (void)p;
    (void)buf;
    (void)err;
    return (ssize_t)size;
}

static int port_no_baud(struct port *p, int baud, struct err *err)
{
    (void)p;
    (void)baud;
    return err_set(err, "", "", "a recording has no rate");
}

static void port_stays(struct port *p)
{
    (void)p;
}

static int open_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                     struct err *err)
{
    static const struct port_ops ops = {
        .fd = port_get_fd,
        .read = port_read_pipe,
        .write = port_write_nowhere,
        .set_baud = port_no_baud,
        .close = port_stays,
    };
    struct sim_recorded *w = env->arg;
    (void)baud;
    for (int i = 0; i < RECORD_SOURCES; i++) {
        struct sim_recorded_port *p = &w->port[i];
        if (!w->bytes[i] || strcmp(w->bytes[i]->path, path) != 0)
            continue;
        if (p->fd[0] < 0 && pipe2(p->fd, O_NONBLOCK | O_CLOEXEC))
            return err_errno(err, path, "", "opening", errno);
        p->port.ops = &ops;
        *out = &p->port;
        return 0;
    }
    return err_set(err, path, "", "is not in the recording");
}

/* Pulses are delivered as edges. */
static int no_pulse(const struct driver_env *env, const char *path, const struct pulse_want *want,
                    struct pulse **out, struct err *err)
{
    (void)env;
    (void)want;
    (void)out;
    return err_set(err, path, "", "is not in the recording");
}

/* ---- drivers ---- */

static int deliver_open(struct driver *d, struct err *err)
{
    (void)d;
    (void)err;
    return 0;
}

static void deliver_close(struct driver *d)
{
    (void)d;
}

static struct driver *new_driver(const struct driver_ops *ops, const char *path)
{
    struct driver *d = calloc(1, ops->size);
    if (!d)
        return NULL;
    d->ops = ops;
    options_initial(ops->options, d);
    snprintf(d->path, sizeof d->path, "%s", path);
    return d;
}

/* One more line like `as`, for another driver. 0, or -1. */
static int add_line(struct config *c, const struct config_refclock *as, struct driver *driver)
{
    struct config_refclock *r = &c->refclock[c->refclock_count];
    if (!driver || c->refclock_count == CONFIG_REFCLOCK_MAX) {
        free(driver);
        return -1;
    }
    *r = *as;
    r->ops = driver->ops;
    r->driver = driver;
    r->given = 0;
    c->refclock_count++;
    return 0;
}

/* A source's bytes are read again; what else it gave is delivered. */
static int add_source(struct sim_recorded *w, int source, const struct config_refclock *from,
                      bool bytes)
{
    const struct driver_ops *nmea = driver_find("nmea");
    struct config *c = &w->config;
    struct driver_ops *ops = &w->ops[source];
    *ops = (struct driver_ops){
        .name = from->ops->name,
        .help = from->ops->help,
        .gives = bytes ? from->ops->gives & ~(unsigned)DRIVER_MESSAGES : from->ops->gives,
        .size = sizeof(struct driver),
        .open = deliver_open,
        .close = deliver_close,
    };
    if (c->refclock_count == CONFIG_REFCLOCK_MAX)
        return -1;
    if (bytes && from->ops == nmea) { /* with its options */
        c->refclock[c->refclock_count++] = *from;
        w->bytes[source] = from->driver;
        return 0;
    }
    if (bytes && add_line(c, from, new_driver(nmea, from->driver->path)))
        return -1;
    if (bytes)
        w->bytes[source] = c->refclock[c->refclock_count - 1].driver;
    if ((ops->gives & ~(unsigned)DRIVER_PERHAPS) &&
        !add_line(c, from, new_driver(ops, from->driver->path)))
        w->deliver[source] = c->refclock[c->refclock_count - 1].driver;
    return 0;
}

/* The lines that were recorded, each with its receiver's name as its word, become others. */
static int replace_lines(struct sim_recorded *w, const struct sim_survey *s)
{
    struct config was = w->config;
    struct receivers all;
    int bad = 0;
    receivers_of(&was, &all);
    w->config.refclock_count = 0;
    for (size_t i = 0; i < was.refclock_count; i++) {
        struct config_refclock *r = &was.refclock[i];
        bool bytes = s->of[i][RECORD_STREAM] > 0 && s->count[RECORD_CONFIG] > 0;
        snprintf(r->receiver, sizeof r->receiver, "%s", all.of[all.line[i]].name);
        bad = bad || add_source(w, (int)i, r, bytes);
        if (r->driver != w->bytes[i])
            free(r->driver);
    }
    return bad;
}

/* ---- configuration ---- */

/* A recording of version 1 has one receiver, without any line: its messages are delivered. */
static void write_refclocks(FILE *out, const struct sim_survey *s)
{
    bool pulses = s->count[RECORD_EDGE] > 0;
    fputs(s->conf ? s->conf : "", out);
    if (!s->count[RECORD_CONFIG])
        fprintf(out, "refclock nmea recording\n%s", pulses ? "refclock pps recording\n" : "");
}

/* The line of a server that was asked, as it was recorded, or a plain one. */
static void write_server(FILE *out, const struct sim_survey *s, const union address *a)
{
    char name[INET6_ADDRSTRLEN], words[INET6_ADDRSTRLEN + 8];
    snprintf(words, sizeof words, "server %s ", address_text(a, name, sizeof name));
    const char *line = s->servers_conf ? strstr(s->servers_conf, words) : NULL;
    if (line)
        fprintf(out, "%.*s\n", (int)strcspn(line, "\n"), line);
    else
        fprintf(out, "%sport %d\n", words, address_port(a));
}

static int read_conf(struct sim_recorded *w, const struct sim_survey *s, const char *name,
                     struct err *err)
{
    static const char *const fixed[] = {
        "threads 0",          "clock none",     "listen none",   "statussocket none",
        "controlsocket none", "driftfile none", "leapfile none", "log none"};
    struct config_errors errors;
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return err_errno(err, name, "", "replaying", ENOMEM);
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        fprintf(out, "%s\n", fixed[i]);
    write_refclocks(out, s);
    for (int i = 0; i < s->servers && i < CONFIG_SERVER_MAX; i++)
        write_server(out, s, &s->server[i]);
    fclose(out);
    int bad = config_parse(&w->config, name, text, size, &errors);
    free(text);
    if (bad)
        *err = errors.err[0];
    return bad;
}

/* ---- the world ---- */

static double temperature(void *world)
{
    return ((struct sim_recorded *)world)->celsius;
}

static double no_error(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

static int open_daemon(struct sim_recorded *w, const struct sim_survey *s, const struct log *log,
                       struct err *err)
{
    const struct rng rng = rng_seeded(0, 0); /* the same recording gives the same figures */
    struct daemon_world world = {
        .loop = &w->loop.loop,
        .log = log,
        .steering = STATUS_STEERS_VIRTUAL,
        .era_pivot = s->pivot != INT64_MIN ? s->pivot : s->first / NS_PER_S,
        .open_port = open_port,
        .open_pulse = no_pulse,
        .arg = w,
        .net = &w->net.net,
        .rng = &rng,
        .temperature = temperature,
    };
    return daemon_open(&w->daemon, &w->config, &world, err);
}

int sim_recorded_open(struct sim_recorded *w, const struct sim_survey *s, const char *name,
                      const struct log *log, struct err *err)
{
    _Static_assert(RECORD_SOURCES == CONFIG_REFCLOCK_MAX, "a source is a refclock line");
    memset(w, 0, sizeof *w);
    for (int i = 0; i < RECORD_SOURCES; i++)
        w->port[i].fd[0] = w->port[i].fd[1] = -1;
    w->celsius = NAN;
    w->loop.truth = s->first;
    clock_virtual_init(&w->clock, loop_virtual_truth, no_error, &w->loop, 0);
    loop_virtual_init(&w->loop, &w->clock.clock, s->first);
    w->clock.clock.steerable = false;
    w->loop.loop.now = s->first;
    sim_recorded_net_init(&w->net, &w->loop.loop, s);
    int bad = read_conf(w, s, name, err);
    if (!bad && replace_lines(w, s))
        bad = err_set(err, name, "", "has too many receivers");
    if (bad || open_daemon(w, s, log, err)) {
        sim_recorded_close(w);
        return -1;
    }
    return 0;
}

void sim_recorded_close(struct sim_recorded *w)
{
    daemon_close(w->daemon);
    config_free(&w->config);
    for (int i = 0; i < RECORD_SOURCES; i++)
        for (int k = 0; k < 2; k++)
            if (w->port[i].fd[k] >= 0)
                close(w->port[i].fd[k]);
    loop_close(&w->loop.loop);
}

/* Bytes that were read at once then are read at once now. */
static void read_bytes(struct sim_recorded *w)
{
    if (w->loop.written)
        loop_turn(&w->loop.loop, w->loop.truth);
}

void sim_recorded_run(struct sim_recorded *w, int64_t at)
{
    if (at > w->loop.truth)
        read_bytes(w);
    if (at - w->loop.truth > GAP_NS)
        w->loop.truth = at - GAP_END_NS;
    while (w->loop.truth < at && !loop_turn(&w->loop.loop, at))
        ;
}

/* ---- events ---- */

static struct driver *speaker(struct sim_recorded *w, int source)
{
    struct driver *d = w->deliver[source];
    if (d)
        d->sink->health(d->sink_arg, HEALTH_OK, NULL);
    return d;
}

static void deliver_edge(struct sim_recorded *w, const struct record_event *e, int64_t at)
{
    struct driver *d = speaker(w, e->source);
    struct edge edge = e->edge;
    edge.local = at;
    if (d)
        d->sink->edge(d->sink_arg, &edge);
}

/* Messages whose bytes are in the recording speak for themselves. */
static void deliver_label(struct sim_recorded *w, const struct record_event *e, int64_t at)
{
    struct driver *d = w->bytes[e->source] ? NULL : speaker(w, e->source);
    struct timelabel label = e->label;
    label.local = at;
    if (d)
        d->sink->label(d->sink_arg, &label);
}

static void deliver_sample(struct sim_recorded *w, const struct record_event *e, int64_t at)
{
    struct driver *d = speaker(w, e->source);
    struct sample sample = e->sample;
    sample.local = at;
    if (d)
        d->sink->sample(d->sink_arg, &sample);
}

static void deliver_bytes(struct sim_recorded *w, const struct record_event *e)
{
    const struct sim_recorded_port *p = &w->port[e->source];
    if (p->fd[1] < 0 || write(p->fd[1], e->bytes.at, e->bytes.size) < 0)
        return; /* it is closed */
    w->loop.written = true;
}

void sim_recorded_deliver(struct sim_recorded *w, const struct record_event *e,
                          const struct sim_steering *steering)
{
    int64_t at = sim_steering_free(steering, e->local);
    if (e->kind != RECORD_STREAM)
        read_bytes(w);
    switch (e->kind) {
    case RECORD_EDGE:
        deliver_edge(w, e, at);
        break;
    case RECORD_LABEL:
        deliver_label(w, e, at);
        break;
    case RECORD_SAMPLE:
        deliver_sample(w, e, at);
        break;
    case RECORD_TEMPERATURE:
        w->celsius = e->celsius;
        break;
    case RECORD_STREAM:
        deliver_bytes(w, e);
        break;
    case RECORD_REQUEST:
        sim_recorded_net_request(&w->net, &e->net.address, e->net.origin);
        break;
    case RECORD_PACKET:
        sim_recorded_net_packet(&w->net, &e->net.address, sim_steering_free(steering, e->net.left),
                                &e->net.got);
        break;
    default: /* nothing comes: the reader keeps it */
        break;
    }
}
