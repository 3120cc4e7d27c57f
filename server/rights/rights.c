/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/rights/rights.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "server/rights/sandbox.h"

static unsigned needs_of(const struct config *c)
{
    unsigned needs = c->clock == CONFIG_CLOCK_SYSTEM ? PRIV_CLOCK : 0;
    return needs | (c->lock_memory ? PRIV_LOCK : 0);
}

int rights_begin(struct rights *r, const struct config *config, const struct log *log,
                 struct err *err)
{
    *r = (struct rights){.config = config, .realtime.latency_fd = -1};
    if (priv_find(&r->priv, config->user, config_given(config, "user"), log, err))
        return -1;
    priv_make_folder(&r->priv, config->statussocket);
    priv_make_folder(&r->priv, config->controlsocket);
    priv_make_folder(&r->priv, config->driftfile);
    return 0;
}

/* What was needed to start only, the filter's building most of all, goes back to the machine. */
static void give_back(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

int rights_settle(struct rights *r, struct err *err)
{
    const struct config *c = r->config;
    const struct realtime_config realtime = {
        .priority = c->sched_priority, .lock = c->lock_memory, .latency_us = c->cpu_latency};
    priv_give(&r->priv, c->statussocket);
    priv_give(&r->priv, c->controlsocket);
    if (realtime_apply(&r->realtime, &realtime, err) || priv_drop(&r->priv, needs_of(c), err))
        return -1;
    r->sandbox = c->sandbox;
    r->config = NULL;
    int bad = sandbox_enter((enum sandbox)r->sandbox, err);
    give_back();
    return bad;
}

void rights_describe(const struct rights *r, struct status_process *to)
{
    status_text(to->user, sizeof to->user, r->priv.user);
    status_text(to->capabilities, sizeof to->capabilities, r->priv.capabilities);
    to->sandbox = r->sandbox;
    to->sched_priority = (int)r->realtime.in_force.priority;
    to->memory_locked = r->realtime.in_force.lock;
    if (r->realtime.in_force.latency_us >= 0)
        to->cpu_latency = (double)r->realtime.in_force.latency_us * 1e-6;
}

void rights_end(struct rights *r)
{
    realtime_end(&r->realtime);
}
