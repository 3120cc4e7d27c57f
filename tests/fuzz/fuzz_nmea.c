/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes from a receiver, in any portions: framer, decoder, epochs, satellites. The first octet
 * chooses the portions and the pauses between them. What comes out must be within its bounds, and
 * whatever came before, good sentences are heard again.
 */
#include <stddef.h>
#include <stdint.h>

#include "drivers/nmea/nmea.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heard.h"

static const struct nmea_sink sink = {.epoch = on_epoch, .sky = on_sky};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
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
