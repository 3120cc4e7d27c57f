/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntpq/sources.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/receiver.h"
#include "refclock/select.h"

/* ntpd's number and names for what a driver does; those that ntpd has no number for have the number
 * of the nearest. */
static const struct clock_type {
    const char *driver;
    uint8_t type;
    const char *word, *refid;
} clock_types[] = {
    {"nmea", 20, "NMEA", "GPS"},  {"pps", 22, "PPS", "PPS"},    {"extts", 22, "PPS", "PPS"},
    {"shm", 28, "SHM", "SHM"},    {"sock", 28, "SOCK", "SOCK"}, {"phc", 28, "PHC", "PHC"},
    {"gpsd", 46, "GPSD", "GPSD"}, {"auto", 20, "AUTO", "GPS"},
};
static const struct clock_type other_type = {"", 28, "CLOCK", "GPS"};

enum { /* peer selection, RFC 9327 section 3.2 */
       SELECTED_REJECT = 0,
       SELECTED_FALSETICKER = 1,
       SELECTED_OUTLIER = 3,
       SELECTED_CANDIDATE = 4,
       SELECTED_SYSTEM = 6,
       SELECTED_PPS = 7
};
#define PEER_CONFIGURED 0x8000
#define PEER_REACHABLE  0x1000

#define FLASH_UNREACHABLE 0x1000 /* TEST13 */

enum { SOURCE_NONE = 0, SOURCE_PPS = 1, SOURCE_RADIO = 4, SOURCE_NTP = 6 };

static bool is_network(const struct status_source *s)
{
    return !strcmp(s->driver, "server") || !strcmp(s->driver, "pool");
}

static const struct clock_type *type_of(const struct status_source *s)
{
    for (size_t i = 0; i < sizeof clock_types / sizeof *clock_types; i++)
        if (!strcmp(clock_types[i].driver, s->driver))
            return &clock_types[i];
    return &other_type;
}

static bool gives_only_pulses(const struct status_source *s)
{
    const struct driver_ops *ops = driver_find(s->driver);
    return ops && ops->gives & DRIVER_PULSES && !(ops->gives & DRIVER_MESSAGES);
}

/* ---- the list ---- */

static bool id_taken(const struct ntpq_associations *a, uint16_t id)
{
    for (int i = 0; i < a->count; i++)
        if (a->of[i].id == id)
            return true;
    return false;
}

static bool unit_taken(const struct ntpq_associations *a, uint8_t type, unsigned unit)
{
    for (int i = 0; i < a->count; i++)
        if (a->of[i].type == type && a->of[i].unit == unit)
            return true;
    return false;
}

/* The number that a device's path ends with: /dev/pps1 is unit 1. */
static unsigned unit_wanted(const char *path)
{
    size_t n = strlen(path);
    while (n && path[n - 1] >= '0' && path[n - 1] <= '9')
        n--;
    unsigned long unit = strtoul(path + n, NULL, 10);
    return unit <= 255 ? (unsigned)unit : 0;
}

static void number(struct ntpq_associations *a, struct ntpq_association *to,
                   const struct status_source *s)
{
    do
        a->last++;
    while (!a->last || id_taken(a, a->last));
    to->id = a->last;
    if (is_network(s))
        return;
    uint8_t type = type_of(s)->type;
    unsigned unit = unit_wanted(s->path);
    while (unit_taken(a, type, unit))
        unit = (unit + 1) % 256;
    to->type = type;
    to->unit = (uint8_t)unit;
}

static void make_key(const struct status_source *s, char *key, size_t size)
{
    bool pool = !strcmp(s->driver, "pool");
    snprintf(key, size, "%s%s%s", s->name, pool ? " " : "", pool ? s->peer.address : "");
}

/* The source as it was in the last list; each is taken once, so two lines may be alike. */
static struct ntpq_association *find(struct ntpq_associations *before, const char *key)
{
    for (int i = 0; i < before->count; i++)
        if (before->of[i].id && !strcmp(before->of[i].key, key))
            return &before->of[i];
    return NULL;
}

void ntpq_associations_update(struct ntpq_associations *a, const struct status *s)
{
    struct ntpq_associations before = *a;
    bool fresh[STATUS_SOURCES_MAX] = {0};
    a->count = s->source_count;
    for (int i = 0; i < a->count; i++) {
        struct ntpq_association *to = &a->of[i], *old;
        *to = (struct ntpq_association){0};
        make_key(&s->source[i], to->key, sizeof to->key);
        old = find(&before, to->key);
        fresh[i] = !old;
        if (!old)
            continue;
        *to = *old;
        old->id = 0;
    }
    for (int i = 0; i < a->count; i++)
        if (fresh[i])
            number(a, &a->of[i], &s->source[i]);
}

/* ---- status words ---- */

static unsigned selection(const struct status_source *s)
{
    bool contradicts = !strcmp(s->verdict, select_verdict_name(VERDICT_FALSE)) ||
                       !strcmp(s->verdict, select_verdict_name(VERDICT_UNDECIDED));
    if (contradicts)
        return SELECTED_FALSETICKER;
    if (s->used)
        return gives_only_pulses(s) ? SELECTED_PPS : SELECTED_SYSTEM;
    if (strcmp(s->verdict, select_verdict_name(VERDICT_STANDBY)) != 0)
        return SELECTED_REJECT;
    return s->trust == TRUST_DOUBTFUL ? SELECTED_OUTLIER : SELECTED_CANDIDATE;
}

uint16_t ntpq_peer_status(const struct status_source *s)
{
    unsigned word = selection(s) << 8;
    if (strcmp(s->driver, "pool") != 0)
        word |= PEER_CONFIGURED;
    if (s->reach)
        word |= PEER_REACHABLE;
    return (uint16_t)word;
}

int ntpq_system_peer(const struct status *s)
{
    int used = -1;
    for (int i = 0; i < s->source_count; i++)
        if (s->source[i].used && (used < 0 || gives_only_pulses(&s->source[i])))
            used = i;
    return used;
}

uint16_t ntpq_system_status(const struct status *s)
{
    int peer = ntpq_system_peer(s);
    unsigned source = SOURCE_NONE;
    if (peer >= 0)
        source = is_network(&s->source[peer]) ? SOURCE_NTP
                 : *s->source[peer].numbering ? SOURCE_PPS
                                              : SOURCE_RADIO;
    return (uint16_t)(((unsigned)s->clock.leap & 3) << 14 | source << 8);
}

uint16_t ntpq_clock_status(const struct status_source *s)
{
    return (uint16_t)((s->health == HEALTH_CLOSED ? 3u : s->health == HEALTH_OK ? 0u : 1u) << 8);
}

/* ---- what is told of one ---- */

static void describe_clock(const struct ntpq_association *a, const struct status_source *s,
                           struct ntpq_source *to)
{
    const struct clock_type *type = type_of(s);
    to->clock = true;
    snprintf(to->srcadr, sizeof to->srcadr, "127.127.%u.%u", a->type, a->unit);
    snprintf(to->srchost, sizeof to->srchost, "%s(%u)", type->word, a->unit);
    snprintf(to->dstadr, sizeof to->dstadr, "127.0.0.1");
    snprintf(to->refid, sizeof to->refid, "%s", type->refid);
    to->pmode = 4;
}

static void describe_server(const struct status_source *s, struct ntpq_source *to)
{
    const struct status_peer *p = &s->peer;
    bool v6 = strchr(p->address, ':');
    const char *nowhere = v6 ? "::" : "0.0.0.0";
    snprintf(to->srcadr, sizeof to->srcadr, "%s", *p->address ? p->address : nowhere);
    snprintf(to->srchost, sizeof to->srchost, "%s", s->path);
    snprintf(to->dstadr, sizeof to->dstadr, "%s", nowhere);
    to->hpoll = to->ppoll = p->poll;
    if (!p->stratum) {
        to->stratum = 16;
        snprintf(to->refid, sizeof to->refid, "INIT");
        return;
    }
    to->stratum = p->stratum;
    to->pmode = 4;
    if (p->stratum == 1)
        status_refid(p->refid, to->refid, sizeof to->refid);
    else
        snprintf(to->refid, sizeof to->refid, "%u.%u.%u.%u", p->refid >> 24, p->refid >> 16 & 255,
                 p->refid >> 8 & 255, p->refid & 255);
}

/* As of an association that was heard once: the stages that follow are empty. */
static void put_stages(char *to, size_t size, double newest, const char *empty)
{
    int n = snprintf(to, size, "%.2f", isfinite(newest) ? newest * 1e3 : 0);
    for (int i = 1; i < 8 && n > 0 && (size_t)n < size; i++)
        n += snprintf(to + n, size - (size_t)n, " %s", empty);
}

void ntpq_source_describe(const struct ntpq_associations *a, const struct status *s, int index,
                          struct ntpq_source *to)
{
    const struct status_source *from = &s->source[index];
    *to = (struct ntpq_source){
        .status = ntpq_peer_status(from),
        .srcport = 123,
        .dstport = 123,
        .hmode = 3,
        .leap = from->reach ? LEAP_NONE : LEAP_UNKNOWN,
        .unreach = !from->reach,
        .precision = s->clock.precision,
        .dispersion = from->bound,
        .flash = from->reach ? 0 : FLASH_UNREACHABLE,
    };
    put_stages(to->filtdelay, sizeof to->filtdelay, from->peer.delay, "0.00");
    put_stages(to->filtoffset, sizeof to->filtoffset, from->offset, "0.00");
    put_stages(to->filtdisp, sizeof to->filtdisp, from->bound, "16000.0");
    if (isfinite(from->age))
        to->rec = s->time - (int64_t)(from->age * 1e9);
    if (is_network(from))
        describe_server(from, to);
    else
        describe_clock(&a->of[index], from, to);
}
