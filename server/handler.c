/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/handler.h"

#include "refclock/civil.h"

#define STAMP_AGE_MAX NS_PER_S

void handler_init(struct handler *h, struct snapshot_latch *latch, struct clock *clock)
{
    *h = (struct handler){.latch = latch, .clock = clock};
}

void handler_share_keys(struct handler *h, struct shared_table *keys)
{
    h->shared = keys;
    shared_join(keys, &h->reading);
}

void handler_rest(struct handler *h)
{
    h->keys = NULL;
    if (h->shared)
        shared_leave(&h->reading);
}

void handler_look(struct handler *h)
{
    struct snapshot before;
    if (h->shared)
        h->keys = keys_shared(shared_enter(h->shared, &h->reading));
    snapshot_read(h->latch, &before);
    h->now = clock_now(h->clock);
    snapshot_read(h->latch, &h->snapshot);
    const struct snapshot *s = &h->snapshot;
    /* no step was announced before the clock was read, nor since: the reading is of this
     * generation */
    h->settled = !before.transition && !s->transition && before.generation == s->generation;
    if (h->settled && (!h->seen || h->generation != s->generation)) {
        h->seen = true;
        h->generation = s->generation;
        h->since = s->reference;
    }
}

/* A datagram may have waited in the socket while the clock was stepped. */
static bool stamp_known(const struct handler *h, int64_t received)
{
    if (!h->settled || received > h->now || received < h->since)
        return false;
    return h->now - received <= STAMP_AGE_MAX;
}

size_t handler_answer(struct handler *h, const struct datagram *d, uint8_t out[REPLY_SIZE])
{
    uint32_t generation = h->snapshot.generation;
    struct reply_input in = {
        .snapshot = &h->snapshot,
        .request = d->bytes,
        .size = d->size,
        .receive = {d->received, generation, stamp_known(h, d->received)},
        .transmit = {h->now, generation, h->settled},
        .address = d->address,
        .keys = h->keys,
    };
    size_t size;
    enum verdict verdict = reply_make(&in, out, &size);
    tally_add(&h->tally.verdict[verdict], 1);
    return size;
}
