/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/ubx/ubx_frame.h"

#include <stdbool.h>

#define HEADER 6

static bool checksum_right(const uint8_t *bytes, size_t size)
{
    uint8_t a = 0, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (uint8_t)(a + bytes[i]);
        b = (uint8_t)(b + a);
    }
    return bytes[size] == a && bytes[size + 1] == b;
}

enum frame_look ubx_frame_look(const uint8_t *bytes, size_t size, struct ubx_frame *frame)
{
    if (size < 1)
        return FRAME_SHORT;
    if (bytes[0] != UBX_SYNC || (size > 1 && bytes[1] != 0x62))
        return FRAME_NONE;
    if (size < HEADER)
        return FRAME_SHORT;
    size_t length = bytes[4] | (size_t)bytes[5] << 8;
    if (length > UBX_PAYLOAD_MAX)
        return FRAME_NONE;
    if (size < length + UBX_OVERHEAD)
        return FRAME_SHORT;
    if (!checksum_right(bytes + 2, length + HEADER - 2))
        return FRAME_DAMAGED;
    *frame = (struct ubx_frame){
        .class = bytes[2], .id = bytes[3], .length = length, .payload = bytes + HEADER};
    return FRAME_GOOD;
}
