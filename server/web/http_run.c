/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "server/web/http.h"

int http_address(const char *text, const char *word, union address *a, struct err *err)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2], *begin = host, *end = NULL;
    size_t length = colon ? (size_t)(colon - text) : 0;
    unsigned long port = 0;
    *a = (union address){0};
    if (colon && colon[1] >= '0' && colon[1] <= '9')
        port = strtoul(colon + 1, &end, 10);
    if (length && length < sizeof host && end && !*end && port >= 1 && port <= 65535) {
        memcpy(host, text, length);
        host[length] = 0;
        if (*host == '[' && host[length - 1] == ']') {
            host[length - 1] = 0;
            begin++;
        }
        a->any.sa_family = begin == host ? AF_INET : AF_INET6;
        address_set_port(a, (uint16_t)port);
        if (begin == host ? inet_pton(AF_INET, begin, &a->v4.sin_addr) == 1
                          : inet_pton(AF_INET6, begin, &a->v6.sin6_addr) == 1)
            return 0;
    }
    return err_set(err, word, "write ADDRESS:PORT, such as 127.0.0.1:8123 or [::1]:8123",
                   "'%.60s' is no address with a port", text);
}

struct process {
    struct loop loop;
    struct loop_fd signals;
};

static void on_signal(void *arg, int64_t now, short revents)
{
    struct process *p = arg;
    (void)now;
    (void)revents;
    loop_stop(&p->loop);
}

/* SIGTERM and SIGINT end the loop. 0, or -1. */
static int watch_signals(struct process *p)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -1;
    p->signals = (struct loop_fd){
        .name = "signal",
        .fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC),
        .events = POLLIN,
        .ready = on_signal,
        .arg = p,
    };
    if (p->signals.fd < 0)
        return -1;
    loop_watch(&p->loop, &p->signals);
    return 0;
}

static int serve(const char *name, struct process *p, struct http_config *config, struct err *err)
{
    struct http *http = NULL;
    char text[INET6_ADDRSTRLEN];
    bool v6 = config->listen->any.sa_family == AF_INET6;
    config->loop = &p->loop;
    if (watch_signals(p))
        return err_errno(err, "signals", "", "", errno);
    int bad = http_open(&http, config, err);
    if (!bad) {
        fprintf(stderr, "%s: serves http://%s%s%s:%d/\n", name, v6 ? "[" : "",
                address_text(config->listen, text, sizeof text), v6 ? "]" : "",
                address_port(config->listen));
        bad = loop_run(&p->loop) ? err_set(err, name, "", "waiting for events failed") : 0;
    }
    http_close(http);
    close(p->signals.fd);
    return bad;
}

int http_run(const char *name, struct http_config *config, struct err *err)
{
    struct process p = {0};
    struct clock *clock;
    if (clock_reader_open(&clock, err))
        return -1;
    loop_poll_init(&p.loop, clock);
    int bad = serve(name, &p, config, err);
    loop_close(&p.loop);
    clock_close(clock);
    return bad;
}
