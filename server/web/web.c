/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeball-web: the status as a page for browsers. It reads the status socket and nothing else. */
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/status/json.h"
#include "server/web/files.h"
#include "server/web/program.h"

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

int main(int argc, char **argv)
{
    struct web web = {0};
    const struct http_program program = {.name = "timeball-web",
                                         .help = help,
                                         .listen = LISTEN,
                                         .answer = answer,
                                         .arg = &web,
                                         .cache = &web.cache};
    int status = http_program(&program, argc, argv);
    free(web.error);
    return status;
}
