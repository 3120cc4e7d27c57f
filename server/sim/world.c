/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/world.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"

int64_t sim_world_truth(void *world)
{
    struct sim_world *w = world;
    return w->live ? clock_host_truth(&w->host) : w->virtual_loop.truth;
}

/* Seconds since the start. */
static double elapsed(const struct sim_world *w, int64_t truth)
{
    return (double)(truth - w->start) * 1e-9;
}

static double next_frequency(void *world, int64_t second)
{
    struct sim_world *w = world;
    struct scenario *s = &w->scenario;
    s->oscillator.kelvin = climate_at(&s->climate, elapsed(w, second * NS_PER_S)) - s->climate.mean;
    return oscillator_next(&s->oscillator, second);
}

/* As struct daemon_world wants it. */
static double temperature(void *world)
{
    struct sim_world *w = world;
    return sim_sensor_read(&w->scenario.sensor, &w->scenario.climate,
                           elapsed(w, sim_world_truth(w)));
}

static void make_clock(struct sim_world *w)
{
    int64_t begin = 0;
    if (w->live)
        clock_host_start(&w->host);
    else if (!scenario_begin(&w->scenario, &begin))
        w->virtual_loop.truth = begin * NS_PER_S;
    w->start = sim_world_truth(w);
    sim_utc_start(&w->scenario.utc, w->start / NS_PER_S);
    oscillator_start(&w->scenario.oscillator, (uint64_t)w->scenario.seed);
    sim_sensor_start(&w->scenario.sensor, &w->scenario.climate, (uint64_t)w->scenario.seed);
    clock_virtual_init(&w->clock, sim_world_truth, next_frequency, w, w->scenario.offset);
    if (w->live)
        loop_poll_init(sim_world_loop(w), &w->clock.clock);
    else
        loop_virtual_init(&w->virtual_loop, &w->clock.clock, w->start);
    sim_world_loop(w)->now = clock_local(&w->clock.clock, clock_now(&w->clock.clock));
}

/* Whether one of `lines` begins with the word that `line` begins with. */
static bool names(const char *lines, const char *line)
{
    size_t word = strcspn(line, " \n");
    for (const char *l = lines; *l; l += strcspn(l, "\n"), l += *l == '\n')
        if (!strncmp(l, line, word) && (l[word] == ' ' || l[word] == '\n'))
            return true;
    return false;
}

/* Keeps the daemon's configuration: the lines of `conf` that the scenario does not name itself, the
 * scenario's, and the receiver's unless that names them. */
static int keep_conf(struct sim_world *w, const char *name, const char *conf, struct err *err)
{
    size_t size = 0;
    FILE *out = open_memstream(&w->conf, &size);
    if (!out)
        return err_errno(err, name, "", "starting", ENOMEM);
    for (const char *l = conf; *l;) {
        size_t length = strcspn(l, "\n");
        if (!names(w->scenario.conf, l))
            fprintf(out, "%.*s\n", (int)length, l);
        l += length + (l[length] == '\n');
    }
    fprintf(out, "%s\n", w->scenario.conf);
    for (int i = 0; i < w->receivers && !names(w->scenario.conf, "refclock "); i++)
        fprintf(out, "refclock nmea %s\nrefclock pps simulated%d\n", w->port[i], i);
    for (int i = 0; i < w->network.servers && !names(w->scenario.conf, "server "); i++)
        fprintf(out, "server " SIM_SERVER_PREFIX "%d iburst\n", i + 1);
    return fclose(out) ? err_errno(err, name, "", "starting", ENOMEM) : 0;
}

static int read_conf(struct sim_world *w, const char *name, struct err *err)
{
    struct config_errors errors;
    const char *conf = w->conf ? w->conf : "";
    if (config_parse(&w->config, name, conf, strlen(conf), &errors)) {
        *err = errors.err[0];
        return -1;
    }
    if (!config_given(&w->config, "controlsocket"))
        w->config.controlsocket[0] = 0; /* the default is the machine's own daemon's */
    w->config.listen_default = true;    /* a machine without IPv6 still has 127.0.0.1 */
    return 0;
}

/* The receiver that a path belongs to, in an environment as sim_receiver_port() wants it. */
static struct driver_env receiver_of(const struct driver_env *env, const char *path)
{
    struct sim_world *w = env->arg;
    struct driver_env own = *env;
    size_t size = strlen(path);
    int number = size && path[size - 1] >= '0' ? path[size - 1] - '0' : 0;
    own.arg = &w->receiver[number < w->receivers ? number : 0];
    return own;
}

static int world_port(const struct driver_env *env, const char *path, int baud, struct port **out,
                      struct err *err)
{
    struct driver_env own = receiver_of(env, path);
    return sim_receiver_port(&own, path, baud, out, err);
}

static int world_pulse(const struct driver_env *env, const char *path,
                       const struct pulse_want *want, struct pulse **out, struct err *err)
{
    struct driver_env own = receiver_of(env, path);
    return sim_receiver_pulse(&own, path, want, out, err);
}

static int open_daemon(struct sim_world *w, struct err *err)
{
    const struct rng rng = rng_seeded((uint64_t)w->scenario.seed, 78);
    struct daemon_world world = {
        .loop = sim_world_loop(w),
        .log = w->log,
        .steering = STATUS_STEERS_VIRTUAL,
        .refid = SNAPSHOT_REFID('X', 'S', 'I', 'M'),
        .era_pivot = w->start / NS_PER_S,
        .open_port = w->live ? NULL : world_port,
        .open_pulse = world_pulse,
        .arg = w,
        .net = w->network.servers ? &w->network.net : NULL,
        .rng = w->live ? NULL : &rng,
        .temperature = w->scenario.sensor.present ? temperature : NULL,
    };
    w->clock.clock.steerable = w->config.clock == CONFIG_CLOCK_SYSTEM;
    return daemon_open(&w->daemon, &w->config, &world, err);
}

static int start_receiver(struct sim_world *w, struct err *err)
{
    int i = w->receivers;
    struct sim_receiver *r = &w->receiver[i];
    snprintf(w->port[i], sizeof w->port[i], "simulated%d", i);
    r->config = w->scenario.receiver[i];
    r->utc = &w->scenario.utc;
    r->written = w->live ? NULL : &w->virtual_loop.written;
    uint64_t seed = (uint64_t)w->scenario.seed + ((uint64_t)i << 50);
    if (sim_receiver_start(r, sim_world_loop(w), sim_world_truth, w, seed, w->live, w->port[i],
                           sizeof w->port[i], err))
        return -1;
    w->receivers++;
    return 0;
}

static void start_network(struct sim_world *w)
{
    w->network.servers = w->scenario.servers;
    memcpy(w->network.server, w->scenario.server, sizeof w->network.server);
    sim_network_start(&w->network, sim_world_loop(w), sim_world_truth, w,
                      (uint64_t)w->scenario.seed);
}

int sim_world_open(struct sim_world *w, const struct scenario *s, bool live, const char *conf_name,
                   const char *conf, const struct log *log, struct err *err)
{
    memset(w, 0, sizeof *w);
    w->scenario = *s;
    w->live = live;
    w->log = log;
    make_clock(w);
    int bad = 0;
    for (int i = 0; !bad && i < s->receivers; i++)
        bad = start_receiver(w, err);
    start_network(w);
    if (!bad)
        bad = keep_conf(w, conf_name, conf, err) || read_conf(w, conf_name, err) ||
              open_daemon(w, err);
    if (bad)
        sim_world_close(w);
    return bad ? -1 : 0;
}

void sim_world_sleep(struct sim_world *w, double span, bool frozen)
{
    int64_t ns = llrint(span * 1e9);
    (void)clock_now(&w->clock.clock);
    w->virtual_loop.truth += ns;
    if (frozen)
        clock_virtual_freeze(&w->clock);
}

bool sim_world_silent(const struct sim_world *w, double t)
{
    for (int i = 0; i < w->scenario.receivers; i++)
        if (!sim_receiver_silent(&w->scenario.receiver[i], t))
            return false;
    return w->scenario.receivers > 0;
}

void sim_world_stop_daemon(struct sim_world *w)
{
    daemon_close(w->daemon);
    config_free(&w->config);
    w->daemon = NULL;
}

int sim_world_start_daemon(struct sim_world *w, struct err *err)
{
    for (int i = 0; i < w->receivers; i++)
        sim_receiver_flush(&w->receiver[i]);
    return read_conf(w, "conf", err) || open_daemon(w, err) ? -1 : 0;
}

void sim_world_close(struct sim_world *w)
{
    sim_world_stop_daemon(w);
    while (w->receivers > 0)
        sim_receiver_stop(&w->receiver[--w->receivers]);
    sim_network_stop(&w->network);
    loop_close(sim_world_loop(w));
    free(w->conf);
    w->conf = NULL;
}
