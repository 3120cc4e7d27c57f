/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/daemon.h"
#include "server/logfile.h"

static const char help[] =
    "usage: timeballd [-n] [-c FILE] [--check FILE]\n"
    "Serves NTP from a GPS receiver with PPS.\n"
    "  -c, --config FILE  configuration (default " CONFIG_PATH "; absent: the defaults)\n"
    "  -n, --foreground   log to stderr unless the configuration says otherwise\n"
    "      --check FILE   say what is wrong with FILE, or how it is understood, and end\n"
    "      --version, --help\n"
    "timeballctl shows what it does. Manual: timeballd(8), timeball.conf(5).\n";

struct arguments {
    const char *config, *check;
    bool foreground;
};

/* Returns -1 to go on, else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option longs[] = {
        {"config", required_argument, NULL, 'c'}, {"foreground", no_argument, NULL, 'n'},
        {"check", required_argument, NULL, 'k'},  {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "nc:hv", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            a->config = optarg;
            break;
        case 'n':
            a->foreground = true;
            break;
        case 'k':
            a->check = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'v':
            puts("timeballd " TIMEBALL_VERSION);
            return 0;
        default:
            fputs("try `timeballd --help`\n", stderr);
            return 1;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "timeballd: unexpected word '%s'; try `timeballd --help`\n", argv[optind]);
    return 1;
}

static int check(const char *path)
{
    struct config config;
    struct config_errors errors;
    if (config_load(&config, path, &errors)) {
        config_errors_print(stderr, "timeballd", &errors);
        return 1;
    }
    config_default_refclock(&config, NULL);
    config_check_print(stdout, &config);
    config_free(&config);
    return 0;
}

static int fail(const struct err *err)
{
    char line[560];
    fprintf(stderr, "timeballd: %s\n", err_line(err, line, sizeof line));
    return 1;
}

static void on_signal(void *arg, int64_t now, short revents)
{
    struct loop *loop = arg;
    (void)now;
    (void)revents;
    loop_stop(loop);
}

/* Signals come as a descriptor: nothing runs in a handler, and worker threads take none. */
static int watch_signals(struct loop *loop, struct loop_fd *fd)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    *fd = (struct loop_fd){.name = "signal", .events = POLLIN, .ready = on_signal, .arg = loop};
    fd->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd->fd >= 0)
        loop_watch(loop, fd);
    return fd->fd;
}

/* `clock none` gets a clock that cannot be steered at all. */
static int open_clock(const struct config *config, struct clock **clock, struct err *err)
{
    if (config->clock == CONFIG_CLOCK_SYSTEM)
        return clock_system_open(clock, err);
    return clock_reader_open(clock, err);
}

static int serve(struct config *config, struct clock *clock, const struct log *log, struct err *err)
{
    struct loop loop;
    struct loop_fd signals;
    struct daemon *daemon;
    struct rights rights;
    int64_t pivot = 0;
    loop_poll_init(&loop, clock);
    if (watch_signals(&loop, &signals) < 0)
        return err_set(err, "timeballd", "", "no descriptor for signals");
    (void)civil_parse_date(TIMEBALL_RELEASE_DATE, &pivot);
    struct daemon_world world = {
        .loop = &loop,
        .log = log,
        .steering = clock->steerable ? STATUS_STEERS_SYSTEM : STATUS_STEERS_NONE,
        .era_pivot = pivot,
        .rights = &rights,
    };
    int bad = rights_begin(&rights, config, log, err) || daemon_open(&daemon, config, &world, err);
    if (!bad) {
        log_say(log, LOG_LEVEL_NOTICE, "timeballd " TIMEBALL_VERSION " serves");
        bad = loop_run(&loop) ? err_set(err, "timeballd", "", "waiting for events failed") : 0;
        log_say(log, LOG_LEVEL_NOTICE, "timeballd ends");
        daemon_close(daemon);
    }
    rights_end(&rights);
    close(signals.fd);
    loop_close(&loop);
    return bad;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    struct config config;
    struct config_errors errors;
    struct logfile log;
    struct clock *clock;
    struct err err;
    int status = read_arguments(argc, argv, &a);
    if (status >= 0)
        return status;
    if (a.check)
        return check(a.check);
    if (config_load(&config, a.config, &errors)) {
        config_errors_print(stderr, "timeballd", &errors);
        return 1;
    }
    if (config_default_refclock(&config, &err))
        return fail(&err);
    if (logfile_open(&log, a.foreground && !strcmp(config.log, "syslog") ? "stderr" : config.log,
                     (enum log_level)config.log_level, &err) ||
        open_clock(&config, &clock, &err))
        status = fail(&err);
    else {
        status = serve(&config, clock, &log.log, &err) ? fail(&err) : 0;
        clock_close(clock);
    }
    logfile_close(&log);
    config_free(&config);
    return status;
}
