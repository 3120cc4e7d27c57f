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

static void try_again(void *arg, int64_t now)
{
    struct reopen *r = arg;
    struct err err = {0};
    (void)now;
    if (r->open(r->driver, &err)) {
        driver_say(r->driver, HEALTH_CLOSED, &err);
        reopen_later(r);
        return;
    }
    reopen_done(r);
    r->times++;
}

void reopen_device(struct reopen *r, struct driver *driver, const char *name,
                   int (*open)(struct driver *, struct err *))
{
    reopen_init(r, driver->env->loop, name, try_again, r);
    r->driver = driver;
    r->open = open;
}

int reopen_begin(struct reopen *r, struct err *err)
{
    if (!r->open(r->driver, err)) {
        reopen_done(r);
        return 0;
    }
    r->driver->said = HEALTH_CLOSED;
    if (err)
        r->driver->said_err = *err;
    reopen_later(r);
    return -1;
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
