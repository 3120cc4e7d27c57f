/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/responder/handler.h"

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

void handler_share_access(struct handler *h, struct shared_table *access, struct ratelimit *limit)
{
    h->access_table = access;
    h->limit = limit;
    if (access)
        shared_join(access, &h->access_reading);
}

void handler_rest(struct handler *h)
{
    h->keys = NULL;
    h->access = NULL;
    if (h->access_table)
        shared_leave(&h->access_reading);
    if (h->shared)
        shared_leave(&h->reading);
}

void handler_look(struct handler *h)
{
    struct snapshot before;
    if (h->shared)
        h->keys = keys_shared(shared_enter(h->shared, &h->reading));
    if (h->access_table)
        h->access = access_shared(shared_enter(h->access_table, &h->access_reading));
    snapshot_read(h->latch, &before);
    h->now = clock_now(h->clock);
    if (h->limit)
        ratelimit_now(h->limit, h->now);
    h->number = snapshot_read(h->latch, &h->snapshot);
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

bool handler_reread(struct handler *h)
{
    int64_t now = clock_now(h->clock);
    if (!snapshot_is_newest(h->latch, h->number))
        return false;
    h->now = now;
    return true;
}

/* A datagram may have waited in the socket while the clock was stepped. */
static bool stamp_known(const struct handler *h, int64_t received)
{
    if (!h->settled || received > h->now || received < h->since)
        return false;
    return h->now - received <= STAMP_AGE_MAX;
}

/* ---- who may, and how often ---- */

static bool from_somewhere(const struct datagram *d)
{
    return !d->address && d->from.any.sa_family != AF_UNSPEC;
}

/* Does it ask for the time, by its header? */
static bool asks(const struct datagram *d)
{
    if (d->size < WIRE_SIZE)
        return false;
    unsigned mode = wire_mode(d->bytes[0]), version = wire_version(d->bytes[0]);
    return (mode == WIRE_MODE_CLIENT || mode == WIRE_MODE_ACTIVE) && version >= 1 &&
           version <= WIRE_VERSION;
}

static bool is_signed(const struct datagram *d)
{
    struct wire_mac mac;
    return d->size >= WIRE_SIZE && wire_tail(d->bytes, d->size, &mac) == WIRE_TAIL_MAC;
}

/* By its source's rule: VERDICT_ANSWERED when nothing is against it. */
static enum verdict admit(struct handler *h, const struct datagram *d, unsigned flags)
{
    if (flags & ACCESS_IGNORE)
        return VERDICT_IGNORED;
    if (!flags || !d->size)
        return VERDICT_ANSWERED;
    unsigned mode = wire_mode(d->bytes[0]);
    if (mode == WIRE_MODE_CONTROL)
        return flags & ACCESS_NOQUERY ? VERDICT_REFUSED : VERDICT_ANSWERED;
    if (mode == WIRE_MODE_PRIVATE)
        return VERDICT_ANSWERED; /* nobody's is answered */
    bool refused = flags & ACCESS_NOSERVE ||
                   (flags & ACCESS_VERSION && wire_version(d->bytes[0]) != WIRE_VERSION) ||
                   (flags & ACCESS_NOTRUST && !is_signed(d)) ||
                   (flags & ACCESS_FLAKE && h->flakes++ % 10 == 9);
    return refused ? VERDICT_REFUSED : VERDICT_ANSWERED;
}

static enum ratelimit_verdict meter(struct handler *h, const struct datagram *d, unsigned flags)
{
    struct ratelimit_place found, *place = &found;
    if (!h->limit || !from_somewhere(d) || !asks(d))
        return RATELIMIT_PASS;
    if (d->place.count)
        found = d->place;
    else
        ratelimit_place(h->limit, &d->from, place);
    struct ratelimit_request q = {
        .place = place,
        .port = address_port(&d->from),
        .mode = (uint8_t)wire_mode(d->bytes[0]),
        .version = (uint8_t)wire_version(d->bytes[0]),
        .limited = flags & ACCESS_LIMITED,
        .kod = flags & ACCESS_KOD && wire_mode(d->bytes[0]) == WIRE_MODE_CLIENT,
    };
    return ratelimit_take(h->limit, &q);
}

void handler_prepare(const struct handler *h, struct datagram *d)
{
    d->place.count = 0;
    if (h->limit && from_somewhere(d) && asks(d))
        ratelimit_place(h->limit, &d->from, &d->place);
}

/* ---- answers ---- */

/*
 * What a client in interleaved mode asks for: its origin timestamp is an answer's receive
 * timestamp, which alone are odd, and its receive timestamp is not just its transmit timestamp (RFC
 * 9769 section 2).
 */
static uint64_t past_transmit(const struct handler *h, const struct datagram *d)
{
    struct ntp_packet request;
    if (!h->interleave || d->size < WIRE_SIZE || !(d->bytes[WIRE_ORIGIN + 7] & 1))
        return 0;
    wire_decode(d->bytes, &request);
    if (request.mode != WIRE_MODE_CLIENT || request.receive == request.transmit)
        return 0;
    return interleave_find(h->interleave, &d->from, request.origin);
}

/* An answer to a client that may ask for its transmit timestamp next time. */
static void keep(struct handler *h, const struct datagram *d, const uint8_t *answer)
{
    struct ntp_packet p;
    if (!h->interleave || !(d->bytes[WIRE_ORIGIN + 7] & 1))
        return;
    wire_decode(answer, &p);
    int64_t leaves = snapshot_truth(&h->snapshot, h->now + h->ahead);
    interleave_keep(h->interleave, &d->from, p.receive, civil_to_ntp(leaves));
}

static enum verdict reply(struct handler *h, const struct datagram *d, enum ratelimit_verdict rate,
                          uint8_t *out, size_t *size)
{
    if (rate == RATELIMIT_OVER)
        return VERDICT_LIMITED;
    uint32_t generation = h->snapshot.generation;
    struct reply_input in = {
        .snapshot = &h->snapshot,
        .request = d->bytes,
        .size = d->size,
        .receive = {d->received, generation, stamp_known(h, d->received)},
        .transmit = {h->now + h->ahead, generation, h->settled},
        .address = d->address,
        .keys = h->keys,
        .kiss = rate == RATELIMIT_KISS ? SNAPSHOT_REFID('R', 'A', 'T', 'E') : 0,
        .interleaved = past_transmit(h, d),
    };
    enum verdict verdict = reply_make(&in, out, size);
    if (*size && !in.kiss)
        keep(h, d, out);
    h->kept = *size && !in.kiss && in.interleaved;
    h->timely = *size == WIRE_SIZE && !in.kiss && !in.interleaved;
    return rate == RATELIMIT_LEAKED && verdict == VERDICT_ANSWERED ? VERDICT_LEAKED : verdict;
}

/* Answers to control requests are longer than they are, so only who may query gets one. */
static enum verdict pass_query(struct handler *h, const struct datagram *d)
{
    bool may = h->access || address_is_loopback(&d->from); /* its rule was asked before */
    if (!may || !h->queries || !d->asked || !ntpq_is_request(d->bytes, d->size))
        return VERDICT_CONTROL;
    bool passed = ntpq_inbox_put(h->queries, &d->from, d->asked, d->fd, d->bytes, d->size);
    return passed ? VERDICT_QUERY : VERDICT_QUERY_LOST;
}

size_t handler_answer(struct handler *h, const struct datagram *d, uint8_t out[REPLY_SIZE])
{
    unsigned flags = h->access && from_somewhere(d) ? access_of(h->access, &d->from) : 0;
    size_t size = 0;
    h->kept = h->timely = false;
    enum verdict verdict = admit(h, d, flags);
    if (verdict == VERDICT_ANSWERED)
        verdict = reply(h, d, meter(h, d, flags), out, &size);
    if (verdict == VERDICT_CONTROL)
        verdict = pass_query(h, d);
    tally_add(&h->tally.verdict[verdict], 1);
    if (d->size) {
        tally_add(&h->tally.mode[wire_mode(d->bytes[0])], 1);
        tally_add(&h->tally.version[wire_version(d->bytes[0])], 1);
    }
    return size;
}

void handler_restamp(struct handler *h, const struct datagram *d, uint8_t *answer)
{
    reply_restamp(&h->snapshot, h->now + h->ahead, answer);
    keep(h, d, answer);
}
