/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any datagram to any state of the clock. The first octet chooses the state, the second the
 * addresses, the rest is the datagram; what an answer may never be ends the program.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/ntp/reply.h"
#include "tests/fuzz/fuzz.h"

#define NOW (INT64_C(1795521600) * NS_PER_S)

static struct snapshot snapshot_for(uint8_t choice)
{
    struct snapshot s = {
        .reference = choice & 1 ? NOW - NS_PER_S : NOW - 60 * NS_PER_S,
        .offset = choice & 2 ? -86400 : 1e-3,
        .rate = choice & 4 ? 500e-6 : -1e-6,
        .total = choice & 8 ? 1e-5 : 3,
        .drift = 1e-6,
        .reftime = choice & 16 ? NOW - NS_PER_S : 0,
        .refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
        .stratum = choice & 32 ? 1 : 16,
        .precision = -20,
        .locked_once = choice & 64,
        .transition = choice & 128,
    };
    return s;
}

static void check(const struct reply_input *in, enum verdict verdict, const uint8_t *out,
                  size_t size)
{
    const uint8_t *request = in->request;
    unsigned mode = size ? wire_mode(request[0]) : 0;
    bool answered = verdict == VERDICT_ANSWERED || verdict == VERDICT_UNSYNCHRONISED;
    REQUIRE(verdict >= 0 && verdict < VERDICT_COUNT);
    REQUIRE(answered ? size >= WIRE_SIZE && size <= in->size : !size);
    if (!answered)
        return;
    struct ntp_packet p;
    struct wire_mac asked, given;
    bool is_signed = wire_tail(request, in->size, &asked) == WIRE_TAIL_MAC;
    REQUIRE(is_signed == (size > WIRE_SIZE));
    if (is_signed) /* whatever is answered was signed right */
        REQUIRE(wire_tail(out, size, &given) == WIRE_TAIL_MAC && given.id == asked.id &&
                given.size == asked.size &&
                mac_right(&keys_find(in->keys, given.id)->mac, request, asked.covers, asked.digest,
                          asked.size));
    wire_decode(out, &p);
    REQUIRE((mode == WIRE_MODE_CLIENT || mode == WIRE_MODE_ACTIVE) && p.mode == mode + 1);
    REQUIRE(p.version == wire_version(request[0]) && p.version >= 1 && p.version <= 4);
    REQUIRE(!memcmp(out + 24, request + 40, 8));
    REQUIRE(p.receive <= p.transmit && p.reftime <= p.receive && p.root_dispersion);
    REQUIRE((p.leap == LEAP_UNKNOWN) == (p.stratum == 0));
    REQUIRE((p.stratum == 0) == (verdict == VERDICT_UNSYNCHRONISED));
    REQUIRE(!in->address && !in->snapshot->transition);
}

/* Key 1, trusted, of which some seeds have signatures. */
static struct keys *make_keys(void)
{
    static const char text[] = "1 SHA1 secret\n2 MD5 secret\n";
    struct keys_want want = {.path = "fuzz", .weak = true};
    struct keys *k = NULL;
    REQUIRE(!keys_parse(&k, &want, text, sizeof text - 1, NULL));
    return k;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    struct keys *keys = make_keys();
    struct snapshot s = snapshot_for(data[0]);
    struct reply_input in = {
        .snapshot = &s,
        .request = data + 2,
        .size = size - 2,
        .receive = {NOW - 1000, 0, data[1] < 240},
        .transmit = {NOW, 0, true},
        .address = data[1] & 15,
        .keys = keys,
    };
    uint8_t out[REPLY_SIZE];
    size_t out_size;
    enum verdict verdict = reply_make(&in, out, &out_size);
    check(&in, verdict, out, out_size);
    keys_free(keys);
    return 0;
}
