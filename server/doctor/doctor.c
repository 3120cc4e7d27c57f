/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/doctor/doctor.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/find/root_file.h"
#include "server/ctl/text.h"

#define USUAL_PIN 18

const struct doctor_row doctor_rows[DOCTOR_LINKS] = {
    [DOCTOR_PORT] = {"port", "the receiver's port is there and free", doctor_port},
    [DOCTOR_RIGHTS] = {"rights", "the devices may be opened", doctor_rights},
    [DOCTOR_OVERLAY] = {"overlay", "the pulse's input is set up at boot", doctor_overlay},
    [DOCTOR_PPS] = {"pps", "which PPS device is the receiver's", doctor_pps},
    [DOCTOR_PULSE] = {"pulse", "a pulse a second is seen", doctor_pulse},
    [DOCTOR_EDGE] = {"edge", "the right edge marks the second", doctor_edge},
    [DOCTOR_BAUD] = {"baud", "the baud rate is found", doctor_baud},
    [DOCTOR_SENTENCES] = {"sentences", "messages with a time come", doctor_sentences},
    [DOCTOR_FIX] = {"fix", "the receiver vouches for its time", doctor_fix},
    [DOCTOR_DAEMON] = {"timeballd", "the daemon runs", doctor_daemon},
    [DOCTOR_NUMBERING] = {"numbering", "the pulses have their seconds", doctor_numbering},
    [DOCTOR_RIVALS] = {"rivals", "nobody else steers the clock", doctor_rivals},
    [DOCTOR_DISCIPLINE] = {"discipline", "the clock follows", doctor_discipline},
    [DOCTOR_PORT_123] = {"port-123", "NTP requests are answered", doctor_port_123},
    [DOCTOR_FIREWALL] = {"firewall", "nothing on this machine drops requests", doctor_firewall},
};

struct doctor_finding doctor_says(enum doctor_state state, const char *todo, const char *saw, ...)
{
    struct doctor_finding f = {.state = state};
    va_list args;
    va_start(args, saw);
    /* clang-tidy loses va_start() when it is given several files */
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    vsnprintf(f.saw, sizeof f.saw, saw, args);
    va_end(args);
    snprintf(f.todo, sizeof f.todo, "%s", todo);
    return f;
}

struct doctor_finding doctor_waits(enum doctor_link for_link)
{
    return doctor_says(DOCTOR_UNKNOWN, "", "not looked at yet: \"%s\" comes first",
                       doctor_rows[for_link].name);
}

const json_t *doctor_source(const struct doctor *d, const char *const *drivers)
{
    json_t *source;
    size_t i;
    for (; *drivers; drivers++)
        json_array_foreach(json_object_get(d->status, "sources"), i, source)
        {
            const char *driver = ctl_string(source, "driver");
            if (driver && !strcmp(driver, *drivers))
                return source;
        }
    return NULL;
}

const char *doctor_text(const json_t *object, const char *name)
{
    const char *text = ctl_string(object, name);
    return text ? text : "";
}

bool doctor_is_pi(const struct doctor *d)
{
    return d->find.raspberry || *d->boot.config;
}

int doctor_pin(const struct doctor *d)
{
    if (d->boot.pps)
        return d->boot.gpio;
    return d->find.profile ? d->find.profile->gpio : USUAL_PIN;
}

/* "1795521600.000001234#17": reading and sequence. Both stay 0 where nothing was captured. */
static bool read_edge(const char *root, const char *device, const char *edge, uint64_t *sequence,
                      int64_t *at)
{
    char path[96], text[64], *end;
    snprintf(path, sizeof path, "/sys/class/pps/%.20s/%s", device + strlen("/dev/"), edge);
    if (!root_line(root, path, text, sizeof text))
        return false;
    long long seconds = strtoll(text, &end, 10);
    long ns = *end == '.' ? strtol(end + 1, &end, 10) : 0;
    if (*end != '#' || seconds < 0 || seconds > INT64_C(9000000000) || ns < 0 || ns > 999999999)
        return false;
    *sequence = strtoull(end + 1, NULL, 10);
    *at = seconds * INT64_C(1000000000) + ns;
    return true;
}

bool doctor_edges_read(const char *root, const char *device, struct doctor_edges *e)
{
    *e = (struct doctor_edges){0};
    e->has_assert = read_edge(root, device, "assert", &e->assert_seq, &e->assert_at);
    e->has_clear = read_edge(root, device, "clear", &e->clear_seq, &e->clear_at);
    return e->has_assert || e->has_clear;
}

/* The named one, the daemon's, the first that may be listened to, or the first at all. */
static const struct find_port *choose(const struct doctor *d)
{
    const struct find *f = &d->find;
    for (size_t i = 0; i < f->count && *d->wants.device; i++)
        if (!strcmp(f->port[i].device, d->wants.device) ||
            !strcmp(f->port[i].link, d->wants.device))
            return &f->port[i];
    if (*d->wants.device)
        return NULL;
    for (size_t i = 0; i < f->count; i++)
        if (!strncmp(f->port[i].holder, "timeball", strlen("timeball")))
            return &f->port[i];
    for (size_t i = 0; i < f->count; i++)
        if (f->port[i].bar == FIND_FREE)
            return &f->port[i];
    return f->count ? f->port : NULL;
}

/* The named one, or the port's own, or the only pin. */
static const struct find_pulse *choose_pulse(const struct doctor *d)
{
    const struct find *f = &d->find;
    const struct find_pulse *pin = NULL;
    for (size_t i = 0; i < f->pulses; i++) {
        if (*d->wants.pps &&
            (!strcmp(f->pulse[i].device, d->wants.pps) || !strcmp(f->pulse[i].tty, d->wants.pps)))
            return &f->pulse[i];
        if (!*f->pulse[i].tty && !pin)
            pin = &f->pulse[i];
    }
    if (*d->wants.pps)
        return NULL;
    if (d->chosen && d->chosen->pulse >= 0)
        return &f->pulse[d->chosen->pulse];
    return pin;
}

void doctor_look(struct doctor *d)
{
    find_scan(d->root, *d->wants.device ? d->wants.device : NULL, &d->find);
    doctor_boot_read(d->root, d->find.model, &d->boot);
    d->chosen = choose(d);
    d->pulse = choose_pulse(d);
}

void doctor_run(struct doctor *d)
{
    for (int i = 0; i < DOCTOR_LINKS; i++)
        d->link[i] = (struct doctor_finding){.state = DOCTOR_UNKNOWN};
    for (int i = 0; i < DOCTOR_LINKS; i++)
        d->link[i] = doctor_rows[i].look(d);
}

int doctor_first(const struct doctor *d)
{
    for (int i = 0; i < DOCTOR_LINKS; i++)
        if (d->link[i].state == DOCTOR_BROKEN)
            return i;
    return -1;
}
