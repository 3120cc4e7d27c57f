/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeball-web: the status as a page for browsers. It reads the status socket and nothing else. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/web/http.h"
#include "server/status/cache.h"
#include "server/status/json.h"
#include "server/web/files.h"

#define LISTEN "127.0.0.1:8123"

static const char help[] =
    "usage: timeball-web [-l ADDRESS:PORT] [-s SOCKET]\n"
    "Shows in a browser what timeballd does and how sure it is. It is read only.\n"
    "  -l, --listen ADDRESS:PORT  where browsers ask (default " LISTEN ")\n"
    "  -s, --socket SOCKET        timeballd's status socket (default: what " CONFIG_PATH "\n"
    "                             says)\n"
    "  -V, --version; -h, --help\n"
    "Manual: timeball-web(8).\n";

struct web {
    struct status_cache cache;
    char *error; /* the last answer that was an error, to be freed */
};

static struct http_answer answer_status(struct web *w, int64_t now)
{
    struct http_answer a = {.status = 200, .type = "application/json"};
    char text[560];
    a.body = status_cache_get(&w->cache, now);
    if (!a.body) {
        free(w->error);
        a.body = w->error = status_json_error(err_line(&w->cache.err, text, sizeof text));
        a.status = 503;
    }
    a.size = a.body ? strlen(a.body) : 0;
    return a;
}

static struct http_answer answer(void *arg, const char *path, int64_t now)
{
    if (!strcmp(path, "/status.json"))
        return answer_status(arg, now);
    for (const struct web_file *f = web_files; f->path; f++)
        if (!strcmp(path, f->path))
            return (struct http_answer){200, f->type, f->data, f->size, true};
    return http_text(404, "there is only / and /status.json\n");
}

static int fail(const struct err *err)
{
    char line[560];
    fprintf(stderr, "timeball-web: %s\n", err_line(err, line, sizeof line));
    return 1;
}

/* Returns -1 to go on, else the exit status. */
static int read_arguments(int argc, char **argv, const char **listen, const char **socket)
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
            *listen = optarg;
            break;
        case 's':
            *socket = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'V':
            puts("timeball-web " TIMEBALL_VERSION);
            return 0;
        default:
            fputs("try `timeball-web --help`\n", stderr);
            return 1;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "timeball-web: unexpected word '%s'; try `timeball-web --help`\n",
            argv[optind]);
    return 1;
}

/* Where the daemon's configuration puts the socket; it may be unreadable: then the default. */
static const char *find_socket(struct config *config)
{
    struct config_errors errors;
    if (config_load(config, NULL, &errors))
        config_parse(config, CONFIG_PATH, "", 0, &errors);
    return config->statussocket;
}

int main(int argc, char **argv)
{
    const char *listen = LISTEN, *socket = NULL;
    struct config config = {0};
    struct web web = {0};
    union address address;
    struct http_config http = {.listen = &address, .answer = answer, .arg = &web};
    struct err err;
    int status = read_arguments(argc, argv, &listen, &socket);
    if (status >= 0)
        return status;
    if (http_address(listen, "-l", &address, &err))
        return fail(&err);
    if (!socket)
        socket = find_socket(&config);
    if (!*socket) {
        err_set(&err, CONFIG_PATH, "write a path there, or use -s", "says statussocket none");
        return fail(&err);
    }
    status_cache_open(&web.cache, socket);
    status = http_run("timeball-web", &http, &err) ? fail(&err) : 0;
    status_cache_close(&web.cache);
    free(web.error);
    config_free(&config);
    return status;
}
