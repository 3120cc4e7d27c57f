/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/gpsd/gpsd_json.h"

#include <errno.h>
#include <gps.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"

#if GPSD_API_MAJOR_VERSION < 9
#error "libgps is older than API 9 (gpsd 3.20), whose times are not exact; set TIMEBALL_GPSD to OFF"
#endif

#define SECOND_MAX INT64_C(9000000000) /* of an instant that int64_t ns can hold */
#define TEXT(x)    #x
#define NUMBER(x)  TEXT(x)

struct gpsd_json {
    struct gps_data_t data;
#if GPSD_API_MAJOR_VERSION >= 14
    struct privdata_t private; /* libgps looks there since then */
#endif
};

struct gpsd_json *gpsd_json_open(struct err *err)
{
    struct gpsd_json *j = calloc(1, sizeof *j);
    if (!j)
        err_errno(err, "refclock gpsd", "", "starting", ENOMEM);
#if GPSD_API_MAJOR_VERSION >= 14
    else
        j->data.privdata = &j->private;
#endif
    return j;
}

void gpsd_json_close(struct gpsd_json *j)
{
    free(j);
}

const char *gpsd_json_library(void)
{
    return "libgps API " NUMBER(GPSD_API_MAJOR_VERSION) "." NUMBER(GPSD_API_MINOR_VERSION);
}

static bool instant(const struct timespec *ts, int64_t *out)
{
    if (ts->tv_sec <= 0 || ts->tv_sec >= SECOND_MAX || ts->tv_nsec < 0 || ts->tv_nsec >= NS_PER_S)
        return false;
    *out = (int64_t)ts->tv_sec * NS_PER_S + ts->tv_nsec;
    return true;
}

static int whole(double value, int low, int high, int unknown)
{
    return isfinite(value) && value >= low && value <= high ? (int)lrint(value) : unknown;
}

static char system_of(int gnssid)
{
    static const char letters[] = "GSECIJRI"; /* 4, IMES, is no satellite */
    return gnssid >= 0 && gnssid < (int)sizeof letters - 1 && gnssid != 4 ? letters[gnssid] : '?';
}

static void read_satellite(const struct satellite_t *from, struct satellite *to)
{
    bool named = from->svid != 0;
    *to = (struct satellite){
        .system = named ? system_of(from->gnssid) : '?',
        .id = named ? from->svid : from->PRN,
        .elevation = whole(from->elevation, 0, 90, -1),
        .azimuth = whole(from->azimuth, 0, 360, -1),
        .cn0 = whole(from->ss, 0, 99, 0),
        .used = from->used,
    };
}

static void read_sky(const struct gps_data_t *g, struct gpsd_message *m)
{
    struct sky *sky = &m->sky;
    m->class = GPSD_SKY;
    m->whole = g->satellites_visible > 0;
    sky->pdop = isfinite(g->dop.pdop) && g->dop.pdop > 0 ? g->dop.pdop : (double)NAN;
    sky->hdop = isfinite(g->dop.hdop) && g->dop.hdop > 0 ? g->dop.hdop : (double)NAN;
    for (int i = 0; i < g->satellites_visible && i < MAXCHANNELS && sky->count < SKY_MAX; i++) {
        read_satellite(&g->skyview[i], &sky->satellite[sky->count]);
        sky->used += sky->satellite[sky->count++].used;
    }
}

static void read_state(const struct gps_data_t *g, struct gpsd_message *m)
{
    m->jam = -1;
    m->clock_bias = m->clock_drift = NAN;
#if GPSD_API_MAJOR_VERSION >= 14
    static const int antennas[] = {
        [ANT_UNK] = ANTENNA_UNKNOWN,
        [ANT_OK] = ANTENNA_OK,
        [ANT_OPEN] = ANTENNA_OPEN,
        [ANT_SHORT] = ANTENNA_SHORT,
    };
    int antenna = g->fix.ant_stat;
    m->antenna = antenna >= ANT_UNK && antenna <= ANT_SHORT ? antennas[antenna] : ANTENNA_UNKNOWN;
    m->jam = g->fix.jam >= 0 && g->fix.jam <= 255 ? g->fix.jam : -1;
    if (g->fix.clockbias || g->fix.clockdrift) {
        m->clock_bias = (double)g->fix.clockbias * 1e-9;
        m->clock_drift = (double)g->fix.clockdrift * 1e-9;
    }
    m->reports = m->antenna != ANTENNA_UNKNOWN || m->jam > 0 || !isnan(m->clock_bias);
#else
    (void)g;
#endif
}

static int read_fix(const struct gps_data_t *g, struct gpsd_message *m)
{
    m->class = GPSD_TPV;
    m->mode = g->fix.mode >= MODE_NOT_SEEN && g->fix.mode <= MODE_3D ? g->fix.mode : MODE_NOT_SEEN;
    m->simulated = g->fix.status == STATUS_SIM;
    m->leap = g->leap_seconds > 0 && g->leap_seconds < 200 ? g->leap_seconds : 0;
    read_state(g, m);
    if (!g->fix.time.tv_sec)
        return 0;
    return instant(&g->fix.time, &m->time) ? 0 : -1;
}

/* libgps of gpsd 3.22 puts the times of TOFF where those of PPS belong. */
static int read_pulse(const struct gps_data_t *g, bool pulse, struct gpsd_message *m)
{
    const struct timedelta_t *t = pulse || !g->toff.real.tv_sec ? &g->pps : &g->toff;
    m->class = pulse ? GPSD_PPS : GPSD_TOFF;
    m->sawtooth = pulse && labs(g->qErr) < 1000000 ? (double)g->qErr * 1e-12 : 0;
    return instant(&t->real, &m->real) && instant(&t->clock, &m->clock) ? 0 : -1;
}

static void read_version(const struct gps_data_t *g, struct gpsd_message *m)
{
    m->class = GPSD_VERSION;
    m->major = g->version.proto_major;
    m->minor = g->version.proto_minor;
    snprintf(m->release, sizeof m->release, "%.63s", g->version.release);
}

/* What an earlier message left would pass for this one's. */
static void forget(struct gps_data_t *g)
{
    g->set = 0;
    g->satellites_visible = g->satellites_used = g->leap_seconds = 0;
    g->fix.time = (struct timespec){0};
    g->fix.mode = MODE_NOT_SEEN;
    g->fix.status = 0;
    g->toff = g->pps = (struct timedelta_t){0};
    g->qErr = 0;
    memset(g->dev.path, 0, sizeof g->dev.path);
}

/* An object in another, that has a class of its own. */
static bool holds_classes(const char *line)
{
    static const char word[] = "\"class\"";
    const char *first = strstr(line, word);
    return first && strstr(first + sizeof word - 1, word);
}

/*
 * libgps reads on for ever in some texts that are no JSON, and in some of the classes below with
 * members that have a class. So it gets none of those, and only the classes that are used here. 1:
 * it may read this; 0: another class; -1: no object, or one that none of these classes is.
 */
static int look(const char *line)
{
    static const char *const classes[] = {"VERSION", "TPV", "SKY", "PPS", "TOFF"};
    json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
    const char *class = json_string_value(json_object_get(object, "class"));
    int result = class ? 0 : -1;
    for (size_t i = 0; class && i < sizeof classes / sizeof *classes; i++)
        result |= !strcmp(class, classes[i]);
    json_decref(object);
    return result == 1 && holds_classes(line) ? -1 : result;
}

int gpsd_json_read(struct gpsd_json *j, char *line, struct gpsd_message *m)
{
    struct gps_data_t *g = &j->data;
    memset(m, 0, sizeof *m);
    forget(g);
    int known = look(line);
    if (known <= 0)
        return known;
    if (gps_unpack(line, g) < 0)
        return -1;
    snprintf(m->device, sizeof m->device, "%.*s", (int)sizeof m->device - 1, g->dev.path);
    if (g->set & VERSION_SET)
        read_version(g, m);
    else if (g->set & (PPS_SET | TOFF_SET))
        return read_pulse(g, g->set & PPS_SET, m);
    else if (g->set & SATELLITE_SET)
        read_sky(g, m);
    else if (g->set & MODE_SET)
        return read_fix(g, m);
    return 0;
}
