/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/ctl.h"
#include "server/ctl_text.h"
#include "server/logfile.h"
#include "server/options.h"
#include "server/sim_judge.h"
#include "server/status_json.h"

static const char help[] =
    "usage: timeball-sim [-v] [--seed N] SCENARIO\n"
    "       timeball-sim --live [--for S] [--port N] [-s SOCKET] [-c FILE] [SCENARIO]\n"
    "Plays a scenario (oscillator, pulse noise, receiver faults) with the whole daemon in virtual\n"
    "time and prints how well it kept time; or, live, serves NTP from a simulated receiver.\n"
    "      --seed N      in place of the scenario's seed\n"
    "  -v, --verbose     the daemon's log on stderr\n"
    "      --live        in real time, NTP on 127.0.0.1 and ::1, refid XSIM\n"
    "      --for S       end after S seconds\n"
    "      --port N      of NTP (default 11123)\n"
    "  -s, --socket PATH status socket, for timeballctl -s PATH\n"
    "  -c, --config FILE the daemon's configuration instead, without `refclock` lines\n"
    "  -q, --quiet       no status line a second\n"
    "      --version, --help\n"
    "This machine's clock is never touched. Manual: timeball-sim(1).\n";

struct arguments {
    const char *scenario, *socket, *config;
    double length;
    int64_t port, seed;
    bool live, verbose, quiet;
};

static int bad_number(const char *option, const char *text)
{
    fprintf(stderr,
            "timeball-sim: %s: '%s' is not a number in its range; try `timeball-sim --help`\n",
            option, text);
    return 1;
}

/* Returns -1 to go on, else the exit status. */
static int take_option(int c, struct arguments *a)
{
    switch (c) {
    case 'l':
        a->live = true;
        return -1;
    case 'f':
        return number_double(optarg, &a->length) || !(a->length > 0) ? bad_number("--for", optarg)
                                                                     : -1;
    case 'p':
        return number_int(optarg, &a->port) || a->port < 1 || a->port > 65535
                   ? bad_number("--port", optarg)
                   : -1;
    case 'd':
        return number_int(optarg, &a->seed) || a->seed < 0 ? bad_number("--seed", optarg) : -1;
    case 's':
        a->socket = optarg;
        return -1;
    case 'c':
        a->config = optarg;
        return -1;
    case 'v':
        a->verbose = true;
        return -1;
    case 'q':
        a->quiet = true;
        return -1;
    case 'h':
        fputs(help, stdout);
        return 0;
    case 'V':
        puts("timeball-sim " TIMEBALL_VERSION);
        return 0;
    default:
        fputs("try `timeball-sim --help`\n", stderr);
        return 1;
    }
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option longs[] = {
        {"live", no_argument, NULL, 'l'},
        {"for", required_argument, NULL, 'f'},
        {"port", required_argument, NULL, 'p'},
        {"seed", required_argument, NULL, 'd'},
        {"socket", required_argument, NULL, 's'},
        {"config", required_argument, NULL, 'c'},
        {"verbose", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c, status;
    while ((c = getopt_long(argc, argv, "s:c:vqh", longs, NULL)) != -1)
        if ((status = take_option(c, a)) >= 0)
            return status;
    a->scenario = optind < argc ? argv[optind++] : NULL;
    if (optind == argc && (a->live || a->scenario))
        return -1;
    fputs(help, stderr);
    return 1;
}

static int fail(const struct err *err)
{
    char line[560];
    fprintf(stderr, "timeball-sim: %s\n", err_line(err, line, sizeof line));
    return 1;
}

/* ---- virtual time ---- */

static double wall_clock(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

static void show_progress(const struct sim_judge *j, double length, int *shown)
{
    int percent = (int)((double)j->seconds * 100 / length);
    if (percent == *shown)
        return;
    *shown = percent;
    fprintf(stderr, "\r%3d %%", percent);
    fflush(stderr);
}

static void print_results(const struct sim_judge *j, double wall)
{
    char rms[48], max[48], served[48];
    printf("offset RMS      %s\n", ctl_seconds(sim_judge_rms(j), false, rms, sizeof rms));
    printf("offset maximum  %s\n", ctl_seconds(j->max, false, max, sizeof max));
    printf("time to lock    %lld s\n", (long long)j->locked);
    printf("time to 10 us   %lld s\n", (long long)j->to_10us);
    printf("served          %llu of %llu seconds, worst error %s\n", (unsigned long long)j->served,
           (unsigned long long)j->seconds,
           ctl_seconds(j->served_max, false, served, sizeof served));
    if (j->served)
        printf("inside bound    %.4f %% of them (statistical part: %.4f %%)\n",
               100 * (1 - (double)j->outside / (double)j->served),
               100 * (1 - (double)j->outside_stat / (double)j->served));
    if (j->backwards || j->malformed)
        printf("DEFECTS         time ran back %llu times, %llu bad answers while unsynchronised\n",
               (unsigned long long)j->backwards, (unsigned long long)j->malformed);
    printf("computed in     %.2f s\n", wall);
}

static const char virtual_conf[] = "threads 0\nlisten none\nstatussocket none\ndriftfile none\n";

/* Steps by others are timers of the world. */
struct disturb {
    struct loop_timer timer;
    struct sim_world *world;
    double offset;
};

static void disturb_fires(void *arg, int64_t now)
{
    struct disturb *d = arg;
    (void)now;
    clock_virtual_disturb(&d->world->clock, d->offset);
}

static void arm_disturbs(struct sim_world *w, struct disturb *d)
{
    for (int i = 0; i < w->scenario.disturbs; i++) {
        d[i] = (struct disturb){.world = w, .offset = w->scenario.disturb[i].offset};
        d[i].timer = (struct loop_timer){.name = "disturb", .fire = disturb_fires, .arg = &d[i]};
        loop_after(sim_world_loop(w), &d[i].timer, llrint(w->scenario.disturb[i].at * 1e9));
    }
}

static int play(const struct scenario *s, const struct log *log)
{
    struct sim_world *w = calloc(1, sizeof *w);
    struct disturb disturbs[SCENARIO_DISTURBS];
    struct sim_judge judge;
    struct err err;
    double begin = wall_clock();
    int shown = -1;
    if (!w || sim_world_open(w, s, false, "conf", virtual_conf, log, &err)) {
        int status = w ? fail(&err) : 1;
        free(w);
        return status;
    }
    sim_judge_start(&judge, w);
    arm_disturbs(w, disturbs);
    bool terminal = isatty(STDERR_FILENO) && !log->write;
    while ((double)(w->virtual_loop.truth - w->start) < s->length * 1e9) {
        if (loop_turn(sim_world_loop(w), INT64_MAX))
            break;
        if (terminal)
            show_progress(&judge, s->length, &shown);
    }
    if (terminal)
        fputs("\r     \r", stderr);
    sim_judge_stop(&judge);
    print_results(&judge, wall_clock() - begin);
    sim_world_close(w);
    free(w);
    return sim_judge_clean(&judge) ? 0 : 1;
}

/* ---- live ---- */

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
static char *live_conf(const struct arguments *a, struct err *err)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out)
        return NULL;
    if (a->config) {
        char block[4096];
        FILE *in = fopen(a->config, "re");
        if (!in)
            err_set(err, a->config, "name a readable file", "cannot be opened");
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
            "driftfile none\n",
            (long long)a->port, (long long)a->port, a->socket ? a->socket : "none");
    fclose(out);
    return text;
}

static int live(const struct arguments *a, const struct scenario *s, const struct log *log)
{
    struct live *l = calloc(1, sizeof *l);
    struct err err = {0};
    char *conf = l ? live_conf(a, &err) : NULL;
    if (!conf ||
        sim_world_open(&l->world, s, true, a->config ? a->config : "conf", conf, log, &err)) {
        free(conf);
        free(l);
        return fail(&err);
    }
    struct loop *loop = sim_world_loop(&l->world);
    l->quiet = a->quiet;
    l->line = (struct loop_timer){.name = "status line", .fire = print_line, .arg = l};
    l->end = (struct loop_timer){.name = "end", .fire = end_live, .arg = loop};
    watch_signals(l);
    loop_after(loop, &l->line, NS_PER_S);
    if (a->length > 0)
        loop_after(loop, &l->end, llrint(a->length * 1e9));
    int status = loop_run(loop) ? 1 : 0;
    sim_world_close(&l->world);
    if (l->signals.fd >= 0)
        close(l->signals.fd);
    free(conf);
    free(l);
    return status;
}

int main(int argc, char **argv)
{
    struct arguments a = {.port = 11123, .seed = -1};
    struct scenario scenario;
    struct config_errors errors;
    struct logfile log;
    struct err err;
    int status = read_arguments(argc, argv, &a);
    if (status >= 0)
        return status;
    scenario_default(&scenario);
    if (a.scenario && scenario_load(&scenario, a.scenario, &errors)) {
        config_errors_print(stderr, "timeball-sim", &errors);
        return 1;
    }
    if (a.seed >= 0)
        scenario.seed = a.seed;
    if (logfile_open(&log, a.verbose ? "stderr" : "", LOG_LEVEL_INFO, &err))
        return fail(&err);
    status = a.live ? live(&a, &scenario, &log.log) : play(&scenario, &log.log);
    logfile_close(&log);
    return status;
}
