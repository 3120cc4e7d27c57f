/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_WEB_PROGRAM_H
#define TIMEBALL_SERVER_WEB_PROGRAM_H

#include "server/status/cache.h"
#include "server/web/http.h"

/* What the programs that answer browsers and collectors from the status socket have in common. */
struct http_program {
    const char *name, *help;
    const char *listen; /* ADDRESS:PORT, unless -l says another */
    struct http_answer (*answer)(void *arg, const char *path, int64_t now);
    void *arg;
    struct status_cache *cache; /* of the status socket; open while it serves */
};

/*
 * Reads -l, -s, -h and -V, listens, and serves until SIGTERM or SIGINT. The status socket is the
 * one of -s, or of the daemon's configuration. Returns the exit status; what is wrong is said on
 * stderr.
 */
int http_program(const struct http_program *p, int argc, char **argv);

#endif
