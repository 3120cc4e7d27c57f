/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_RTCM_FRAME_H
#define TIMEBALL_DRIVERS_RECEIVER_RTCM_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "drivers/frame.h"

/*
 * Where an RTCM 3 frame begins and ends, so that it can be passed over: d3, 6 zero bits, 10 bits of
 * length, payload, 24 bits of CRC-24Q over all before it (RTCM 10403.3, section 4). Pure.
 */
#define RTCM_SYNC     0xd3
#define RTCM_SIZE_MAX (3 + 1023 + 3)

/* Looks at `size` bytes. *whole is the size of the frame, after FRAME_GOOD alone. */
enum frame_look rtcm_frame_look(const uint8_t *bytes, size_t size, size_t *whole);

#endif
