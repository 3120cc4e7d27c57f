/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any payload as the answer to a question about a receiver's settings. The first octet chooses the
 * feature, the second the generation and the message. What was read can be set again, and a legacy
 * message that sets what was read says the same.
 */
#include <stdint.h>
#include <string.h>

#include "drivers/ubx/ubx_config.h"
#include "tests/fuzz/fuzz.h"

static void check(enum ubx_feature f, const struct ubx_dialect *d, const struct ubx_values *v,
                  const struct ubx_payload *kept)
{
    uint8_t buf[UBX_CONFIG_FRAME];
    struct ubx_frame frame;
    struct ubx_values again = {0};
    struct ubx_payload other = {0};
    size_t length = ubx_config_set(f, d, v, kept, buf);
    REQUIRE(length <= sizeof buf);
    if (!length)
        return;
    REQUIRE(ubx_frame_look(buf, length, &frame) == FRAME_GOOD);
    if (d->keys || f >= UBX_MESSAGE)
        return;
    REQUIRE(ubx_config_take(f, d, &frame, &again, &other));
    REQUIRE(!memcmp(again.value, v->value, sizeof again.value));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ubx_values v = {0};
    struct ubx_payload kept = {0};
    uint8_t class, id, buf[512];
    if (size < 2)
        return 0;
    struct ubx_dialect d = {.keys = data[1] & 1, .port = data[1] & 2 ? UBX_PORT_USB : 1};
    enum ubx_feature f = (enum ubx_feature)(data[0] % UBX_FEATURES);
    size_t asked = ubx_config_poll(f, &d, buf, &class, &id);
    REQUIRE(asked <= sizeof buf);
    uint8_t *copy = malloc(size);
    REQUIRE(copy);
    memcpy(copy, data + 2, size - 2);
    struct ubx_frame frame = {.class = class, .id = id, .length = size - 2, .payload = copy};
    if (frame.length <= UBX_PAYLOAD_MAX && ubx_config_take(f, &d, &frame, &v, &kept))
        check(f, &d, &v, &kept);
    free(copy);
    return 0;
}
