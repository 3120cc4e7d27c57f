/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "server/ctl/text.h"
#include "server/doctor/gather.h"
#include "server/options.h"

#define NTP_PORT 123

/* A device's path: `auto` has the word "any" where none is named, a gpsd line a host. */
static void take_path(char *to, size_t size, const char *path)
{
    if (!strncmp(path, "/dev/", strlen("/dev/")))
        snprintf(to, size, "%.63s", path);
}

static void want_driver(struct doctor_wants *w, const char *driver, const char *path)
{
    bool by_itself = !strcmp(driver, "auto");
    if (!strcmp(driver, "pps")) {
        w->pulse = true;
        take_path(w->pps, sizeof w->pps, path);
    } else if (!strcmp(driver, "nmea") || !strcmp(driver, "gpsd") || by_itself) {
        w->port = true;
        take_path(w->device, sizeof w->device, path);
        w->found_by_itself |= by_itself;
        w->pulse |= by_itself;
    }
}

static bool says_clear(const struct config_refclock *r)
{
    char value[OPTION_TEXT_SIZE];
    const struct option_row *row = options_find(r->ops->options, "edge");
    return row && !strcmp(options_value(row, r->driver, value, sizeof value), "clear");
}

static void want_config(struct doctor_wants *w, const struct config *c)
{
    w->steers = c->clock == CONFIG_CLOCK_SYSTEM;
    w->serves = !c->listen_none;
    w->listen_port = c->listen_count ? (int)c->listen[0].port : NTP_PORT;
    for (size_t i = 0; i < c->refclock_count; i++) {
        want_driver(w, c->refclock[i].ops->name, c->refclock[i].driver->path);
        w->clear |= says_clear(&c->refclock[i]);
    }
    if (!c->refclock_count && !c->refclock_none)
        want_driver(w, "auto", "any");
}

/* The daemon may have been started with another file than the one that lies there. */
static void want_status(struct doctor_wants *w, const json_t *status)
{
    const char *steering = doctor_text(json_object_get(status, "clock"), "steering");
    json_t *source, *server = json_object_get(status, "server");
    size_t i;
    w->port = w->pulse = w->found_by_itself = false;
    w->device[0] = w->pps[0] = 0;
    json_array_foreach(json_object_get(status, "sources"), i, source)
    {
        want_driver(w, doctor_text(source, "driver"), doctor_text(source, "path"));
    }
    w->steers = !strcmp(steering, "system");
    w->serves = json_array_size(json_object_get(server, "listen")) > 0 || w->serves;
}

void doctor_want(struct doctor *d, const struct config *c)
{
    want_config(&d->wants, c);
    if (d->status)
        want_status(&d->wants, d->status);
}

static int health_of(const char *word)
{
    static const char *const words[] = {[HEALTH_CLOSED] = "closed",
                                        [HEALTH_SILENT] = "silent",
                                        [HEALTH_NO_FIX] = "no_fix",
                                        [HEALTH_OK] = "ok"};
    for (int i = 0; i < (int)(sizeof words / sizeof *words); i++)
        if (!strcmp(word, words[i]))
            return i;
    return HEALTH_CLOSED;
}

void doctor_ask_receiver(struct doctor *d)
{
    static const char *const drivers[] = {"nmea", "auto", "gpsd", NULL};
    const json_t *source = doctor_source(d, drivers), *sky = json_object_get(d->status, "sky");
    double seen = ctl_number(sky, "count"), used = ctl_number(sky, "used");
    struct doctor_receiver *r = &d->receiver;
    if (!source)
        return;
    r->by = DOCTOR_HEARD_DAEMON;
    r->health = health_of(doctor_text(source, "health"));
    snprintf(r->found, sizeof r->found, "%s", doctor_text(source, "found"));
    snprintf(r->error, sizeof r->error, "%s", doctor_text(source, "error"));
    r->satellites = seen >= 0 && seen < 1000 ? (int)seen : 0;
    r->used = used >= 0 && used < 1000 ? (int)used : 0;
}
