/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/nmea/nmea.h"

#include <string.h>

static void count_epoch(void *arg, const struct nmea_epoch *e)
{
    struct nmea *n = arg;
    switch (e->verdict) {
    case NMEA_VOUCHED:
        n->counts.epochs++;
        n->counts.era_moved += e->era_moved;
        break;
    case NMEA_NO_FIX:
        n->counts.no_fix++;
        break;
    case NMEA_NO_WORD:
        n->counts.no_word++;
        break;
    case NMEA_NO_DATE:
        n->counts.no_date++;
        break;
    case NMEA_CONTRADICTION:
    case NMEA_NO_UTC:
        n->counts.contradictory++;
        break;
    }
    n->sink->epoch(n->arg, e);
}

void nmea_init(struct nmea *n, int64_t pivot, const struct nmea_sink *sink, void *arg)
{
    memset(n, 0, sizeof *n);
    n->sink = sink;
    n->arg = arg;
    n->epochs.pivot = pivot;
    nmea_reset(n);
}

void nmea_reset(struct nmea *n)
{
    nmea_framer_reset(&n->framer);
    nmea_epochs_init(&n->epochs, n->epochs.pivot, count_epoch, n);
    nmea_sky_init(&n->sky);
    nmea_report_init(&n->told);
    n->no_position = false;
    burst_init(&n->burst);
}

static void end_sky(struct nmea *n)
{
    struct sky sky;
    if (nmea_sky_take(&n->sky, &sky) && n->sink->sky)
        n->sink->sky(n->arg, &sky);
}

static void take_report(struct nmea *n)
{
    struct nmea_told told;
    if (!n->report)
        return;
    n->reported += nmea_report_take(&n->told, n->report, n->framer.text, !n->no_position, &told);
    const struct sawtooth s = {
        .local = n->framer.local, .second = INT64_MIN, .error = told.sawtooth};
    if (told.sawtooth_given && n->sink->sawtooth)
        n->sink->sawtooth(n->arg, &s);
    if (told.leap_given && n->sink->leap)
        n->sink->leap(n->arg, &told.leap);
}

static void take_sentence(struct nmea *n, int64_t burst)
{
    struct nmea_message m;
    n->counts.sentences++;
    take_report(n);
    enum nmea_decoded decoded = nmea_decode(n->framer.text, &m);
    if (decoded == NMEA_MALFORMED)
        n->counts.malformed++;
    if (decoded != NMEA_DECODED)
        return;
    bool begins = !nmea_epochs_same(&n->epochs, &m);
    if (!nmea_epochs_add(&n->epochs, &m, n->framer.local, burst))
        n->counts.malformed++;
    if (begins)
        end_sky(n);
    nmea_sky_add(&n->sky, &m);
}

void nmea_byte(struct nmea *n, uint8_t byte, int64_t local, int64_t burst)
{
    enum nmea_frame frame = nmea_frame_byte(&n->framer, byte, local);
    uint64_t *const damage[] = {
        [NMEA_FRAME_BAD_CHECKSUM] = &n->counts.bad_checksum,
        [NMEA_FRAME_NO_CHECKSUM] = &n->counts.no_checksum,
        [NMEA_FRAME_BROKEN] = &n->counts.broken,
    };
    if (frame == NMEA_FRAME_SENTENCE) {
        take_sentence(n, burst);
    } else if (frame != NMEA_FRAME_NONE) {
        ++*damage[frame];
        nmea_epochs_damaged(&n->epochs);
    }
}

void nmea_feed(struct nmea *n, const void *bytes, size_t size, int64_t now)
{
    const uint8_t *at = bytes;
    n->counts.bytes += size;
    for (size_t i = 0; i < size; i++) {
        burst_byte(&n->burst, now, at[i] == '$');
        nmea_byte(n, at[i], now, n->burst.start);
    }
}

void nmea_tick(struct nmea *n, int64_t now)
{
    nmea_epochs_tick(&n->epochs, now);
}

bool nmea_pending(const struct nmea *n)
{
    return nmea_epochs_pending(&n->epochs);
}

void nmea_flush(struct nmea *n)
{
    nmea_epochs_flush(&n->epochs);
    end_sky(n);
}
