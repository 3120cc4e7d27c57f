/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "server/config/config.h"
#include "server/ctl/ctl.h"
#include "server/ctl/text.h"
#include "server/options.h"

static const struct command {
    const char *name;
    const char *operand; /* NULL: takes none */
    const char *help;
    int (*run)(const struct ctl *, struct err *);
    int least, most; /* operands */
    enum asks { ASKS_NOBODY, ASKS_STATUS, ASKS_PERHAPS, ASKS_CONTROL } asks;
} commands[] = {
    {"status", NULL, "what is used, how sure it is, what to do", ctl_status, 0, 0, ASKS_STATUS},
    {"sources", NULL, "every reference clock, and why it is used or not", ctl_sources, 0, 0,
     ASKS_STATUS},
    {"satellites", NULL, "the satellites that the receiver reports", ctl_satellites, 0, 0,
     ASKS_STATUS},
    {"clients", NULL, "who asks most, and what became of all requests", ctl_clients, 0, 0,
     ASKS_STATUS},
    {"watch", NULL, "the status, each second, until ctrl-C", ctl_watch, 0, 0, ASKS_STATUS},
    {"now", NULL, "the true time, and the interval that it lies in", ctl_now, 0, 0, ASKS_STATUS},
    {"wait", NULL, "until the error bound is below --error (1ms), at most --for S", ctl_wait, 0, 0,
     ASKS_STATUS},
    {"epochs", "FILE", "the times in a receiver's log; needs --date", ctl_epochs, 1, 1,
     ASKS_NOBODY},
    {"record", "FILE", "a recording into a new file, until ctrl-C or --for S", ctl_record, 1, 1,
     ASKS_CONTROL},
    {"reload", NULL, "timeballd reads its configuration and keys again", ctl_reload, 0, 0,
     ASKS_CONTROL},
    {"alarm", "test", "a test of the alarms: log, hook, page and metrics show it", ctl_alarm, 1, 1,
     ASKS_CONTROL},
    {"pool-check", "[HOST]", "asks as the NTP Pool's monitors do, and scores it", ctl_pool, 0, 1,
     ASKS_PERHAPS},
    {"receiver", "...", "shows or sets up a receiver; see receiver help", ctl_receiver, 1, 15,
     ASKS_CONTROL},
    {"doctor", NULL, "which link from receiver to clients is broken, and what mends it", ctl_doctor,
     0, 0, ASKS_NOBODY},
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, 'c'}, {"socket", required_argument, NULL, 's'},
    {"date", required_argument, NULL, 'd'},   {"for", required_argument, NULL, 'f'},
    {"error", required_argument, NULL, 'e'},  {"root", required_argument, NULL, 'r'},
    {"json", no_argument, NULL, 'j'},         {"help", no_argument, NULL, 'h'},
    {"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0}};

static int fail(const struct err *err)
{
    char text[sizeof *err + 8];
    fputs("timeballctl: ", stderr);
    ctl_print_clean(stderr, err_line(err, text, sizeof text)); /* parts may come from the socket */
    fputc('\n', stderr);
    return CTL_ERROR;
}

static int usage_error(const char *why, const char *what)
{
    fprintf(stderr, "timeballctl: %s%s%s; timeballctl --help lists what there is\n", why,
            *what ? ": " : "", what);
    return CTL_ERROR;
}

/* The names are few: the nearest is worth saying. */
static int unknown_command(const char *word)
{
    const char *nearest = NULL;
    int best = INT_MAX;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        int distance = options_distance(word, commands[i].name);
        if (distance < best) {
            best = distance;
            nearest = commands[i].name;
        }
    }
    if (!nearest)
        return usage_error("unknown command", word);
    fprintf(stderr, "timeballctl: unknown command: %s; did you mean '%s'?\n", word, nearest);
    return CTL_ERROR;
}

static int print_help(void)
{
    puts("usage: timeballctl [-c FILE] [-s SOCKET] [--json] COMMAND\n\ncommands");
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        printf("  %-10s %-6s %s\n", commands[i].name,
               commands[i].operand ? commands[i].operand : "", commands[i].help);
    puts("\noptions\n"
         "  -c, --config FILE      timeballd's configuration, for its sockets\n"
         "                         (default " CONFIG_PATH ")\n"
         "  -s, --socket SOCKET    the socket itself: for receiver, record and reload the\n"
         "                         control socket, else the status socket\n"
         "  -j, --json             JSON as the status socket gives it\n"
         "      --for S            for record and wait: how long\n"
         "      --error E          for wait: 1ms, 100us, 0.5s (default 1ms)\n"
         "      --date YYYY-MM-DD  for epochs: the day of the log, within 512 weeks\n"
         "      --root DIR         for doctor: another tree than this machine's\n"
         "  -h, --help             this text; `help` too\n"
         "  -V, --version          the version\n\n"
         "exit status: 0 done, 1 an error, 2 (status, now) not synchronised, (pool-check)\n"
         "something costs points; doctor: 0 nothing is broken, 1 something is, 2 wrong\n"
         "usage");
    return CTL_OK;
}

/*
 * Fills *config, which ctl->socket then points into. The default configuration may be unreadable or
 * wrong: then the default socket. 0, or -1 with the errors printed.
 */
static int find_socket(struct ctl *ctl, struct config *config, const char *path, enum asks asks)
{
    bool control = asks == ASKS_CONTROL;
    struct config_errors errors;
    if (config_load(config, path, &errors)) {
        if (path) {
            config_errors_print(stderr, "timeballctl", &errors);
            return -1;
        }
        config_parse(config, CONFIG_PATH, "", 0, &errors);
    }
    ctl->socket = control ? config->controlsocket : config->statussocket;
    if (*ctl->socket)
        return 0;
    ctl->socket = NULL;
    if (asks == ASKS_PERHAPS)
        return 0;
    fprintf(stderr, "timeballctl: %s says %ssocket none; write a path there, or use -s\n",
            path ? path : CONFIG_PATH, control ? "control" : "status");
    return -1;
}

static int run(const struct command *command, const struct ctl *ctl)
{
    struct err err = {0};
    int result = command->run(ctl, &err);
    if (result < 0)
        result = fail(&err);
    if (fflush(stdout) || ferror(stdout))
        return usage_error("the output cannot be written", "");
    return result;
}

/* Every command but those with many words takes one operand, or none. */
static int check_operands(const struct command *command, int count)
{
    if (count >= command->least && count <= command->most)
        return 0;
    if (command->most == 1 && !command->least)
        return usage_error("it takes one word, or none", command->name);
    return usage_error(command->most > 1    ? count ? "too many words" : "it takes more words"
                       : command->most == 1 ? "it takes one word"
                                            : "it takes no more words",
                       command->name);
}

/* Where the options end: -0.1 is a number. */
static int first_negative(int argc, char **argv)
{
    int i = 1;
    while (i < argc && !(argv[i][0] == '-' && argv[i][1] && strchr("0123456789.", argv[i][1])))
        i++;
    return i;
}

/* The exit status of wrong usage is doctor's own where that is meant. */
static int wrong_usage(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "doctor"))
            return CTL_DOCTOR_USAGE;
    return CTL_ERROR;
}

/* Reads the options into *ctl. -1: there is a command to run; else the exit status. */
static int take_options(int argc, char **argv, struct ctl *ctl)
{
    int c, limit = first_negative(argc, argv);
    while ((c = getopt_long(limit, argv, "c:s:jhV", long_options, NULL)) != -1) {
        switch (c) {
        case 'c':
            ctl->config = optarg;
            break;
        case 's':
            ctl->socket = optarg;
            break;
        case 'd':
            ctl->date = optarg;
            break;
        case 'f':
            ctl->length = optarg;
            break;
        case 'e':
            ctl->error = optarg;
            break;
        case 'r':
            ctl->root = optarg;
            break;
        case 'j':
            ctl->json = true;
            break;
        case 'h':
            return print_help();
        case 'V':
            puts("timeballctl " TIMEBALL_VERSION);
            return CTL_OK;
        default:
            fputs("try `timeballctl --help`\n", stderr); /* getopt has said why */
            return CTL_ERROR;
        }
    }
    return optind == argc ? usage_error("a command is missing", "") : -1;
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.out = stdout, .root = ""};
    struct config config = {0};
    int result = take_options(argc, argv, &ctl);
    if (result >= 0)
        return result == CTL_ERROR ? wrong_usage(argc, argv) : result;
    if (!strcmp(argv[optind], "help"))
        return print_help();
    const struct command *command = commands, *end = command + sizeof commands / sizeof *commands;
    while (command < end && strcmp(command->name, argv[optind]) != 0)
        command++;
    if (command == end)
        return unknown_command(argv[optind]);
    if (check_operands(command, argc - optind - 1))
        return wrong_usage(argc, argv);
    ctl.file = argv[optind + 1];
    ctl.words = (const char *const *)argv + optind + 1;
    ctl.count = (size_t)(argc - optind - 1);
    if (!ctl.socket && command->asks != ASKS_NOBODY &&
        find_socket(&ctl, &config, ctl.config, command->asks))
        return CTL_ERROR;
    result = run(command, &ctl);
    config_free(&config);
    return result;
}
