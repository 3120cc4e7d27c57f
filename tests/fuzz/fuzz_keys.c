/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Any bytes as a key file; the first octet chooses what is wanted of it. */
#include <stddef.h>
#include <stdint.h>

#include "server/ntp/keys.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct keys_range ranges[] = {{1, 1}, {3, 70000}};
    struct keys *k = NULL;
    struct err err = {0};
    if (!size)
        return 0;
    struct keys_want want = {
        .path = "fuzz", .weak = data[0] & 1, .trusted = ranges, .ranges = data[0] & 2};
    if (keys_parse(&k, &want, (const char *)data + 1, size - 1, &err)) {
        REQUIRE(*err.thing && *err.why && !k);
        return 0;
    }
    REQUIRE(keys_count(k) <= KEYS_MAX && !keys_find(k, 0));
    for (uint32_t id = 1; id < 8; id++) {
        const struct key *key = keys_find(k, id);
        uint8_t packet[48 + MAC_ID_SIZE + MAC_DIGEST_MAX] = {0};
        if (!key)
            continue;
        REQUIRE(key->id == id && (want.weak || !key->mac.algorithm->weak));
        REQUIRE(key->trusted == (!want.ranges || id == 1 || id >= 3));
        size_t digest = mac_size(&key->mac);
        REQUIRE(keys_sign(key, packet, 48, digest) == 48 + MAC_ID_SIZE + digest);
        REQUIRE(mac_right(&key->mac, packet, 48, packet + 48 + MAC_ID_SIZE, digest));
    }
    for (size_t i = 0; keys_note(k, i); i++)
        REQUIRE(i < KEYS_NOTES && *keys_note(k, i)->why);
    keys_free(k);
    return 0;
}
