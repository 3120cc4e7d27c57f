/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/limits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/access/access.h"

static int build(struct limits *l, const struct restrict_rules *rules, struct err *err)
{
    struct access *access;
    if (restrict_rules_build(rules, &access, err))
        return -1;
    shared_swap(&l->access, access_share(access));
    return 0;
}

/* A name has been found, or other servers are asked. */
static void changed(void *arg)
{
    struct limits *l = arg;
    struct err err;
    char line[560];
    if (build(l, l->rules, &err))
        log_say(l->log, LOG_LEVEL_WARNING, "%s; the old rules hold",
                err_line(&err, line, sizeof line));
}

/* The rules of a configuration in the place of those that are in force. */
static int take_rules(struct limits *l, const struct config *config, struct loop *loop,
                      struct err *err)
{
    struct restrict_rules *rules;
    if (restrict_rules_open(&rules, config, loop, l->log, changed, l, err))
        return -1;
    if (build(l, rules, err)) {
        restrict_rules_close(rules);
        return -1;
    }
    restrict_rules_close(l->rules);
    l->rules = rules;
    return 0;
}

int limits_open(struct limits *l, const struct config *config, struct loop *loop,
                const struct log *log, struct err *err)
{
    memset(l, 0, sizeof *l);
    l->log = log;
    shared_init(&l->access, access_release);
    l->rate = config->ratelimit;
    return take_rules(l, config, loop, err);
}

int limits_renew(struct limits *l, const struct config *config, struct loop *loop, struct err *err)
{
    return take_rules(l, config, loop, err);
}

void limits_sources(struct limits *l, const union address *sources, size_t count)
{
    restrict_rules_sources(l->rules, sources, count);
}

void limits_tick(struct limits *l)
{
    (void)shared_sweep(&l->access);
}

void limits_close(struct limits *l)
{
    restrict_rules_close(l->rules);
    l->rules = NULL;
    shared_close(&l->access);
}

static void describe(const struct ratelimit_client *from, struct status_client *to)
{
    char text[INET6_ADDRSTRLEN];
    address_text(&from->address, text, sizeof text);
    if (from->prefix == 32)
        snprintf(to->address, sizeof to->address, "%s", text);
    else
        snprintf(to->address, sizeof to->address, "%s/%u", text, from->prefix);
    to->port = address_port(&from->address);
    to->requests = from->count;
    to->dropped = from->dropped;
    to->first = from->first;
    to->last = from->last;
    double spell = (double)(from->last - from->first) * 1e-9;
    to->rate = from->count > 1 && spell > 0 ? (double)(from->count - 1) / spell : NAN;
    to->mode = from->mode;
    to->version = from->version;
    to->limited = from->limited;
    to->kod = from->kod;
}

const struct status_clients *limits_clients(struct limits *l, struct responder *responder,
                                            int64_t now)
{
    struct ratelimit_client list[STATUS_CLIENTS_MAX];
    struct status_clients *c = &l->clients;
    if (l->any && now - l->made < NS_PER_S)
        return c;
    memset(c, 0, sizeof *c);
    l->any = true;
    l->made = now;
    if (!responder)
        return c;
    size_t count = responder_clients(responder, RATELIMIT_BUSIEST, list, STATUS_CLIENTS_MAX);
    c->room = responder_clients_room(responder);
    c->memory = responder_clients_memory(responder);
    for (size_t i = 0; i < count; i++)
        describe(&list[i], &c->client[c->count++]);
    return c;
}
