/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/ctl/text.h"
#include "server/web/http.h"
#include "server/metrics/metrics.h"
#include "server/status/cache.h"

#define LISTEN "127.0.0.1:9123"

static const char help[] =
    "usage: timeball-exporter [-l ADDRESS:PORT] [-s SOCKET]\n"
    "Serves timeballd's status to Prometheus, at /metrics.\n"
    "  -l, --listen ADDRESS:PORT  where (default " LISTEN ")\n"
    "  -s, --socket SOCKET        timeballd's status socket (default " CONFIG_STATUSSOCKET ")\n"
    "  -h, --help                 this text\n"
    "  -V, --version              the version\n"
    "Manual: timeball-exporter(8).\n";

struct exporter {
    const char *listen, *socket;
    struct status_cache cache;
    char *text; /* the last answer */
    size_t size;
    bool missing; /* the last answer was that there is no daemon */
};

/* Once, when it goes and when it comes: a scrape a second must not fill a log. */
static void say_change(struct exporter *e, bool missing, const struct err *err)
{
    char line[sizeof *err + 8];
    if (missing != e->missing) {
        fputs("timeball-exporter: ", stderr);
        ctl_print_clean(stderr, missing ? err_line(err, line, sizeof line) : "timeballd answers");
        fputc('\n', stderr);
    }
    e->missing = missing;
}

/* The status as it is now, or was within the last second. */
static void renew(struct exporter *e, int64_t now)
{
    const char *line = status_cache_get(&e->cache, now);
    json_t *status = line ? json_loads(line, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (line && !json_object_get(status, "clock")) {
        json_decref(status);
        status = NULL;
        err_set(&e->cache.err, e->socket, "is that timeballd's socket?", "not a status: %.60s",
                line);
    }
    say_change(e, !status, &e->cache.err);
    free(e->text);
    e->text = metrics_text(status, &e->size);
    json_decref(status);
}

static struct http_answer answer(void *arg, const char *path, int64_t now)
{
    struct exporter *e = arg;
    if (!strcmp(path, "/"))
        return http_text(200, "timeball-exporter: the metrics are at /metrics\n");
    if (strcmp(path, "/metrics") != 0)
        return http_text(404, "not found: the metrics are at /metrics\n");
    renew(e, now);
    if (!e->text)
        return http_text(500, "no memory\n");
    return (struct http_answer){
        .status = 200, .type = METRICS_TYPE, .body = e->text, .size = e->size};
}

/* Returns -1 to go on, else the exit status. */
static int read_arguments(int argc, char **argv, struct exporter *e)
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
            e->listen = optarg;
            break;
        case 's':
            e->socket = optarg;
            break;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'V':
            puts("timeball-exporter " TIMEBALL_VERSION);
            return 0;
        default:
            fputs("try `timeball-exporter --help`\n", stderr);
            return 1;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "timeball-exporter: unexpected word '%s'; try `timeball-exporter --help`\n",
            argv[optind]);
    return 1;
}

int main(int argc, char **argv)
{
    struct exporter e = {.listen = LISTEN, .socket = CONFIG_STATUSSOCKET};
    union address address;
    struct http_config config = {.listen = &address, .answer = answer, .arg = &e};
    struct err err;
    char line[sizeof err + 8];
    int status = read_arguments(argc, argv, &e);
    if (status >= 0)
        return status;
    status_cache_open(&e.cache, e.socket);
    status = http_address(e.listen, "--listen", &address, &err) ||
             http_run("timeball-exporter", &config, &err);
    if (status)
        fprintf(stderr, "timeball-exporter: %s\n", err_line(&err, line, sizeof line));
    status_cache_close(&e.cache);
    free(e.text);
    return status;
}
