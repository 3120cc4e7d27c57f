/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes from a receiver, in any portions: framer, decoder, epochs, satellites. The first octet
 * chooses the portions and the pauses between them. What comes out must be within its bounds, and
 * whatever came before, good sentences are heard again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "drivers/nmea.h"
#include "refclock/civil.h"

#define PIVOT INT64_C(1795478400) /* 2026-11-24 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define REQUIRE(condition) \
    do {                   \
        if (!(condition))  \
            abort();       \
    } while (0)

struct heard {
    int known; /* vouched for, of the sentences below */
};

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    struct heard *h = arg;
    int64_t into = e->second - (PIVOT + 43200);
    REQUIRE(e->nsec >= 0 && e->nsec < NS_PER_S);
    REQUIRE(e->dated || e->verdict != NMEA_VOUCHED);
    if (e->verdict != NMEA_VOUCHED)
        return;
    REQUIRE(e->second - PIVOT >= INT64_C(-513) * 7 * 86400);
    REQUIRE(e->second - PIVOT <= INT64_C(1024) * 7 * 86400);
    h->known += into >= 1 && into <= 3;
}

static void on_sky(void *arg, const struct sky *sky)
{
    int used = 0;
    (void)arg;
    REQUIRE(sky->count >= 0 && sky->count <= SKY_MAX);
    for (int i = 0; i < sky->count; i++) {
        const struct satellite *s = &sky->satellite[i];
        used += s->used;
        REQUIRE(s->elevation >= -1 && s->elevation <= 90 && s->azimuth >= -1 && s->azimuth <= 360);
        REQUIRE(s->cn0 >= 0 && s->cn0 <= 99 && s->id > 0 && s->system);
    }
    REQUIRE(used == sky->used);
}

static const struct nmea_sink sink = {.epoch = on_epoch, .sky = on_sky};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] = "$GPRMC,120001,A,,,,,,,241126*26\r\n"
                               "$GPRMC,120002,A,,,,,,,241126*25\r\n"
                               "$GPRMC,120003,A,,,,,,,241126*24\r\n";
    struct heard heard = {0};
    struct nmea nmea;
    uint8_t choice = size ? *data : 0;
    size_t portion = choice & 15 ? (size_t)(choice & 15) * 7 : SIZE_MAX;
    int64_t now = 0, pause = (choice >> 4) * INT64_C(30000000);
    nmea_init(&nmea, PIVOT, &sink, &heard);
    for (size_t at = 1; at < size; now += pause) {
        size_t part = size - at < portion ? size - at : portion;
        nmea_feed(&nmea, data + at, part, now);
        nmea_tick(&nmea, now + pause / 2);
        at += part;
    }
    heard.known = 0;
    nmea_feed(&nmea, good, sizeof good - 1, now);
    nmea_flush(&nmea);
    REQUIRE(heard.known >= 2);
    return 0;
}
