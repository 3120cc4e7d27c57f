/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx.h"

#include <math.h>
#include <string.h>

/* TIM-TP, flags. */
enum { BASE_UTC = 0x01, SAWTOOTH_INVALID = 0x10 };

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
    u->version[0] = 0;
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
    case UBX_MON_VER:
        memcpy(u->version, m->version, sizeof u->version);
        break;
    default:
        break;
    }
}

void ubx_take(struct ubx *u, const struct ubx_frame *frame, int64_t local, int64_t burst)
{
    struct ubx_message m;
    switch (ubx_decode(frame, &m)) {
    case UBX_DECODED:
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
