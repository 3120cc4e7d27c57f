/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/status/status.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void status_init(struct status *s)
{
    memset(s, 0, sizeof *s);
    s->version = STATUS_VERSION;
    snprintf(s->release, sizeof s->release, "%s", TIMEBALL_VERSION);
    s->process.cpu_latency = s->bound = s->sky.age = s->sky.sky.pdop = s->sky.sky.hdop = NAN;
    struct status_clock *c = &s->clock;
    c->stratum = 16;
    c->leap = s->leap.served = LEAP_UNKNOWN;
    s->leap.tai = LEAP_COUNT_UNKNOWN;
    c->offset = c->rate = c->frequency = c->frequency_error = NAN;
    c->bound_stat = c->bound_total = c->root_delay = c->root_dispersion = NAN;
    c->latency = c->latency_uncertainty = c->last_step = c->foreign_step = NAN;
    c->celsius = c->per_kelvin = c->per_kelvin_error = NAN;
    c->noise_pulse = c->noise_white_fm = c->noise_walk_fm = NAN;
    c->delay = c->delay_low = c->delay_high = c->margin = NAN;
    for (int i = 0; i < STATUS_SOURCES_MAX; i++) {
        struct status_peer *p = &s->source[i].peer;
        p->delay = p->delay_least = p->error = p->root_delay = p->root_dispersion = NAN;
        p->offset = p->jitter = p->dispersion = p->root_distance = NAN;
        s->source[i].offset = s->source[i].jitter = s->source[i].age = s->source[i].says =
            s->source[i].bound = s->source[i].bias = NAN;
        struct status_report *r = &s->source[i].report;
        receiver_report_init(&r->said);
        r->latitude = r->longitude = NAN;
    }
}

void status_text(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from);
}

const char *status_refid(uint32_t refid, char *buf, size_t size)
{
    unsigned char c[4] = {(unsigned char)(refid >> 24), (unsigned char)(refid >> 16),
                          (unsigned char)(refid >> 8), (unsigned char)refid};
    size_t n = 0;
    while (n < 4 && c[n] > 0x20 && c[n] < 0x7f)
        n++;
    bool letters = n > 0;
    for (size_t i = n; i < 4; i++)
        letters = letters && !c[i];
    if (letters)
        snprintf(buf, size, "%.*s", (int)n, (const char *)c);
    else
        snprintf(buf, size, "%u.%u.%u.%u", c[0], c[1], c[2], c[3]);
    return buf;
}

void status_count(struct status_counters *c, const char *name, uint64_t value)
{
    if (c->count >= STATUS_COUNTERS_MAX)
        return;
    struct status_counter *item = &c->item[c->count++];
    snprintf(item->name, sizeof item->name, "%s", name);
    item->value = value;
}

void status_count_driver(struct status_counters *c, const struct driver *d)
{
    for (const struct counter_row *row = d->ops->counters; row && row->name; row++) {
        uint64_t value;
        memcpy(&value, (const char *)d + row->offset, sizeof value);
        status_count(c, row->name, value);
    }
}

const struct status_row *status_find(const struct status_row *rows, const char *name)
{
    for (; rows->name; rows++)
        if (!strcmp(rows->name, name))
            return rows;
    return NULL;
}

uint64_t status_counted(const struct status_counters *c, const char *name)
{
    for (int i = 0; i < c->count; i++)
        if (!strcmp(c->item[i].name, name))
            return c->item[i].value;
    return 0;
}
