/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/web/program.h"

#include <getopt.h>
#include <stdio.h>

#include "server/config/config.h"

struct arguments {
    const char *listen, *socket; /* NULL: none was given */
};

/* Returns -1 to go on, else the exit status. */
static int read_arguments(const struct http_program *p, int argc, char **argv, struct arguments *a)
{
    static const struct option longs[] = {
        {"listen", required_argument, NULL, 'l'},
        {"socket", required_argument, NULL, 's'},
        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'V'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "l:s:hV", longs, NULL)) != -1) {
        switch (c) {
        case 'l':
            a->listen = optarg;
            break;
        case 's':
            a->socket = optarg;
            break;
        case 'h':
            fputs(p->help, stdout);
            return 0;
        case 'V':
            printf("%s " TIMEBALL_VERSION "\n", p->name);
            return 0;
        default:
            fprintf(stderr, "try `%s --help`\n", p->name);
            return 1;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "%s: unexpected word '%s'; try `%s --help`\n", p->name, argv[optind], p->name);
    return 1;
}

static int serve(const struct http_program *p, const char *listen, const char *socket,
                 struct err *err)
{
    union address address;
    struct http_config http = {.listen = &address, .answer = p->answer, .arg = p->arg};
    if (http_address(listen, "-l", &address, err))
        return -1;
    status_cache_open(p->cache, socket);
    int bad = http_run(p->name, &http, err);
    status_cache_close(p->cache);
    return bad;
}

int http_program(const struct http_program *p, int argc, char **argv)
{
    struct arguments a = {.listen = p->listen};
    struct config config = {0};
    struct err err;
    char line[sizeof err + 8];
    int status = read_arguments(p, argc, argv, &a);
    if (status >= 0)
        return status;
    if (!a.socket)
        a.socket = config_find_socket(&config, NULL, &err);
    int bad = !a.socket || serve(p, a.listen, a.socket, &err);
    if (bad)
        fprintf(stderr, "%s: %s\n", p->name, err_line(&err, line, sizeof line));
    config_free(&config);
    return bad;
}
