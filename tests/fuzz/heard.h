/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_HEARD_H
#define TIMEBALL_TESTS_HEARD_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/nmea/nmea.h"
#include "refclock/civil.h"
#include "tests/fuzz/fuzz.h"

/* What is heard of a receiver that may send anything: it must be within its bounds. */

#define PIVOT INT64_C(1795478400) /* 2026-11-24 */

/* Sentences that are heard whatever came before. */
static const char good[] = "$GPRMC,120001,A,,,,,,,241126*26\r\n"
                           "$GPRMC,120002,A,,,,,,,241126*25\r\n"
                           "$GPRMC,120003,A,,,,,,,241126*24\r\n";

struct heard {
    int known; /* vouched for, of the good sentences */
};

static inline void on_epoch(void *arg, const struct nmea_epoch *e)
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

static inline void on_sky(void *arg, const struct sky *sky)
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

#endif
