/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/drift.h"
#include "server/status_json.h"

#define SECOND   INT64_C(1000000000)
#define DRIFT_NS (3600 * SECOND)

/* ---- what drivers say ---- */

static void on_edge(void *arg, const struct edge *e)
{
    refclock_edge(&((struct daemon_source *)arg)->daemon->refclock, e);
}

static void on_label(void *arg, const struct timelabel *l)
{
    refclock_label(&((struct daemon_source *)arg)->daemon->refclock, l);
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct daemon_source *s = arg;
    s->daemon->sky = *sky;
    s->daemon->sky_source = (int)(s - s->daemon->source);
    s->daemon->sky_at = loop_now(s->daemon->world.loop);
}

static void on_health(void *arg, enum health health, const struct err *err)
{
    static const char *const said[] = {
        [HEALTH_CLOSED] = "is not open",
        [HEALTH_SILENT] = "is open, and nothing usable comes",
        [HEALTH_NO_FIX] = "has no fix",
        [HEALTH_OK] = "works",
    };
    struct daemon_source *s = arg;
    char line[560] = "";
    bool changed = health != s->health;
    s->health = health;
    s->error = err ? *err : (struct err){0};
    if (changed)
        log_say(s->daemon->world.log, health == HEALTH_OK ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
                "%s %s %s%s%s", s->config->ops->name, s->config->driver->path, said[health],
                err ? ": " : "", err ? err_line(err, line, sizeof line) : "");
}

static const struct driver_sink sink = {
    .edge = on_edge, .label = on_label, .sky = on_sky, .health = on_health};

static int machine_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                        struct err *err)
{
    (void)env;
    return port_open(path, baud, out, err);
}

static int machine_pulse(const struct driver_env *env, const char *path, bool clear,
                         struct pulse **out, struct err *err)
{
    (void)env;
    return pulse_kernel_open(path, clear, out, err);
}

static int open_sources(struct daemon *d, struct err *err)
{
    d->env = (struct driver_env){
        .loop = d->world.loop,
        .clock = d->world.loop->clock,
        .log = d->world.log,
        .era_pivot = d->world.era_pivot,
        .open_port = d->world.open_port ? d->world.open_port : machine_port,
        .open_pulse = d->world.open_pulse ? d->world.open_pulse : machine_pulse,
        .arg = d->world.arg,
    };
    for (; d->opened < d->config->refclock_count; d->opened++) {
        struct daemon_source *s = &d->source[d->opened];
        *s = (struct daemon_source){.daemon = d, .config = &d->config->refclock[d->opened]};
        s->health = HEALTH_SILENT;
        struct driver *driver = s->config->driver;
        driver->env = &d->env;
        driver->sink = &sink;
        driver->sink_arg = s;
        if (s->config->ops->open(driver, err)) {
            s->config->ops->close(driver);
            return -1;
        }
    }
    return 0;
}

/* ---- drift file ---- */

static void start_refclock(struct daemon *d)
{
    struct drift drift = {0};
    struct err err;
    char line[560];
    const char *path = d->config->driftfile;
    if (*path && drift_read(path, &drift, &err) < 0)
        log_say(d->world.log, LOG_LEVEL_WARNING, "%s; starting without it",
                err_line(&err, line, sizeof line));
    if (drift.written / SECOND > d->world.era_pivot)
        d->world.era_pivot = drift.written / SECOND;
    struct refclock_config config = {
        .refid = d->world.refid ? d->world.refid : SNAPSHOT_REFID('P', 'P', 'S', 0),
        .refid_message = SNAPSHOT_REFID('G', 'P', 'S', 0),
        .steplimit = d->config->steplimit,
        .holdover_limit = d->config->holdover,
    };
    for (size_t i = 0; i < d->config->refclock_count; i++)
        config.pulse_expected |= !strcmp(d->config->refclock[i].ops->name, "pps");
    refclock_init(&d->refclock, &config, d->world.loop, d->world.log, &d->latch, drift.freq,
                  drift.error);
}

static void save_drift(struct daemon *d)
{
    struct drift drift;
    struct err err;
    char line[560];
    if (!*d->config->driftfile || !refclock_drift(&d->refclock, &drift.freq, &drift.error))
        return;
    drift.written = daemon_status(d)->time;
    if (drift_write(d->config->driftfile, &drift, &err))
        log_say(d->world.log, LOG_LEVEL_WARNING, "%s", err_line(&err, line, sizeof line));
}

/* ---- service ---- */

static int open_responder(struct daemon *d, struct err *err)
{
    struct responder_config config = {.threads = (int)d->config->threads};
    for (size_t i = 0; i < d->config->listen_count; i++) {
        const struct config_listen *from = &d->config->listen[i];
        struct listen_addr *to = &config.listen[config.listens++];
        to->addr.storage = from->name;
        to->len = from->name_size;
        to->optional = d->config->listen_default;
        snprintf(to->text, sizeof to->text, "%.63s", from->address);
    }
    if (responder_open(&d->responder, &config, d->world.loop, d->world.loop->clock, &d->latch,
                       d->world.log, err))
        return -1;
    return responder_start(d->responder, err);
}

static char *answer(void *arg, const char *request, int64_t now)
{
    (void)now;
    return status_json_line(daemon_status(arg), request);
}

static int open_socket(struct daemon *d, struct err *err)
{
    struct status_socket_config config = {
        .path = d->config->statussocket, .loop = d->world.loop, .answer = answer, .arg = d};
    return *config.path ? status_socket_open(&d->socket, &config, err) : 0;
}

static void tick(void *arg, int64_t now)
{
    struct daemon *d = arg;
    loop_after(d->world.loop, &d->tick, SECOND);
    if (d->socket)
        status_socket_tick(d->socket, now);
    if (now >= d->drift_next) {
        d->drift_next = now + DRIFT_NS;
        save_drift(d);
    }
}

int daemon_open(struct daemon **out, struct config *config, const struct daemon_world *world,
                struct err *err)
{
    struct daemon *d = calloc(1, sizeof *d);
    if (!d)
        return err_errno(err, "timeballd", "", "starting", ENOMEM);
    d->world = *world;
    d->config = config;
    d->sky_source = -1;
    d->started = loop_now(world->loop);
    d->drift_next = d->started + DRIFT_NS;
    d->tick = (struct loop_timer){.name = "status", .fire = tick, .arg = d};
    snapshot_latch_init(&d->latch);
    start_refclock(d);
    /* the status socket changes the umask for a moment, so it comes before there are threads */
    if (open_sources(d, err) || open_socket(d, err) || open_responder(d, err)) {
        daemon_close(d);
        return -1;
    }
    refclock_start(&d->refclock);
    loop_after(world->loop, &d->tick, SECOND);
    *out = d;
    return 0;
}

void daemon_close(struct daemon *d)
{
    if (!d)
        return;
    save_drift(d);
    loop_cancel(d->world.loop, &d->tick);
    refclock_stop(&d->refclock);
    responder_close(d->responder);
    status_socket_close(d->socket);
    for (size_t i = 0; i < d->opened; i++)
        d->source[i].config->ops->close(d->source[i].config->driver);
    free(d);
}
