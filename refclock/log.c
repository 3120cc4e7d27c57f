/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/log.h"

#include <stdarg.h>
#include <stdio.h>

#define MINUTE_NS INT64_C(60000000000)

void log_say(const struct log *l, enum log_level level, const char *fmt, ...)
{
    char line[1024];

    if (!l || !l->write || level > l->max)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    l->write(l->arg, level, line);
}

bool log_allowed(struct log_limit *limit, int64_t now, uint64_t *held)
{
    /* a clock that went back must not silence a cause for long */
    if (now < limit->until && limit->until - now <= MINUTE_NS) {
        limit->held++;
        return false;
    }
    if (held)
        *held = limit->held;
    limit->held = 0;
    limit->until = now + MINUTE_NS;
    return true;
}
