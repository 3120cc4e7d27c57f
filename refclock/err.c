/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void keep(char *to, size_t size, const char *text)
{
    snprintf(to, size, "%s", text ? text : "");
}

int err_set(struct err *e, const char *thing, const char *todo, const char *why, ...)
{
    if (!e)
        return -1;
    va_list ap;
    va_start(ap, why);
    vsnprintf(e->why, sizeof e->why, why, ap);
    va_end(ap);
    keep(e->thing, sizeof e->thing, thing);
    keep(e->todo, sizeof e->todo, todo);
    return -1;
}

int err_errno(struct err *e, const char *thing, const char *todo, const char *doing, int errnum)
{
    char text[96];
    /* the GNU strerror_r: no shared buffer, may answer with a constant */
    const char *why = strerror_r(errnum, text, sizeof text);
    return err_set(e, thing, todo, "%s%s%s", doing ? doing : "", doing && *doing ? ": " : "", why);
}

const char *err_line(const struct err *e, char *buf, size_t size)
{
    snprintf(buf, size, "%s%s%s%s%s", e->thing, *e->thing ? ": " : "", e->why, *e->todo ? "; " : "",
             e->todo);
    return buf;
}
