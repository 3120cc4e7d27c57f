/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/receiver/epochs.h"

#include <stdio.h>
#include <string.h>

#include "drivers/receiver/gnss.h"
#include "refclock/civil.h"

struct scan {
    void (*epoch)(void *arg, const struct epoch *);
    void *arg;
};

static void pass_on(void *arg, const struct nmea_epoch *e)
{
    const struct scan *s = arg;
    struct epoch out = {
        .second = e->second,
        .leap60 = e->leap60,
        .nsec = e->nsec,
        .vouched = e->verdict == NMEA_VOUCHED,
    };
    if (e->dated)
        s->epoch(s->arg, &out);
}

/* Length of the comment lines at the head. */
static size_t head(const char *bytes, size_t size)
{
    size_t at = 0;
    while (at < size && bytes[at] == '#') {
        const char *end = memchr(bytes + at, '\n', size - at);
        at = end ? (size_t)(end - bytes) + 1 : size;
    }
    return at;
}

void epochs_scan(const void *bytes, size_t size, int64_t pivot,
                 void (*epoch)(void *, const struct epoch *), void *arg)
{
    static const struct gnss_sink sink = {.epoch = pass_on};
    struct scan scan = {.epoch = epoch, .arg = arg};
    size_t skip = head(bytes, size);
    struct gnss gnss;
    gnss_init(&gnss, pivot, &sink, &scan);
    gnss_feed(&gnss, (const char *)bytes + skip, size - skip, 0);
    gnss_flush(&gnss);
}

const char *epochs_line(const struct epoch *e, char *buf, size_t size)
{
    /* 23:59:60 is shown as the 23:59:59 before it, with another name */
    struct civil c = civil_from_posix(e->second - e->leap60);
    snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ %c", c.year, c.month, c.day, c.hour,
             c.minute, c.second + e->leap60, (int)(e->nsec / 1000000), e->vouched ? 'A' : 'V');
    return buf;
}
