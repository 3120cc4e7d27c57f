/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/driver.h"

#include <stdio.h>
#include <string.h>

void driver_say(struct driver *d, enum health health, const struct err *err)
{
    static const struct err none;
    if (!err)
        err = &none;
    if (d->said == health && !strcmp(d->said_err.why, err->why))
        return;
    d->said = health;
    d->said_err = *err;
    d->sink->health(d->sink_arg, health, *err->why ? err : NULL);
}

void driver_blame(const struct driver *d, struct err *err)
{
    if (err)
        snprintf(err->thing, sizeof err->thing, "%.*s", (int)sizeof err->thing - 1, d->path);
}
