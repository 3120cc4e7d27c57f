/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_FIELD_H
#define TIMEBALL_DRIVERS_UBX_UBX_FIELD_H

#include <stdbool.h>
#include <stdint.h>

/* Types of UBX fields: little endian, I in two's complement. */
enum ubx_type { UBX_U1, UBX_I1, UBX_U2, UBX_I2, UBX_U4, UBX_I4, UBX_U8, UBX_I8 };

/* The number at `at`. The caller has held the length of the payload against it. */
static inline int64_t ubx_number(const uint8_t *at, enum ubx_type type)
{
    int bytes = 1 << type / 2;
    uint64_t value = 0;
    for (int i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1];
    bool negative = type % 2 && at[bytes - 1] & 0x80;
    if (negative && bytes < 8)
        value |= UINT64_MAX << 8 * bytes;
    return (int64_t)value;
}

#endif
