/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/daemon_drift.h"

#include "drivers/era.h"
#include "refclock/civil.h"
#include "refclock/delays.h"
#include "server/drift/drift.h"

/* It raises the pivot: of one from a time that never was, receivers' true dates would be refused.
 */
static bool believed(const struct daemon *d, const struct drift *drift)
{
    int64_t from, until;
    char written[40], last[40];
    era_window(d->world.era_pivot, &from, &until);
    if (drift_believed(drift, until * NS_PER_S, clock_now(d->world.loop->clock)))
        return true;
    log_say(d->world.log, LOG_LEVEL_WARNING,
            "%s: written on %.10s, but dates are believed until %.10s; starting without it",
            d->drift_path, civil_iso(drift->written, 0, written, sizeof written),
            civil_iso(until * NS_PER_S, 0, last, sizeof last));
    return false;
}

void daemon_drift_load(struct daemon *d)
{
    struct drift drift = {0};
    struct err err = {0};
    char line[560];
    const char *named = d->config->driftfile;
    d->drift_path = named;
    enum drift_found found =
        *named ? drift_find(named, DRIFT_PATH, &drift, &d->drift_path, &err) : DRIFT_NONE;
    if (*err.why)
        log_say(d->world.log, LOG_LEVEL_WARNING, "%s; starting without it",
                err_line(&err, line, sizeof line));
    if (d->drift_path != named)
        log_say(d->world.log, LOG_LEVEL_NOTICE, "%s is left as it is; what is learned goes to %s",
                named, d->drift_path);
    if (found == DRIFT_NONE || !believed(d, &drift))
        return;
    if (drift.written / NS_PER_S > d->world.era_pivot)
        d->world.era_pivot = drift.written / NS_PER_S;
    if (drift.damaged)
        log_say(d->world.log, LOG_LEVEL_WARNING,
                "%s: %d of its lines `delay` cannot be used and are left out; they are written "
                "anew",
                d->drift_path, drift.damaged);
    delays_remember(&d->refclock, drift.delay, drift.delays);
    drift_age(&drift, clock_now(d->world.loop->clock));
    refclock_warm(&d->refclock, &drift.memory);
    log_say(d->world.log, LOG_LEVEL_INFO, "%s: frequency %+.3f ppm, known to %.4f ppm",
            found == DRIFT_NUMBER ? named : d->drift_path, drift.memory.freq * 1e6,
            drift.memory.freq_error * 1e6);
}

void daemon_drift_save(struct daemon *d)
{
    struct drift drift = {.memory = refclock_memory(&d->refclock)};
    struct err err;
    char line[560];
    if (!*d->drift_path || !drift.memory.known)
        return;
    drift.delays = delays_memory(&d->refclock, drift.delay);
    drift.written = daemon_status(d)->time;
    if (drift_write(d->drift_path, &drift, &err))
        log_say(d->world.log, LOG_LEVEL_WARNING, "%s", err_line(&err, line, sizeof line));
}
