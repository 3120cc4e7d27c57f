/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx.h"

#include <math.h>
#include <string.h>

#include "drivers/era.h"
#include "drivers/ubx/ubx_leap.h"
#include "refclock/civil.h"

/* TIM-TP, flags; the lower half of refInfo. */
enum { BASE_UTC = 0x01, UTC_AVAILABLE = 0x02, SAWTOOTH_INVALID = 0x10 };
enum { REFERENCE_GPS = 0, REFERENCE_GALILEO = 3 };

#define DOP_UNKNOWN 9999

static void pass_epoch(void *arg, const struct nmea_epoch *e)
{
    const struct ubx *u = arg;
    u->sink->epoch(u->arg, e);
}

void ubx_init(struct ubx *u, int64_t pivot, const struct ubx_sink *sink, void *arg)
{
    memset(u, 0, sizeof *u);
    u->sink = sink;
    u->arg = arg;
    u->epochs.pivot = pivot;
    ubx_reset(u);
}

void ubx_reset(struct ubx *u)
{
    ubx_epochs_init(&u->epochs, u->epochs.pivot, pass_epoch, u);
    u->pulse = (struct ubx_pulse){0};
    ubx_report_init(&u->told);
    u->fix = 0;
    u->pdop = u->hdop = (double)NAN;
    u->sat = false;
}

static double dop(int64_t hundredths)
{
    return hundredths > 0 && hundredths < DOP_UNKNOWN ? (double)hundredths / 100 : (double)NAN;
}

static void note_fix(struct ubx *u, const struct ubx_message *m)
{
    u->fix = m->flags & 1 ? m->fix == 2 ? 2 : m->fix == 3 || m->fix == 4 ? 3 : 0 : 0;
}

static void take_sky(struct ubx *u, const struct ubx_message *m)
{
    struct sky sky = {.count = m->count, .fix = u->fix, .pdop = u->pdop, .hdop = u->hdop};
    u->sat |= m->kind == UBX_NAV_SAT;
    if (!u->sink->sky || (u->sat && m->kind == UBX_NAV_SVINFO))
        return;
    for (int i = 0; i < m->count; i++) {
        sky.satellite[i] = m->satellite[i];
        sky.used += m->satellite[i].used;
    }
    u->sink->sky(u->arg, &sky);
}

/* The POSIX second of an announced pulse; INT64_MIN: not known, or it is at none. */
static int64_t pulse_second(const struct ubx *u, const struct ubx_message *m)
{
    static const struct civil gps_start = {.year = 1980, .month = 1, .day = 6};
    int64_t second = civil_to_posix(&gps_start) + m->week * 7 * 86400 + (m->itow + 500) / 1000;
    int64_t system = m->reference & 15;
    bool moved;
    if ((m->itow + 1) % 1000 > 2)
        return INT64_MIN;
    if (m->raised & BASE_UTC) {
        if (!(m->raised & UTC_AVAILABLE))
            return INT64_MIN;
    } else if (u->epochs.leap_known && (system == REFERENCE_GPS || system == REFERENCE_GALILEO)) {
        second -= u->epochs.leap;
    } else {
        return INT64_MIN;
    }
    return era_resolve(u->epochs.pivot, &second, &moved) ? second : INT64_MIN;
}

static void take_pulse(struct ubx *u, const struct ubx_message *m, int64_t local)
{
    bool valid = !(m->raised & SAWTOOTH_INVALID);
    u->pulse = (struct ubx_pulse){
        .given = true,
        .valid = valid,
        .sawtooth = (double)m->sawtooth * 1e-12,
        .week = m->week,
        .tow = m->itow,
        .utc = m->raised & BASE_UTC,
        .local = local,
    };
    ++*(valid ? &u->counts.pulses : &u->counts.no_pulses);
    const struct sawtooth s = {
        .local = local, .second = pulse_second(u, m), .error = u->pulse.sawtooth};
    if (valid && u->sink->sawtooth)
        u->sink->sawtooth(u->arg, &s);
}

static void take_leap(struct ubx *u, const struct ubx_message *m)
{
    struct leap_claim claim;
    if (u->sink->leap && ubx_leap_claim(&u->epochs, m, &claim))
        u->sink->leap(u->arg, &claim);
}

static void take_message(struct ubx *u, const struct ubx_message *m, int64_t local)
{
    switch (m->kind) {
    case UBX_NAV_PVT:
    case UBX_NAV_SOL:
        note_fix(u, m);
        u->pdop = dop(m->pdop);
        break;
    case UBX_NAV_STATUS:
        note_fix(u, m);
        break;
    case UBX_NAV_DOP:
        u->pdop = dop(m->pdop);
        u->hdop = dop(m->hdop);
        break;
    case UBX_NAV_SAT:
    case UBX_NAV_SVINFO:
        take_sky(u, m);
        break;
    case UBX_TIM_TP:
        take_pulse(u, m, local);
        break;
    case UBX_NAV_TIMELS:
    case UBX_NAV_TIMEGPS:
        take_leap(u, m);
        break;
    default:
        break;
    }
}

void ubx_take(struct ubx *u, const struct ubx_frame *frame, int64_t local, int64_t burst)
{
    struct ubx_message m;
    enum ubx_decoded decoded = ubx_decode(frame, &m);
    enum ubx_decoded told = u->report ? ubx_report_take(&u->told, u->report, frame) : UBX_UNKNOWN;
    u->reported += told == UBX_DECODED;
    if (decoded == UBX_KNOWN || decoded == UBX_UNKNOWN)
        decoded = told == UBX_UNKNOWN ? decoded : told;
    switch (decoded) {
    case UBX_DECODED:
        if (m.kind == UBX_OTHER)
            break;
        if (!ubx_epochs_add(&u->epochs, &m, local, burst))
            u->counts.malformed++;
        take_message(u, &m, local);
        break;
    case UBX_KNOWN:
        u->counts.known++;
        break;
    case UBX_UNKNOWN:
        u->counts.unknown++;
        break;
    case UBX_MALFORMED:
        u->counts.malformed++;
        break;
    }
}

void ubx_tick(struct ubx *u, int64_t now)
{
    ubx_epochs_tick(&u->epochs, now);
}

bool ubx_pending(const struct ubx *u)
{
    return ubx_epochs_pending(&u->epochs);
}

void ubx_flush(struct ubx *u)
{
    ubx_epochs_flush(&u->epochs);
}
