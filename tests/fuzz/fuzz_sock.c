/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Datagrams of chrony's SOCK, and a segment of NTP shared memory, with whatever is in them. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "drivers/shm_layout.h"
#include "drivers/sock_layout.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sock_sample s = {0};
    struct shm_sample m = {0};
    struct shm_segment segment = {0};
    if (!sock_decode(data, size, &s)) {
        REQUIRE(size == 40 || size == 32);
        REQUIRE(isfinite(s.offset) && s.kernel >= 0 && s.leap <= LEAP_UNKNOWN);
        uint8_t again[SOCK_SIZE];
        struct sock_sample t = {0};
        sock_encode(&s, again);
        REQUIRE(!sock_decode(again, sizeof again, &t) && t.kernel == s.kernel && t.leap == s.leap);
    }
    memcpy(&segment, data, size < sizeof segment ? size : sizeof segment);
    if (shm_take(&segment, true, &m) == SHM_SAMPLE)
        REQUIRE(m.clock > 0 && m.receive > 0 && m.leap <= LEAP_UNKNOWN);
    REQUIRE(!segment.valid);
    return 0;
}
