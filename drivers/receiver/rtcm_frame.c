/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/receiver/rtcm_frame.h"

#define HEADER 3
#define CRC    3

/* CRC-24Q, polynomial 0x1864cfb, four bits a step. */
static uint32_t crc24q(const uint8_t *bytes, size_t size)
{
    static const uint32_t table[16] = {0x000000, 0x864cfb, 0x8ad50d, 0x0c99f6, 0x93e6e1, 0x15aa1a,
                                       0x1933ec, 0x9f7f17, 0xa18139, 0x27cdc2, 0x2b5434, 0xad18cf,
                                       0x3267d8, 0xb42b23, 0xb8b2d5, 0x3efe2e};
    uint32_t crc = 0;
    for (size_t i = 0; i < size; i++) {
        crc ^= (uint32_t)bytes[i] << 16;
        for (int half = 0; half < 2; half++)
            crc = (crc << 4 & 0xffffff) ^ table[crc >> 20];
    }
    return crc;
}

enum frame_look rtcm_frame_look(const uint8_t *bytes, size_t size, size_t *whole)
{
    if (size < 1)
        return FRAME_SHORT;
    if (bytes[0] != RTCM_SYNC || (size > 1 && bytes[1] & 0xfc))
        return FRAME_NONE;
    if (size < HEADER)
        return FRAME_SHORT;
    size_t covered = HEADER + ((size_t)(bytes[1] & 3) << 8 | bytes[2]);
    if (size < covered + CRC)
        return FRAME_SHORT;
    const uint8_t *given = bytes + covered;
    if (crc24q(bytes, covered) != ((uint32_t)given[0] << 16 | (uint32_t)given[1] << 8 | given[2]))
        return FRAME_DAMAGED;
    *whole = covered + CRC;
    return FRAME_GOOD;
}
