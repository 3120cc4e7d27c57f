/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea_sky.h"

#include <math.h>
#include <string.h>

#define AGE_MAX 30

void nmea_sky_init(struct nmea_sky *s)
{
    *s = (struct nmea_sky){.sky = {.pdop = (double)NAN, .hdop = (double)NAN}};
}

/* Numbers that GPS talkers give to satellites of other systems (NMEA 0183 4.11, GSA, note 4). */
static char system_of_number(int id)
{
    static const struct {
        int first, last;
        char system;
    } ranges[] = {
        {1, 32, 'G'},    {33, 64, 'S'},   {65, 99, 'R'},   {120, 158, 'S'},
        {183, 202, 'J'}, {301, 336, 'E'}, {401, 463, 'C'}, {501, 514, 'I'},
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (id >= ranges[i].first && id <= ranges[i].last)
            return ranges[i].system;
    return '?';
}

/* The RINEX letter of a GSA's system id; '?': none. */
static char system_of_id(int system_id)
{
    static const char letters[] = "?GRECJI"; /* NMEA 0183 4.11, table 20 */
    return system_id > 0 && system_id < 7 ? letters[system_id] : letters[0];
}

/* The RINEX letter of a talker; '?': of any. */
static char system_of_talker(const char *talker)
{
    static const char talkers[] = "GP GL GA GB BD GI GQ QZ GN ", letters[] = "GRECCIJJ?";
    const char *at = strstr(talkers, talker);
    return letters[at ? (at - talkers) / 3 : 8];
}

static char system_of(const char *talker, int system_id, int id)
{
    char letter = system_of_id(system_id);
    if (!system_id)
        letter = system_of_talker(talker);
    if (letter == 'G' || letter == '?')
        letter = system_of_number(id);
    return letter;
}

/* The satellite, added where it is new; -1 when there is no room. */
static int find(struct nmea_sky *s, char system, int id)
{
    struct sky *sky = &s->sky;
    for (int i = 0; i < sky->count; i++)
        if (sky->satellite[i].system == system && sky->satellite[i].id == id)
            return i;
    if (sky->count == SKY_MAX)
        return -1;
    s->age[sky->count] = 1; /* not from a GSV */
    sky->satellite[sky->count] =
        (struct satellite){.system = system, .id = id, .elevation = -1, .azimuth = -1};
    return sky->count++;
}

static void add_gsa(struct nmea_sky *s, const struct nmea_message *m)
{
    const struct nmea_gsa *gsa = &m->gsa;
    if (!s->gsa) {
        s->sky.fix = 0;
        s->sky.pdop = s->sky.hdop = (double)NAN;
        for (int i = 0; i < s->sky.count; i++)
            s->sky.satellite[i].used = false;
        s->gsa = true;
    }
    int fix = gsa->fix > 1 ? gsa->fix : 0;
    if (fix > s->sky.fix)
        s->sky.fix = fix;
    if (isnan(s->sky.pdop))
        s->sky.pdop = gsa->pdop;
    if (isnan(s->sky.hdop))
        s->sky.hdop = gsa->hdop;
    for (int i = 0; i < gsa->count && fix; i++) {
        int at = find(s, system_of(m->talker, gsa->system, gsa->id[i]), gsa->id[i]);
        if (at >= 0)
            s->sky.satellite[at].used = true;
    }
}

static void note_system(struct nmea_sky *s, char system)
{
    size_t length = strlen(s->systems);
    if (!strchr(s->systems, system) && length + 1 < sizeof s->systems)
        s->systems[length] = system;
}

/* A satellite may come once a signal: the strongest counts. */
static void add_gsv(struct nmea_sky *s, const struct nmea_message *m)
{
    for (int i = 0; i < m->gsv.count; i++) {
        char system = system_of(m->talker, 0, m->gsv.satellite[i].id);
        int at = find(s, system, m->gsv.satellite[i].id);
        note_system(s, system);
        if (at < 0)
            continue;
        struct satellite *sat = &s->sky.satellite[at];
        if (s->age[at] > 0 || m->gsv.satellite[i].cn0 > sat->cn0)
            sat->cn0 = m->gsv.satellite[i].cn0;
        sat->elevation = m->gsv.satellite[i].elevation;
        sat->azimuth = m->gsv.satellite[i].azimuth;
        s->age[at] = 0;
    }
}

void nmea_sky_add(struct nmea_sky *s, const struct nmea_message *m)
{
    if (m->kind != NMEA_GSA && m->kind != NMEA_GSV)
        return;
    s->changed = true;
    if (m->kind == NMEA_GSA)
        add_gsa(s, m);
    else
        add_gsv(s, m);
}

/* Gone: its system had a GSV in this epoch without it, or none for long. Used ones stay. */
static bool gone(const struct nmea_sky *s, int i)
{
    const struct satellite *sat = &s->sky.satellite[i];
    return !sat->used && s->age[i] > 0 && (s->age[i] > AGE_MAX || strchr(s->systems, sat->system));
}

bool nmea_sky_take(struct nmea_sky *s, struct sky *out)
{
    if (!s->changed)
        return false;
    int kept = 0;
    s->sky.used = 0;
    for (int i = 0; i < s->sky.count; i++) {
        if (gone(s, i))
            continue;
        s->sky.satellite[kept] = s->sky.satellite[i];
        s->age[kept] = s->age[i] < UINT8_MAX ? (uint8_t)(s->age[i] + 1) : UINT8_MAX;
        s->sky.used += s->sky.satellite[kept].used;
        kept++;
    }
    s->sky.count = kept;
    *out = s->sky;
    s->changed = s->gsa = false;
    memset(s->systems, 0, sizeof s->systems);
    return true;
}
