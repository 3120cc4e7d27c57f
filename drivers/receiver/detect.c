/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/receiver/detect.h"

#include <math.h>

#include "drivers/receiver/rtcm_frame.h"
#include "drivers/ubx/ubx_frame.h"

#define MS         INT64_C(1000000)
#define GOOD       2           /* frames that make a rate the right one */
#define SETTLE_NS  (5 * MS)    /* bytes of the rate before are still on their way */
#define GAP_NS     (60 * MS)   /* between two bursts */
#define QUIET_NS   (8 * MS)    /* before the first byte: it is a burst's first */
#define DULL_NS    (2200 * MS) /* no byte at all: at a much higher rate a receiver is not heard */
#define TRIAL_NS   (2500 * MS) /* for text without a whole sentence */
#define STRANGE    6U          /* bytes that no text has, in the first round */
#define BURST_BITS 4000.0      /* of a usual burst */
#define ROUNDS     6           /* after which that number no longer doubles */

void detect_init(struct detect *d, int first, uint64_t frames, int64_t now)
{
    static const int usual[] = {9600, 38400, 115200, 4800, 57600, 230400, 460800};
    *d = (struct detect){.frames = frames, .since = now, .last = now, .burst = now};
    if (first > 0)
        d->rate[d->count++] = first;
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (usual[i] != first)
            d->rate[d->count++] = usual[i];
}

int detect_baud(const struct detect *d)
{
    return d->rate[d->at];
}

static bool move_to(struct detect *d, int at, uint64_t frames, int64_t now)
{
    d->at = at;
    d->frames = frames;
    d->since = now;
    d->bytes = d->strange = 0;
    d->binary = false;
    d->before = 0;
    return true;
}

static bool move_on(struct detect *d, uint64_t frames, int64_t now)
{
    int next = (d->at + 1) % d->count;
    if (next == d->first && d->rounds < ROUNDS)
        d->rounds++;
    return move_to(d, next, frames, now);
}

/* The rate to meet the next burst with: of those not met yet the likeliest. */
static int likely(struct detect *d)
{
    double seconds = (double)(d->last - d->burst) * 1e-9 + 1e-3;
    int best = -1;
    double best_far = 0;
    if (d->met + 1 == 1U << d->count)
        d->met = 0;
    for (int i = 0; i < d->count; i++) {
        double far = fabs(log(d->rate[i] * seconds / BURST_BITS));
        if (d->met >> i & 1 || (best >= 0 && far >= best_far))
            continue;
        best = i;
        best_far = far;
    }
    return best;
}

static bool enough(struct detect *d, uint64_t frames)
{
    d->found |= frames - d->frames >= GOOD;
    return d->found;
}

static void look(struct detect *d, uint8_t byte)
{
    bool text = (byte >= ' ' && byte <= '~') || byte == '\r' || byte == '\n';
    d->bytes++;
    d->strange += !text;
    d->binary |= (d->before == UBX_SYNC && byte == 0x62) || (d->before == RTCM_SYNC && byte <= 3);
    d->before = byte;
}

static void follow_burst(struct detect *d, int64_t now)
{
    if (!d->bursting) {
        d->bursting = true;
        d->whole = now - d->last >= QUIET_NS;
        d->burst = now;
        d->first = d->at;
    }
    d->last = now;
}

bool detect_feed(struct detect *d, const uint8_t *bytes, size_t size, uint64_t frames, int64_t now)
{
    if (d->found || enough(d, frames))
        return false;
    follow_burst(d, now);
    if (now - d->since < SETTLE_NS)
        return false;
    for (size_t i = 0; i < size; i++)
        look(d, bytes[i]);
    if (d->binary || frames != d->frames || d->strange < STRANGE << d->rounds)
        return false;
    return move_on(d, frames, now);
}

/* A burst has ended without success: unless this looks right, the next one is met otherwise. */
static bool burst_ended(struct detect *d, uint64_t frames, int64_t now)
{
    d->bursting = false;
    if (frames != d->frames || (d->bytes && d->strange * 8 < d->bytes))
        return false;
    if (!d->whole)
        return move_to(d, d->first, frames, now);
    d->met |= 1U << d->first;
    return move_to(d, likely(d), frames, now);
}

bool detect_tick(struct detect *d, uint64_t frames, int64_t now)
{
    if (d->found || enough(d, frames))
        return false;
    if (d->bursting && now - d->last >= GAP_NS)
        return burst_ended(d, frames, now);
    if (now - d->since > (d->last <= d->since ? DULL_NS : TRIAL_NS))
        return move_on(d, frames, now);
    return false;
}
