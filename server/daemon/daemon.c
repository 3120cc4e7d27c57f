/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/daemon.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/delays.h"
#include "server/daemon/control_commands.h"
#include "server/daemon/daemon_alarm.h"
#include "server/daemon/daemon_drift.h"
#include "server/daemon/daemon_record.h"
#include "server/daemon/receivers.h"
#include "server/status/json.h"
#include "server/daemon/watch.h"

#define SECOND    INT64_C(1000000000)
#define DRIFT_NS  (3600 * SECOND)
#define SENSOR_NS (4 * SECOND)

/* ---- what drivers say ---- */

/* Its line of the configuration, from 0. */
static int number(const struct daemon_source *s)
{
    return (int)(s - s->daemon->source);
}

static void on_bytes(void *arg, const void *bytes, size_t size, int64_t local)
{
    const struct daemon_source *s = arg;
    daemon_record_before(s->daemon);
    record_bytes(s->daemon->recording, number(s), local, bytes, size);
}

static void on_edge(void *arg, const struct edge *e)
{
    struct daemon_source *s = arg;
    struct daemon *d = s->daemon;
    daemon_record_before(d);
    record_edge(d->recording, number(s), e);
    refclock_edge(&d->refclock, s->who, e);
}

static void on_label(void *arg, const struct timelabel *l)
{
    struct daemon_source *s = arg;
    struct daemon *d = s->daemon;
    daemon_record_before(d);
    record_label(d->recording, number(s), l);
    refclock_label(&d->refclock, s->who, l);
}

static void on_sample(void *arg, const struct sample *sample)
{
    struct daemon_source *s = arg;
    struct daemon *d = s->daemon;
    daemon_record_before(d);
    record_sample(d->recording, number(s), sample);
    refclock_sample(&d->refclock, s->who, sample);
}

static void on_sawtooth(void *arg, const struct sawtooth *sawtooth)
{
    struct daemon_source *s = arg;
    refclock_sawtooth(&s->daemon->refclock, s->who, sawtooth);
}

static void on_leap(void *arg, const struct leap_claim *claim)
{
    struct daemon_source *s = arg;
    refclock_leap(&s->daemon->refclock, s->who, claim);
}

static void on_report(void *arg, const struct receiver_report *report)
{
    struct daemon_source *s = arg;
    s->report = *report;
    s->reported = true;
    if (*report->model)
        delays_model(&s->daemon->refclock, s->who, report->model);
    watch_report(s, report);
}

static void on_sky(void *arg, const struct sky *sky)
{
    struct daemon_source *s = arg;
    struct daemon *d = s->daemon;
    int mine = number(s);
    const struct receiver *leads = refclock_leader(&d->refclock);
    bool better = leads == &d->refclock.receiver[s->who];
    watch_sky(s, sky);
    /* one sky is shown: that of the receiver that leads, where it reports one */
    if (d->sky_source >= 0 && d->sky_source != mine && !better)
        return;
    d->sky = *sky;
    d->sky_source = mine;
    d->sky_at = loop_now(d->world.loop);
}

static bool any_without_fix(const struct daemon *d, int who)
{
    for (size_t i = 0; i < d->config->refclock_count; i++)
        if (d->source[i].who == who && d->source[i].health == HEALTH_NO_FIX)
            return true;
    return false;
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
    refclock_fix(&s->daemon->refclock, s->who, !any_without_fix(s->daemon, s->who));
    s->error = err ? *err : (struct err){0};
    if (!strcmp(s->error.thing, s->config->driver->path))
        *s->error.thing = 0; /* the source's name says it already */
    if (changed && (health == HEALTH_CLOSED || health == HEALTH_SILENT))
        watch_silent(s);
    if (changed)
        log_say(s->daemon->world.log, health == HEALTH_OK ? LOG_LEVEL_NOTICE : LOG_LEVEL_WARNING,
                "%s %s %s%s%s", s->config->ops->name, s->config->driver->path, said[health],
                err ? ": " : "", err ? err_line(&s->error, line, sizeof line) : "");
}

static const struct driver_sink sink = {
    .edge = on_edge,
    .bytes = on_bytes,
    .label = on_label,
    .sample = on_sample,
    .sky = on_sky,
    .health = on_health,
    .sawtooth = on_sawtooth,
    .leap = on_leap,
    .report = on_report,
};

static int machine_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                        struct err *err)
{
    (void)env;
    return port_open(path, baud, out, err);
}

static int machine_pulse(const struct driver_env *env, const char *path,
                         const struct pulse_want *want, struct pulse **out, struct err *err)
{
    return pulse_open(path, want, env->clock, out, err);
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

static void start_refclock(struct daemon *d)
{
    struct refclock_config config = {
        .refid = d->world.refid ? d->world.refid : SNAPSHOT_REFID('P', 'P', 'S', 0),
        .refid_message = SNAPSHOT_REFID('G', 'P', 'S', 0),
        .steplimit = d->config->steplimit,
        .holdover_limit = d->config->holdover,
        .local_stratum = (int)d->config->local_stratum,
    };
    struct receivers all;
    receivers_of(d->config, &all);
    refclock_init(&d->refclock, &config, d->world.loop, d->world.log, &d->latch);
    for (int i = 0; i < all.count; i++)
        (void)refclock_add(&d->refclock, &all.of[i]);
    for (size_t i = 0; i < d->config->refclock_count; i++)
        d->source[i] = (struct daemon_source){.daemon = d,
                                              .config = &d->config->refclock[i],
                                              .who = all.line[i],
                                              .health = HEALTH_SILENT};
}

/* ---- temperature ---- */

static void read_temperature(struct daemon *d)
{
    d->celsius =
        d->world.temperature ? d->world.temperature(d->world.arg) : sensor_read(&d->sensor);
    if (isnan(d->celsius))
        return;
    daemon_record_before(d);
    record_temperature(d->recording, loop_now(d->world.loop), d->celsius);
    refclock_temperature(&d->refclock, d->celsius);
}

static void warmth(void *arg, int64_t now)
{
    struct daemon *d = arg;
    (void)now;
    loop_after(d->world.loop, &d->warmth, SENSOR_NS);
    read_temperature(d);
}

static int open_sensor(struct daemon *d, struct err *err)
{
    bool file = !d->world.temperature && *d->config->temperature;
    if (file && sensor_open(&d->sensor, d->config->temperature, err))
        return -1;
    read_temperature(d);
    if (file || d->world.temperature)
        loop_after(d->world.loop, &d->warmth, SENSOR_NS);
    return 0;
}

/* ---- other time daemons ---- */

static int open_feeds(struct daemon *d, struct err *err)
{
    for (; d->fed < d->config->feed_count; d->fed++)
        if (feed_open(&d->feed[d->fed], &d->config->feed[d->fed], err))
            return -1;
    return 0;
}

static void write_feeds(struct daemon *d)
{
    struct snapshot s;
    struct clock *clock = d->world.loop->clock;
    snapshot_read(&d->latch, &s);
    bool usable = d->refclock.state == REFCLOCK_LOCKED && s.leap != LEAP_UNKNOWN && !s.transition &&
                  s.generation == clock->generation;
    for (size_t i = 0; usable && i < d->fed; i++)
        feed_write(&d->feed[i], &s, clock_now(clock), d->world.log);
}

/* ---- service ---- */

static int open_keys(struct daemon *d, struct err *err)
{
    struct keys *keys;
    char line[560];
    shared_init(&d->keys, keys_release);
    if (config_load_keys(d->config, &keys, err))
        return -1;
    for (size_t i = 0; keys_note(keys, i); i++)
        log_say(d->world.log, LOG_LEVEL_WARNING, "%s",
                err_line(keys_note(keys, i), line, sizeof line));
    shared_swap(&d->keys, keys_share(keys));
    return 0;
}

static int open_peers(struct daemon *d, struct err *err)
{
    if (!d->config->server_count)
        return 0;
    if (peers_open(&d->peers, &d->refclock, &d->net.net, d->world.rng, d->world.log, err))
        return -1;
    peers_apply(d->peers, d->config, keys_shared(shared_now(&d->keys)));
    return 0;
}

static const struct status *query_status(void *arg)
{
    return daemon_status(arg);
}

static size_t query_clients(void *arg, struct ratelimit_client *to, size_t most)
{
    const struct daemon *d = arg;
    return responder_clients(d->responder, RATELIMIT_NEWEST, to, most);
}

static int open_responder(struct daemon *d, struct err *err)
{
    struct responder_config config = {.threads = (int)d->config->threads,
                                      .access = &d->limits.access,
                                      .limit = &d->limits.rate,
                                      .keys = &d->keys};
    if (limits_open(&d->limits, d->config, d->world.loop, d->world.log, err))
        return -1;
    for (size_t i = 0; i < d->config->listen_count; i++) {
        const struct config_listen *from = &d->config->listen[i];
        struct listen_addr *to = &config.listen[config.listens++];
        memcpy(&to->addr, &from->name, sizeof to->addr);
        to->len = from->name_size;
        to->optional = d->config->listen_default;
        snprintf(to->text, sizeof to->text, "%.63s", from->address);
    }
    if (responder_open(&d->responder, &config, d->world.loop, d->world.loop->clock, &d->latch,
                       d->world.log, err))
        return -1;
    struct ntpq_service_config queries = {
        .loop = d->world.loop,
        .responder = d->responder,
        .status = query_status,
        .clients = query_clients,
        .arg = d,
    };
    return ntpq_service_open(&d->ntpq, &queries, err);
}

static char *answer(void *arg, const char *request, int64_t now)
{
    (void)now;
    struct daemon *d = arg;
    (void)daemon_status(d);
    if (!strcmp(request, "clients"))
        d->status.clients = *limits_clients(&d->limits, d->responder, loop_now(d->world.loop));
    return status_json_line(&d->status, request);
}

static int open_socket(struct daemon *d, struct err *err)
{
    struct status_socket_config config = {
        .path = d->config->statussocket, .loop = d->world.loop, .answer = answer, .arg = d};
    return *config.path ? status_socket_open(&d->socket, &config, err) : 0;
}

/* What they need to know of us: the year, and whether they are only witnesses. */
static void tell_peers(struct daemon *d, int64_t now)
{
    const struct refclock *r = &d->refclock;
    bool leads = r->leader >= 0 && !r->receiver[r->leader].config.peer;
    int64_t truth = clock_now(d->world.loop->clock);
    struct estimate e;
    if (refclock_estimate(r, &e) && r->synced_once)
        truth = now + e.shift;
    else if (truth < d->world.era_pivot * SECOND) /* a machine without a clock */
        truth = d->world.era_pivot * SECOND;
    peers_second(d->peers, truth, leads && !refclock_contradicted(r));
}

/* The default path may belong to another daemon, or to root: only one that was named must do. */
static int open_control(struct daemon *d, struct err *err)
{
    struct control_config config = {
        .path = d->config->controlsocket,
        .loop = d->world.loop,
        .log = d->world.log,
        .commands = control_commands,
        .arg = d,
    };
    char line[560];
    if (!*config.path || !control_open(&d->control, &config, err))
        return 0;
    if (config_given(d->config, "controlsocket"))
        return -1;
    log_say(d->world.log, LOG_LEVEL_WARNING, "no control socket: %s",
            err_line(err, line, sizeof line));
    return 0;
}

/* Rights end here, and then begin those who serve strangers. */
static int settle(struct daemon *d, struct err *err)
{
    if (d->world.rights && rights_settle(d->world.rights, err))
        return -1;
    return responder_start(d->responder, err);
}

/* Which servers are asked, for `restrict source`. */
static void tell_limits(struct daemon *d)
{
    union address asked[PEERS_MAX];
    size_t n = 0;
    for (size_t i = 0; d->peers && i < peers_count(d->peers) && n < PEERS_MAX; i++) {
        const struct peers_member *m = peers_member(d->peers, i);
        if (m->addressed)
            asked[n++] = m->peer->address;
    }
    limits_sources(&d->limits, asked, n);
    limits_tick(&d->limits);
}

static void tick(void *arg, int64_t now)
{
    struct daemon *d = arg;
    loop_after(d->world.loop, &d->tick, SECOND);
    if (d->socket)
        status_socket_tick(d->socket, now);
    control_tick(d->control, now);
    tell_limits(d);
    write_feeds(d);
    tell_peers(d, now);
    shared_sweep(&d->keys);
    leap_watch_tick(&d->leap, &d->refclock.leap.table, now, leap_carry_time(&d->refclock),
                    d->world.log);
    daemon_record_tick(d, now);
    if (statistics_due(&d->statistics, now))
        statistics_write(&d->statistics, daemon_status(d));
    if (d->world.notify) {
        const struct status *s = daemon_status(d);
        notify_tick(d->world.notify, now, s->clock.sentence);
        daemon_alarm_tick(d, s, now);
    }
    if (now >= d->drift_next) {
        d->drift_next = now + DRIFT_NS;
        daemon_drift_save(d);
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
    statistics_init(&d->statistics, &config->statistics, d->world.log, d->started);
    d->tick = (struct loop_timer){.name = "status", .fire = tick, .arg = d};
    snapshot_latch_init(&d->latch);
    d->warmth = (struct loop_timer){.name = "temperature", .fire = warmth, .arg = d};
    d->sensor.fd = -1;
    start_refclock(d);
    daemon_drift_load(d);
    leap_watch_open(&d->leap, config->leapfile, d->world.log, d->started);
    /* the Unix sockets change the umask for a moment, so they come before there are threads */
    if (daemon_record_open(d, err) || open_keys(d, err) || open_peers(d, err) ||
        open_sensor(d, err) || open_sources(d, err) || open_feeds(d, err) || open_socket(d, err) ||
        open_control(d, err) || open_responder(d, err) || settle(d, err)) {
        daemon_close(d);
        return -1;
    }
    refclock_start(&d->refclock);
    tell_peers(d, loop_now(world->loop));
    loop_after(world->loop, &d->tick, SECOND);
    *out = d;
    return 0;
}

void daemon_close(struct daemon *d)
{
    if (!d)
        return;
    daemon_drift_save(d);
    reload_stop(d);
    loop_cancel(d->world.loop, &d->tick);
    loop_cancel(d->world.loop, &d->warmth);
    sensor_close(&d->sensor);
    refclock_stop(&d->refclock);
    responder_close(d->responder);
    limits_close(&d->limits);
    ntpq_service_close(d->ntpq);
    peers_close(d->peers);
    status_socket_close(d->socket);
    control_close(d->control);
    for (size_t i = 0; i < d->opened; i++)
        d->source[i].config->ops->close(d->source[i].config->driver);
    for (size_t i = 0; i < d->fed; i++)
        feed_close(&d->feed[i]);
    record_close(d->recording);
    shared_close(&d->keys);
    free(d);
}
