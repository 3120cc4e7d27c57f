/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/cache.h"

#include <sys/socket.h>
#include <sys/time.h>

#include "refclock/civil.h"

void status_cache_open(struct status_cache *c, const char *socket)
{
    *c = (struct status_cache){.socket = socket, .client.fd = -1};
}

void status_cache_close(struct status_cache *c)
{
    ctl_close(&c->client);
    c->line = NULL;
}

/* Asks on the connection that there is, or on a new one. The line, or NULL. */
static const char *ask(struct status_cache *c)
{
    const struct timeval patience = {.tv_sec = 1};
    if (c->client.fd < 0) {
        if (ctl_connect(&c->client, c->socket, &c->err))
            return NULL;
        setsockopt(c->client.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }
    if (ctl_ask(&c->client, "status", &c->err))
        return NULL;
    const char *line = ctl_read(&c->client, &c->err);
    if (line && *line != '{') {
        err_set(&c->err, c->socket, "is that timeballd's socket?", "no JSON object came");
        return NULL;
    }
    return line;
}

const char *status_cache_get(struct status_cache *c, int64_t now)
{
    bool kept = c->client.fd >= 0;
    if (c->begun && now - c->at < NS_PER_S && now >= c->at)
        return c->line;
    c->begun = true;
    c->at = now;
    c->line = ask(c);
    if (c->line)
        return c->line;
    ctl_close(&c->client);
    /* a connection that was kept may have ended with the daemon that it belonged to */
    if (kept && !(c->line = ask(c)))
        ctl_close(&c->client);
    return c->line;
}
