/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/alarm/watch.h"
#include "server/config/config.h"
#include "server/ctl/text.h"

static const char help[] =
    "usage: timeball-alarm [-x PROGRAM] [-s SOCKET] [--test]\n"
    "Watches timeballd and tells when something changes: a line a change, and a program of yours.\n"
    "  -x, --exec PROGRAM   run it at each event, with TIMEBALL_EVENT, TIMEBALL_SENTENCE and more\n"
    "                       in its environment\n"
    "  -s, --socket SOCKET  timeballd's status socket (default: what\n"
    "                       " CONFIG_PATH " says)\n"
    "  -p, --patience S     without an answer for so long, it is gone (1 to 3600, default 10)\n"
    "  -m, --memory FILE    what was told is kept there over a restart (default: a file in the "
    "folder\n"
    "                       that systemd gives, else none)\n"
    "  -k, --kill S         the program is killed after so long (1 to 3600, default 60)\n"
    "  -j, --journal SOCKET the journal's socket, or none: lines on the output (default: the\n"
    "                       journal's own where systemd started this, else none)\n"
    "  -t, --test           one test event, and the end: exit status 0 when the program took it\n"
    "  -l, --list           the events\n"
    "  -h, --help           this text\n"
    "  -V, --version        the version\n"
    "Manual: timeball-alarm(8).\n";

static int usage_error(const char *why, const char *what)
{
    fprintf(stderr, "timeball-alarm: %s '%s'; try `timeball-alarm --help`\n", why, what);
    return 1;
}

static int print_list(void)
{
    for (int i = 0; i < ALARM_KINDS; i++)
        printf("%-15s %s  %s\n", alarm_words[i], alarm_rows[i].id, alarm_rows[i].help);
    return 0;
}

static int take_seconds(const char *why, const char *text, int64_t *value)
{
    char *end;
    long n = strtol(text, &end, 10);
    *value = n;
    return *text && !*end && n >= 1 && n <= 3600 ? -1 : usage_error(why, text);
}

static int take_option(int c, const char *value, struct alarm_options *o)
{
    switch (c) {
    case 'x':
        o->program = value;
        break;
    case 's':
        o->socket = value;
        break;
    case 'j':
        o->journal = strcmp(value, "none") != 0 ? value : NULL;
        break;
    case 'm':
        o->told = strcmp(value, "none") != 0 ? value : NULL;
        break;
    case 'p':
        return take_seconds("--patience takes 1 to 3600 seconds, not", value, &o->patience);
    case 'k':
        return take_seconds("--kill takes 1 to 3600 seconds, not", value, &o->limit);
    case 't':
        o->test = true;
        break;
    case 'l':
        return print_list();
    case 'h':
        fputs(help, stdout);
        return 0;
    case 'V':
        puts("timeball-alarm " TIMEBALL_VERSION);
        return 0;
    default:
        fputs("try `timeball-alarm --help`\n", stderr);
        return 1;
    }
    return -1;
}

/* Returns -1 to go on, else the exit status. */
static int read_arguments(int argc, char **argv, struct alarm_options *o)
{
    static const struct option longs[] = {
        {"exec", required_argument, NULL, 'x'},
        {"socket", required_argument, NULL, 's'},
        {"patience", required_argument, NULL, 'p'},
        {"journal", required_argument, NULL, 'j'},
        {"kill", required_argument, NULL, 'k'},
        {"test", no_argument, NULL, 't'},
        {"memory", required_argument, NULL, 'm'},
        {"list", no_argument, NULL, 'l'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "x:s:p:k:j:m:tlhV", longs, NULL)) != -1) {
        int status = take_option(c, optarg, o);
        if (status >= 0)
            return status;
    }
    if (optind < argc)
        return usage_error("unexpected word", argv[optind]);
    if (o->program && *o->program != '/')
        return usage_error("--exec takes a program with its whole path, not", o->program);
    return -1;
}

/* In the folder that systemd gives a service for as long as it runs (systemd.exec(5)); NULL. */
static const char *default_memory(char *path, size_t size)
{
    const char *folder = getenv("RUNTIME_DIRECTORY");
    if (!folder || !*folder || snprintf(path, size, "%s/told", folder) >= (int)size)
        return NULL;
    return path;
}

int main(int argc, char **argv)
{
    char memory[PATH_MAX];
    struct alarm_options options = {
        .patience = 10,
        .limit = ALARM_HOOK_LIMIT,
        .told = default_memory(memory, sizeof memory),
        .journal = getenv("JOURNAL_STREAM") ? ALARM_JOURNAL : NULL, /* systemd.exec(5) */
    };
    struct config config = {0};
    struct err err;
    char line[sizeof err + 8];
    int status = read_arguments(argc, argv, &options);
    if (status >= 0)
        return status;
    signal(SIGPIPE, SIG_IGN);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!options.socket)
        options.socket = config_find_socket(&config, NULL, &err);
    int bad = !options.socket || alarm_watch(&options, &err);
    config_free(&config);
    if (!bad)
        return 0;
    fputs("timeball-alarm: ", stderr);
    ctl_print_clean(stderr, err_line(&err, line, sizeof line));
    fputc('\n', stderr);
    return 1;
}
