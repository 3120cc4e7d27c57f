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
#include "server/config/look.h"
#include "server/daemon/daemon.h"
#include "server/daemon/logfile.h"
#include "server/rival.h"

static const char help[] =
    "usage: timeballd [-n] [-c FILE] [--check FILE]\n"
    "Serves NTP from a GPS receiver with PPS.\n"
    "  -c, --config FILE  configuration (default " CONFIG_PATH "; absent: the defaults)\n"
    "  -n, --foreground   log to stderr unless the configuration says otherwise\n"
    "      --check FILE   say what is wrong with FILE, or how it is understood, and end\n"
    "  -V, --version; -h, --help\n"
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
        {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "nc:hV", longs, NULL)) != -1) {
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
        case 'V':
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

static int fail(const struct err *err)
{
    char line[560];
    fprintf(stderr, "timeballd: %s\n", err_line(err, line, sizeof line));
    return 1;
}

static int check_keys(const struct config *config)
{
    struct keys *keys;
    struct err err;
    char line[560];
    if (config_load_keys(config, &keys, &err))
        return fail(&err);
    for (size_t i = 0; keys_note(keys, i); i++)
        fprintf(stderr, "timeballd: warning: %s\n",
                err_line(keys_note(keys, i), line, sizeof line));
    keys_free(keys);
    return 0;
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
    config_look(&config);
    config_warnings_print(stderr, &config);
    int bad = check_keys(&config);
    if (!bad)
        config_check_print(stdout, &config);
    config_free(&config);
    return bad;
}

/* What the process lends to the daemon. */
struct process {
    const struct arguments *arguments;
    struct loop loop;
    struct loop_fd signals;
    struct logfile log;
    const char *log_path;
    struct daemon *daemon;
};

static void on_signal(void *arg, int64_t now, short revents)
{
    struct process *p = arg;
    struct signalfd_siginfo info;
    (void)now;
    (void)revents;
    while (read(p->signals.fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo == SIGHUP)
            reload_soon(p->daemon);
        else
            loop_stop(&p->loop);
}

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
}

/* One that comes while all is being opened waits until it is. */
static void block_signals(void)
{
    sigset_t set;
    signal_set(&set);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* Signals come as a descriptor: nothing runs in a handler, and worker threads take none. */
static int watch_signals(struct process *p)
{
    sigset_t set;
    signal_set(&set);
    p->signals = (struct loop_fd){.name = "signal", .events = POLLIN, .ready = on_signal, .arg = p};
    p->signals.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (p->signals.fd >= 0)
        loop_watch(&p->loop, &p->signals);
    return p->signals.fd;
}

/* As main() reads it at the start. */
static int read_config(void *arg, struct config *config, struct config_errors *errors)
{
    const struct process *p = arg;
    if (config_load(config, p->arguments->config, errors))
        return -1;
    if (!config_default_refclock(config, &errors->err[0]))
        return 0;
    errors->count = 1;
    config_free(config);
    return -1;
}

static int change_log(void *arg, int level, struct err *err)
{
    struct process *p = arg;
    return logfile_again(&p->log, p->log_path, (enum log_level)level, err);
}

/* Elsewhere than in the journal, one line of a change is enough. */
static void on_event(void *arg, const struct alarm_event *event, const struct alarm_about *about)
{
    const struct process *p = arg;
    struct alarm_field fields[ALARM_FIELDS];
    char line[ALARM_SENTENCE + 64];
    struct err err;
    alarm_fields(event, about, fields);
    if (p->log.journal && !alarm_journal(ALARM_JOURNAL, "timeballd", event, fields, &err))
        return;
    if (!alarm_rows[event->item.event].logged)
        log_say(&p->log.log, alarm_level(event), "%s", alarm_line(event, line, sizeof line));
}

/* `clock none` gets a clock that cannot be steered at all. */
static int open_clock(const struct config *config, struct clock **clock, struct err *err)
{
    if (config->clock == CONFIG_CLOCK_SYSTEM)
        return rival_refuse("", err) ? -1 : clock_system_open(clock, err);
    return clock_reader_open(clock, err);
}

static int serve(struct process *p, struct config *config, struct clock *clock, struct err *err)
{
    struct rights rights;
    struct notify notify;
    const struct log *log = &p->log.log;
    int64_t pivot = 0;
    loop_poll_init(&p->loop, clock);
    if (watch_signals(p) < 0)
        return err_set(err, "timeballd", "", "no descriptor for signals");
    (void)civil_parse_date(TIMEBALL_RELEASE_DATE, &pivot);
    struct daemon_world world = {
        .loop = &p->loop,
        .log = log,
        .steering = clock->steerable ? STATUS_STEERS_SYSTEM : STATUS_STEERS_NONE,
        .era_pivot = pivot,
        .rights = &rights,
        .notify = &notify,
        .arg = p,
        .read_config = read_config,
        .change_log = change_log,
        .event = on_event,
    };
    notify_open(&notify);
    int bad =
        rights_begin(&rights, config, log, err) || daemon_open(&p->daemon, config, &world, err);
    if (!bad) {
        log_say(log, LOG_LEVEL_NOTICE, "timeballd " TIMEBALL_VERSION " serves");
        notify_ready(&notify);
        bad = loop_run(&p->loop) ? err_set(err, "timeballd", "", "waiting for events failed") : 0;
        log_say(log, LOG_LEVEL_NOTICE, "timeballd ends");
        notify_stopping(&notify);
        daemon_close(p->daemon);
    }
    rights_end(&rights);
    notify_close(&notify);
    close(p->signals.fd);
    loop_close(&p->loop);
    return bad;
}

/* From the configuration on. */
static int work(struct process *p, struct config *config)
{
    struct clock *clock;
    struct err err;
    bool to_stderr = p->arguments->foreground && !strcmp(config->log, "syslog");
    p->log_path = to_stderr ? "stderr" : config->log;
    if (logfile_open(&p->log, p->log_path, (enum log_level)config->log_level, &err) ||
        open_clock(config, &clock, &err))
        return fail(&err);
    config_warnings_log(&p->log.log, config);
    int bad = serve(p, config, clock, &err) ? fail(&err) : 0;
    clock_close(clock);
    return bad;
}

int main(int argc, char **argv)
{
    struct arguments a = {0};
    struct process process = {.arguments = &a};
    struct config config;
    struct config_errors errors;
    struct err err;
    int status = read_arguments(argc, argv, &a);
    if (status >= 0)
        return status;
    if (a.check)
        return check(a.check);
    block_signals();
    if (config_load(&config, a.config, &errors)) {
        config_errors_print(stderr, "timeballd", &errors);
        return 1;
    }
    if (config_default_refclock(&config, &err))
        return fail(&err);
    status = work(&process, &config);
    logfile_close(&process.log);
    config_free(&config);
    return status;
}
