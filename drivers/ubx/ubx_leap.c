/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_leap.h"

#define DAY_S       INT64_C(86400)
#define WEEK_MS     (7 * DAY_S * 1000)
#define TAI_GPS     19
#define COUNT_MAX   100 /* GPS - UTC, s: far more than there can be */
#define COUNTDOWN_S 2   /* a countdown leads to midnight within this */
#define AT_MOST_S   (400 * DAY_S)

/* srcOfCurrLs: what is no satellite. */
enum { NO_SOURCE = 0 }; /* srcOfLsChange */
enum { SOURCE_FIRMWARE = 0, SOURCE_AIDED = 6, SOURCE_CONFIGURED = 7, SOURCE_UNKNOWN = 255 };
enum { COUNT_VALID = 1, EVENT_VALID = 2, TIMEGPS_COUNT_VALID = 4 };

static bool received(int64_t source)
{
    return source != SOURCE_FIRMWARE && source != SOURCE_AIDED && source != SOURCE_CONFIGURED &&
           source != SOURCE_UNKNOWN;
}

static int tai(int64_t leap)
{
    return leap >= 0 && leap <= COUNT_MAX ? (int)leap + TAI_GPS : LEAP_COUNT_UNKNOWN;
}

/* POSIX second of the message; 0: not known. */
static int64_t second_of(const struct ubx_epochs *g, const struct ubx_message *m)
{
    int64_t since = m->itow - g->past_itow;
    if (!g->past.given || g->past.leap60)
        return 0;
    if (since < -WEEK_MS / 2)
        since += WEEK_MS;
    else if (since > WEEK_MS / 2)
        since -= WEEK_MS;
    return g->past.second + (since + (since < 0 ? -500 : 500)) / 1000;
}

static int64_t change_at(const struct ubx_epochs *g, const struct ubx_message *m)
{
    int64_t now = second_of(g, m);
    int64_t at = now + m->leap_in;
    int64_t midnight = (at + DAY_S / 2) / DAY_S * DAY_S;
    bool near = at - midnight <= COUNTDOWN_S && midnight - at <= COUNTDOWN_S;
    return now && near ? midnight : 0;
}

static void take_change(const struct ubx_epochs *g, const struct ubx_message *m,
                        struct leap_claim *c)
{
    bool ahead = m->leap_in > 0 && m->leap_in < AT_MOST_S;
    c->change = LEAP_NONE;
    if (!ahead || !m->leap_change)
        return;
    c->change = m->leap_change > 0 ? LEAP_INSERT : LEAP_DELETE;
    c->at = change_at(g, m);
}

bool ubx_leap_claim(const struct ubx_epochs *g, const struct ubx_message *m, struct leap_claim *c)
{
    *c = (struct leap_claim){.tai = LEAP_COUNT_UNKNOWN, .change = LEAP_UNKNOWN};
    if (m->kind == UBX_NAV_TIMEGPS) {
        c->confirmed = m->valid & TIMEGPS_COUNT_VALID;
        c->tai = tai(m->leap);
    } else if (m->kind == UBX_NAV_TIMELS) {
        bool given = m->valid & COUNT_VALID;
        c->confirmed = given && received(m->leap_source);
        c->tai = given && m->leap_source != SOURCE_UNKNOWN ? tai(m->leap) : LEAP_COUNT_UNKNOWN;
        if (m->valid & EVENT_VALID && (m->change_source != NO_SOURCE || !m->leap_change))
            take_change(g, m, c);
    } else {
        return false;
    }
    c->confirmed &= c->tai != LEAP_COUNT_UNKNOWN;
    return true;
}
