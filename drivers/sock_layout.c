/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/sock_layout.h"

#include <math.h>
#include <string.h>

#include "refclock/civil.h"

#define SIZE_32    32
#define OFFSET_MAX 4e9 /* s: an unset clock may be decades off */
#define SECOND_MAX INT64_C(4600000000)

static int32_t int_at(const uint8_t *bytes)
{
    int32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static int64_t long_at(const uint8_t *bytes, bool wide)
{
    int64_t value;
    if (!wide)
        return int_at(bytes);
    memcpy(&value, bytes, sizeof value);
    return value;
}

int sock_decode(const void *bytes, size_t size, struct sock_sample *out)
{
    const uint8_t *from = bytes;
    bool wide = size == SOCK_SIZE;
    if (!wide && size != SIZE_32)
        return -1;
    int64_t sec = long_at(from, wide), usec = long_at(from + (wide ? 8 : 4), wide);
    const uint8_t *rest = from + (wide ? 16 : 8);
    memcpy(&out->offset, rest, sizeof out->offset);
    int pulse = int_at(rest + 8), leap = int_at(rest + 12);
    if (int_at(rest + 20) != SOCK_MAGIC || sec < 0 || sec > SECOND_MAX || usec < 0 ||
        usec > 999999 || !isfinite(out->offset) || fabs(out->offset) > OFFSET_MAX ||
        leap < LEAP_NONE || leap > LEAP_UNKNOWN)
        return -1;
    out->kernel = sec * NS_PER_S + usec * 1000;
    out->pulse = pulse != 0;
    out->leap = (enum leap)leap;
    return 0;
}

void sock_encode(const struct sock_sample *in, uint8_t bytes[SOCK_SIZE])
{
    int64_t sec = in->kernel / NS_PER_S, usec = in->kernel % NS_PER_S / 1000;
    int32_t rest[4] = {in->pulse, (int32_t)in->leap, 0, SOCK_MAGIC};
    memcpy(bytes, &sec, sizeof sec);
    memcpy(bytes + 8, &usec, sizeof usec);
    memcpy(bytes + 16, &in->offset, sizeof in->offset);
    memcpy(bytes + 24, rest, sizeof rest);
}
