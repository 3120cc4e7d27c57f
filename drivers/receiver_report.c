/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/receiver_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* WGS 84 (NIMA TR8350.2, table 3.1). */
#define EARTH_RADIUS     6378137.0
#define EARTH_FLATTENING (1 / 298.257223563)
#define DEGREE           0.017453292519943295

void receiver_report_init(struct receiver_report *r)
{
    const double unknown = (double)NAN;
    *r = (struct receiver_report){
        .jam_level = -1,
        .survey_accuracy = unknown,
        .survey_age = unknown,
        .time_accuracy = unknown,
        .position_accuracy = unknown,
        .clock_bias = unknown,
        .clock_drift = unknown,
        .usual_delay = unknown,
        .pulse_width = unknown,
        .cable_delay = unknown,
        .output_load = -1,
    };
}

/* Both enumerations: unknown, not monitored, good, then bad ones. */
int receiver_report_worse(int a, int b)
{
    _Static_assert((int)ANTENNA_OK == (int)INTERFERENCE_NONE, "alike");
    int more = a > b ? a : b, less = a > b ? b : a;
    return more > INTERFERENCE_NONE ? more : less;
}

bool receiver_report_supervised(const char *text)
{
    return strstr(text, "SD") || strstr(text, "OD");
}

void receiver_report_position(struct receiver_report *r, double latitude, double longitude,
                              double height, double accuracy)
{
    const double e2 = EARTH_FLATTENING * (2 - EARTH_FLATTENING);
    double sin_lat = sin(latitude * DEGREE), cos_lat = cos(latitude * DEGREE);
    double normal = EARTH_RADIUS / sqrt(1 - e2 * sin_lat * sin_lat);
    r->positioned = true;
    r->ecef[0] = (normal + height) * cos_lat * cos(longitude * DEGREE);
    r->ecef[1] = (normal + height) * cos_lat * sin(longitude * DEGREE);
    r->ecef[2] = (normal * (1 - e2) + height) * sin_lat;
    r->position_accuracy = accuracy;
}

/* Bowring's formula: good to micrometres near the ground. */
void receiver_report_geodetic(const double ecef[3], double *latitude, double *longitude,
                              double *height)
{
    const double e2 = EARTH_FLATTENING * (2 - EARTH_FLATTENING), b = 1 - EARTH_FLATTENING;
    double axis = hypot(ecef[0], ecef[1]);
    double aid = atan2(ecef[2], axis * b), s = sin(aid), c = cos(aid);
    double lat =
        atan2(ecef[2] + e2 / b * EARTH_RADIUS * s * s * s, axis - e2 * EARTH_RADIUS * c * c * c);
    double normal = EARTH_RADIUS / sqrt(1 - e2 * sin(lat) * sin(lat));
    *latitude = lat / DEGREE;
    *longitude = atan2(ecef[1], ecef[0]) / DEGREE;
    *height = axis * cos(lat) + ecef[2] * sin(lat) - normal * (1 - e2 * sin(lat) * sin(lat));
}

void receiver_report_text(char *to, size_t size, const void *from, size_t length)
{
    const unsigned char *text = from;
    size_t at = 0;
    for (size_t i = 0; i < length && text[i]; i++) {
        bool plain = text[i] >= ' ' && text[i] <= '~' && text[i] != '\\';
        if (at + (plain ? 1 : 4) >= size)
            break;
        if (plain)
            to[at++] = (char)text[i];
        else
            at += (size_t)snprintf(to + at, size - at, "\\x%02x", (unsigned)text[i]);
    }
    while (at > 0 && to[at - 1] == ' ')
        at--;
    to[at] = 0;
}
