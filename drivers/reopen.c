/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/reopen.h"

#include "refclock/civil.h"

#define WAIT_MIN (1 * NS_PER_S)
#define WAIT_MAX (10 * NS_PER_S)

void reopen_init(struct reopen *r, struct loop *loop, const char *name,
                 void (*open)(void *arg, int64_t now), void *arg)
{
    *r = (struct reopen){
        .loop = loop,
        .timer = {.name = name, .fire = open, .arg = arg, .due = INT64_MAX},
        .wait = WAIT_MIN,
    };
}

void reopen_later(struct reopen *r)
{
    loop_after(r->loop, &r->timer, r->wait);
    r->wait = r->wait * 2 < WAIT_MAX ? r->wait * 2 : WAIT_MAX;
}

void reopen_done(struct reopen *r)
{
    r->wait = WAIT_MIN;
}

void reopen_cancel(struct reopen *r)
{
    loop_cancel(r->loop, &r->timer);
}
