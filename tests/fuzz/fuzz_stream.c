/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes from a receiver, in any portions: NMEA, UBX and RTCM 3 between each other, decoders,
 * epochs, satellites. The first octet chooses the portions and the pauses between them; the second
 * may ask for right checksums (1: of UBX, 2: of NMEA), so that what the frames say is reached. What
 * comes out must be within its bounds, and whatever came before, good messages are heard again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/receiver/gnss.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heard.h"

static bool is_text(const char *text, size_t size)
{
    size_t length = strnlen(text, size);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return length < size;
}

static void on_report(void *arg, const struct receiver_report *r)
{
    (void)arg;
    REQUIRE(r->antenna >= ANTENNA_UNKNOWN && r->antenna <= ANTENNA_OPEN);
    REQUIRE(r->jamming >= INTERFERENCE_UNKNOWN && r->jamming <= INTERFERENCE_CRITICAL);
    REQUIRE(r->spoofing >= INTERFERENCE_UNKNOWN && r->spoofing <= INTERFERENCE_CRITICAL);
    REQUIRE(r->survey >= SURVEY_UNKNOWN && r->survey <= SURVEY_FIXED);
    REQUIRE(is_text(r->model, sizeof r->model) && is_text(r->firmware, sizeof r->firmware));
    REQUIRE(is_text(r->protocol, sizeof r->protocol) && is_text(r->notice, sizeof r->notice));
}

static void on_leap(void *arg, const struct leap_claim *c)
{
    (void)arg;
    REQUIRE(c->tai >= LEAP_COUNT_UNKNOWN && c->tai <= 400);
    REQUIRE(c->change <= LEAP_UNKNOWN);
    REQUIRE(c->at >= 0 && c->at <= INT64_C(1) << 40);
}

/* Gives what looks like a sentence the checksum that it needs. */
static void mend_text(uint8_t *bytes, size_t size)
{
    for (size_t begin = 0; begin < size; begin++) {
        static const char digits[] = "0123456789ABCDEF";
        uint8_t sum = 0;
        size_t at = begin + 1;
        if (bytes[begin] != '$')
            continue;
        while (at < size && bytes[at] != '*' && bytes[at] != '$' && bytes[at] != '\n')
            sum ^= bytes[at++];
        if (at + 2 < size && bytes[at] == '*') {
            bytes[at + 1] = (uint8_t)digits[sum >> 4];
            bytes[at + 2] = (uint8_t)digits[sum & 15];
        }
    }
}

/* Gives what looks like a UBX frame the checksum that it needs. */
static void mend(uint8_t *bytes, size_t size)
{
    for (size_t at = 0; at + UBX_OVERHEAD <= size; at++) {
        size_t length = bytes[at + 4] | (size_t)bytes[at + 5] << 8;
        uint8_t a = 0, b = 0;
        if (bytes[at] != UBX_SYNC || bytes[at + 1] != 0x62 || length > size - at - UBX_OVERHEAD)
            continue;
        for (size_t i = at + 2; i < at + 6 + length; i++) {
            a = (uint8_t)(a + bytes[i]);
            b = (uint8_t)(b + a);
        }
        bytes[at + 6 + length] = a;
        bytes[at + 7 + length] = b;
        at += length + 7;
    }
}

static void feed(struct gnss *g, const uint8_t *bytes, size_t size, uint8_t choice)
{
    struct heard *heard = g->arg;
    size_t portion = choice & 15 ? (size_t)(choice & 15) * 7 : SIZE_MAX;
    int64_t now = 0, pause = (choice >> 4) * INT64_C(30000000);
    for (size_t at = 0; at < size; now += pause) {
        size_t part = size - at < portion ? size - at : portion;
        gnss_feed(g, bytes + at, part, now);
        gnss_tick(g, now + pause / 2);
        at += part;
    }
    REQUIRE(g->stream.length <= UBX_PAYLOAD_MAX + UBX_OVERHEAD);
    REQUIRE(g->stream.counts.bytes == size);
    now += GNSS_UBX_RULES_NS + STREAM_STALL_NS; /* what a UBX message has denied is over */
    gnss_tick(g, now);
    REQUIRE(!stream_pending(&g->stream));
    g->by_ubx.said = false; /* it may have said these very times */
    heard->known = 0;
    gnss_feed(g, good, sizeof good - 1, now);
    gnss_flush(g);
    REQUIRE(heard->known >= 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct gnss_sink sink = {
        .epoch = on_epoch, .sky = on_sky, .report = on_report, .leap = on_leap};
    struct heard heard = {0};
    if (size < 2)
        return 0;
    struct gnss *g = malloc(sizeof *g);
    uint8_t *bytes = malloc(size);
    REQUIRE(g && bytes);
    memcpy(bytes, data + 2, size - 2);
    if (data[1] & 1)
        mend(bytes, size - 2);
    if (data[1] & 2)
        mend_text(bytes, size - 2);
    gnss_init(g, PIVOT, &sink, &heard);
    feed(g, bytes, size - 2, data[0]);
    free(bytes);
    free(g);
    return 0;
}
