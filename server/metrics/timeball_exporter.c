/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/ctl/text.h"
#include "server/metrics/metrics.h"
#include "server/web/program.h"

#define LISTEN "127.0.0.1:9123"

static const char help[] =
    "usage: timeball-exporter [-l ADDRESS:PORT] [-s SOCKET]\n"
    "Serves timeballd's status to Prometheus, at /metrics.\n"
    "  -l, --listen ADDRESS:PORT  where (default " LISTEN ")\n"
    "  -s, --socket SOCKET        timeballd's status socket (default: what " CONFIG_PATH "\n"
    "                             says)\n"
    "  -h, --help                 this text\n"
    "  -V, --version              the version\n"
    "Manual: timeball-exporter(8).\n";

struct exporter {
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
        err_set(&e->cache.err, e->cache.socket, "is that timeballd's socket?",
                "not a status: %.60s", line);
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

int main(int argc, char **argv)
{
    struct exporter e = {0};
    const struct http_program program = {.name = "timeball-exporter",
                                         .help = help,
                                         .listen = LISTEN,
                                         .answer = answer,
                                         .arg = &e,
                                         .cache = &e.cache};
    int status = http_program(&program, argc, argv);
    free(e.text);
    return status;
}
