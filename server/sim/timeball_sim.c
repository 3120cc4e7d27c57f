/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/text.h"
#include "server/daemon/logfile.h"
#include "server/options.h"
#include "server/sim/live.h"
#include "server/sim/play.h"
#include "server/sim/plot.h"
#include "server/sim/progress.h"
#include "server/sim/replay.h"

#define SEEDS_MOST 10000

static const char help[] =
    "usage: timeball-sim [OPTIONS] SCENARIO\n"
    "       timeball-sim --replay RECORDING\n"
    "       timeball-sim --live [--for S] [--port N] [-s SOCKET] [-c FILE] [SCENARIO]\n"
    "Plays a scenario (oscillator, pulse noise, receiver faults) with the whole daemon in virtual\n"
    "time and prints how well it kept time; or does the same with what a daemon recorded; or, "
    "live,\n"
    "serves NTP from a simulated receiver.\n"
    "      --seed N      in place of the scenario's seed\n"
    "      --seeds N     with seeds 1 to N, or A..B: median and worst of each figure\n"
    "      --csv FILE    a row a second\n"
    "      --plot FILE   pictures, as SVG: error and bound, frequency, Allan deviation, MTIE\n"
    "      --json        the figures as JSON, a line a seed\n"
    "  -v, --verbose     the daemon's log on stderr\n"
    "      --replay      RECORDING is what `timeballctl record` or the directive `record` wrote\n"
    "      --live        in real time, NTP on 127.0.0.1 and ::1, refid XSIM\n"
    "      --for S       end after S seconds\n"
    "      --port N      of NTP (default 11123)\n"
    "  -s, --socket PATH status socket, for timeballctl -s PATH\n"
    "  -c, --config FILE the daemon's configuration instead, without `refclock` lines\n"
    "  -q, --quiet       no status line a second, no progress bar\n"
    "  -V, --version; -h, --help\n"
    "This machine's clock is never touched. Manual: timeball-sim(1).\n";

struct arguments {
    const char *file, *csv, *plot; /* scenario or recording */
    struct sim_live_options live_options;
    int64_t seed, first, last; /* -1: not given; the last two of --seeds */
    bool live, replay, json, verbose;
};

static int bad_value(const char *option, const char *text, const char *wanted)
{
    fprintf(stderr, "timeball-sim: %s: '%s' is not %s; try `timeball-sim --help`\n", option, text,
            wanted);
    return 1;
}

/* N or A..B. 0, or -1. */
static int take_seeds(const char *text, struct arguments *a)
{
    const char *dots = strstr(text, "..");
    char from[24] = "1";
    if (dots && dots - text < (ptrdiff_t)sizeof from)
        snprintf(from, sizeof from, "%.*s", (int)(dots - text), text);
    if (number_int(from, &a->first) || number_int(dots ? dots + 2 : text, &a->last))
        return -1;
    return a->first >= 0 && a->last >= a->first && a->last - a->first < SEEDS_MOST ? 0 : -1;
}

/* Options with a value. Returns -1 to go on, else the exit status. */
static int take_value(int c, struct arguments *a)
{
    struct sim_live_options *o = &a->live_options;
    switch (c) {
    case 'f':
        return number_double(optarg, &o->length) || !(o->length > 0)
                   ? bad_value("--for", optarg, "a number of seconds")
                   : -1;
    case 'p':
        return number_int(optarg, &o->port) || o->port < 1 || o->port > 65535
                   ? bad_value("--port", optarg, "a port")
                   : -1;
    case 'd':
        return number_int(optarg, &a->seed) || a->seed < 0 ? bad_value("--seed", optarg, "a seed")
                                                           : -1;
    case 'D':
        return take_seeds(optarg, a) ? bad_value("--seeds", optarg, "N or A..B, at most 10000")
                                     : -1;
    case 's':
        o->socket = optarg;
        return -1;
    case 'c':
        o->config = optarg;
        return -1;
    case 'C':
        a->csv = optarg;
        return -1;
    case 'P':
        a->plot = optarg;
        return -1;
    default:
        fputs("try `timeball-sim --help`\n", stderr);
        return 1;
    }
}

static int take_option(int c, struct arguments *a)
{
    switch (c) {
    case 'l':
        a->live = true;
        return -1;
    case 'r':
        a->replay = true;
        return -1;
    case 'j':
        a->json = true;
        return -1;
    case 'v':
        a->verbose = true;
        return -1;
    case 'q':
        a->live_options.quiet = true;
        return -1;
    case 'h':
        fputs(help, stdout);
        return 0;
    case 'V':
        puts("timeball-sim " TIMEBALL_VERSION);
        return 0;
    default:
        return take_value(c, a);
    }
}

/* What does not go together. */
static int check_arguments(const struct arguments *a)
{
    const char *wrong = NULL;
    if (a->live && a->replay)
        wrong = "--live and --replay do not go together";
    else if ((a->live || a->replay) && (a->csv || a->plot || a->last >= 0))
        wrong = "--seeds, --csv and --plot are for scenarios in virtual time";
    else if (a->last >= 0 && (a->csv || a->plot || a->seed >= 0))
        wrong = "--csv and --plot show one run: take --seed N in place of --seeds";
    if (!wrong)
        return -1;
    fprintf(stderr, "timeball-sim: %s\n", wrong);
    return 1;
}

static int read_arguments(int argc, char **argv, struct arguments *a)
{
    static const struct option longs[] = {
        {"live", no_argument, NULL, 'l'},         {"replay", no_argument, NULL, 'r'},
        {"json", no_argument, NULL, 'j'},         {"for", required_argument, NULL, 'f'},
        {"port", required_argument, NULL, 'p'},   {"seed", required_argument, NULL, 'd'},
        {"seeds", required_argument, NULL, 'D'},  {"csv", required_argument, NULL, 'C'},
        {"plot", required_argument, NULL, 'P'},   {"socket", required_argument, NULL, 's'},
        {"config", required_argument, NULL, 'c'}, {"verbose", no_argument, NULL, 'v'},
        {"quiet", no_argument, NULL, 'q'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
    };
    int c, status;
    while ((c = getopt_long(argc, argv, "s:c:vqhV", longs, NULL)) != -1)
        if ((status = take_option(c, a)) >= 0)
            return status;
    a->file = optind < argc ? argv[optind++] : NULL;
    if (optind == argc && (a->live || a->file))
        return check_arguments(a);
    fputs(help, stderr);
    return 1;
}

static int fail(const struct err *err)
{
    char line[560];
    fprintf(stderr, "timeball-sim: %s\n", err_line(err, line, sizeof line));
    return 1;
}

static void show(void *arg, double share)
{
    sim_progress_show(arg, share, NULL);
}

/* What was asked for besides the figures. */
static int draw(const struct arguments *a, const struct sim_play *p, const struct sim_result *r,
                struct err *err)
{
    char title[300], rms[48], noise[48];
    const char *name = strrchr(a->file, '/');
    const struct oscillator *o = &p->scenario.oscillator;
    ctl_seconds(p->scenario.receiver->pulse.noise, false, noise, sizeof noise);
    snprintf(title, sizeof title,
             "%.80s: pulses %s, white FM %.2g, random walk FM %.2g, seed %lld: RMS %s",
             name ? name + 1 : a->file, noise, o->white_fm, o->walk_fm, (long long)r->seed,
             ctl_seconds(r->value[SIM_RMS], false, rms, sizeof rms));
    if (a->csv && sim_series_csv(p->series, a->csv, err))
        return -1;
    return a->plot ? sim_plot_svg(p->series, p->scenario.settle, title, a->plot, err) : 0;
}

static int play_one(const struct arguments *a, struct sim_play *p, struct sim_progress *bar)
{
    struct sim_series series = {0};
    struct sim_result result;
    struct err err;
    p->series = a->csv || a->plot ? &series : NULL;
    int bad = sim_play(p, &result, &err);
    sim_progress_end(bar);
    if (!bad) {
        (a->json ? sim_result_json : sim_result_print)(stdout, &result);
        bad = draw(a, p, &result, &err);
    }
    sim_series_free(&series);
    return bad ? fail(&err) : sim_result_clean(&result) ? 0 : 1;
}

static int play_many(const struct arguments *a, struct sim_play *p, struct sim_progress *bar)
{
    int count = (int)(a->last - a->first + 1), status = 0;
    struct sim_result *results = calloc((size_t)count, sizeof *results);
    struct err err = {.why = "out of memory"};
    int bad = results ? sim_play_seeds(p, a->first, count, results, &err) : -1;
    sim_progress_end(bar);
    for (int i = 0; !bad && i < count; i++) {
        status |= !sim_result_clean(&results[i]);
        if (a->json)
            sim_result_json(stdout, &results[i]);
    }
    if (!bad && !a->json)
        sim_result_print_all(stdout, results, count);
    free(results);
    return bad ? fail(&err) : status;
}

static int play(const struct arguments *a, const struct scenario *s, const struct log *log)
{
    struct sim_progress bar;
    struct sim_play p = {.scenario = *s, .log = log, .progress = show, .arg = &bar};
    sim_progress_start(&bar, a->verbose || a->live_options.quiet);
    return a->last >= 0 ? play_many(a, &p, &bar) : play_one(a, &p, &bar);
}

static int run(const struct arguments *a, const struct scenario *s, const struct log *log)
{
    struct err err;
    if (a->replay)
        return sim_replay_file(a->file, a->json, log, stdout, &err) ? fail(&err) : 0;
    if (a->live)
        return sim_live(s, &a->live_options, log, &err) ? fail(&err) : 0;
    return play(a, s, log);
}

int main(int argc, char **argv)
{
    struct arguments a = {.live_options.port = 11123, .seed = -1, .first = -1, .last = -1};
    struct scenario scenario;
    struct config_errors errors;
    struct logfile log;
    struct err err;
    int status = read_arguments(argc, argv, &a);
    if (status >= 0)
        return status;
    scenario_default(&scenario);
    if (a.file && !a.replay && scenario_load(&scenario, a.file, &errors)) {
        config_errors_print(stderr, "timeball-sim", &errors);
        return 1;
    }
    if (a.seed >= 0)
        scenario.seed = a.seed;
    if (logfile_open(&log, a.verbose ? "stderr" : "", LOG_LEVEL_INFO, &err))
        return fail(&err);
    status = run(&a, &scenario, &log.log);
    logfile_close(&log);
    return status;
}
