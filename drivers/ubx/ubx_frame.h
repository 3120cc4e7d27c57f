/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_UBX_UBX_FRAME_H
#define TIMEBALL_DRIVERS_UBX_UBX_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/frame.h"

/*
 * Where a UBX frame begins and ends: b5 62, class, id, length of the payload (16 bit, little
 * endian), payload, two bytes of Fletcher's checksum over all but b5 62 (u-blox M8 protocol
 * specification, 32.2 and 32.4). Pure.
 */
#define UBX_SYNC        0xb5
#define UBX_OVERHEAD    8
#define UBX_PAYLOAD_MAX 4096 /* no receiver's message is longer: a longer one is no frame */

struct ubx_frame {
    uint8_t class, id;
    size_t length;          /* of the payload */
    const uint8_t *payload; /* in the bytes that were looked at */
};

/* Looks at `size` bytes. *frame is filled after FRAME_GOOD alone. */
enum frame_look ubx_frame_look(const uint8_t *bytes, size_t size, struct ubx_frame *frame);

#endif
