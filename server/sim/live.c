/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/live.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/ctl/ctl.h"
#include "server/ctl/text.h"
#include "server/status/json.h"

struct live {
    struct sim_world world;
    struct loop_timer line, end;
    struct loop_fd signals;
    bool quiet;
};

static void print_line(void *arg, int64_t now)
{
    struct live *l = arg;
    char error[48];
    (void)now;
    loop_after(sim_world_loop(&l->world), &l->line, NS_PER_S);
    if (l->quiet)
        return;
    json_t *status = status_json(status_rows, daemon_status(l->world.daemon), NULL);
    ctl_view_line(stdout, status);
    printf(" | true error %s\n",
           ctl_seconds(-clock_virtual_error(&l->world.clock), true, error, sizeof error));
    fflush(stdout);
    json_decref(status);
}

static void end_live(void *arg, int64_t now)
{
    (void)now;
    loop_stop(arg);
}

static void on_signal(void *arg, int64_t now, short revents)
{
    (void)now;
    (void)revents;
    loop_stop(arg);
}

static void watch_signals(struct live *l)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    struct loop *loop = sim_world_loop(&l->world);
    l->signals =
        (struct loop_fd){.name = "signal", .events = POLLIN, .ready = on_signal, .arg = loop};
    l->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (l->signals.fd >= 0)
        loop_watch(loop, &l->signals);
}

/* The text of the daemon's configuration: a file's, or the usual one. */
static char *live_conf(const struct sim_live_options *o, struct err *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) {
        err_errno(err, "timeball-sim", "", "starting", ENOMEM);
        return NULL;
    }
    if (o->config) {
        char block[4096];
        FILE *in = fopen(o->config, "re");
        if (!in)
            err_set(err, o->config, "name a readable file", "cannot be opened");
        for (size_t n; in && (n = fread(block, 1, sizeof block, in)) > 0;)
            fwrite(block, 1, n, out);
        fclose(out);
        if (in)
            fclose(in);
        if (!in) {
            free(text);
            return NULL;
        }
        return text;
    }
    fprintf(out,
            "threads 0\nlisten 127.0.0.1 port %lld\nlisten ::1 port %lld\nstatussocket %s\n"
            "controlsocket none\ndriftfile none\nleapfile none\n",
            (long long)o->port, (long long)o->port, o->socket ? o->socket : "none");
    fclose(out);
    return text;
}

int sim_live(const struct scenario *s, const struct sim_live_options *o, const struct log *log,
             struct err *err)
{
    struct live *l = calloc(1, sizeof *l);
    char *conf = l ? live_conf(o, err) : NULL;
    if (!l)
        err_errno(err, "timeball-sim", "", "starting", ENOMEM);
    if (!conf ||
        sim_world_open(&l->world, s, true, o->config ? o->config : "conf", conf, log, err)) {
        free(conf);
        free(l);
        return -1;
    }
    struct loop *loop = sim_world_loop(&l->world);
    l->quiet = o->quiet;
    l->line = (struct loop_timer){.name = "status line", .fire = print_line, .arg = l};
    l->end = (struct loop_timer){.name = "end", .fire = end_live, .arg = loop};
    watch_signals(l);
    loop_after(loop, &l->line, NS_PER_S);
    if (o->length > 0)
        loop_after(loop, &l->end, llrint(o->length * 1e9));
    int bad = loop_run(loop) ? err_errno(err, "timeball-sim", "", "waiting", errno) : 0;
    sim_world_close(&l->world);
    if (l->signals.fd >= 0)
        close(l->signals.fd);
    free(conf);
    free(l);
    return bad;
}
