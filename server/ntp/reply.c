/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntp/reply.h"

#include <math.h>

#include "refclock/civil.h"

#define MAXDISP  16.0 /* s, RFC 5905 section 7.2 */
#define POLL_MIN (-7) /* log2 s; clients on a LAN ask several times a second */
#define POLL_MAX 17   /* RFC 5905 section 7.2 */

/* The verdict that a mode already is; VERDICT_ANSWERED for those that get an answer. */
static const enum verdict verdict_of_mode[8] = {
    [WIRE_MODE_RESERVED] = VERDICT_MODE,   [WIRE_MODE_ACTIVE] = VERDICT_ANSWERED,
    [WIRE_MODE_PASSIVE] = VERDICT_MODE,    [WIRE_MODE_CLIENT] = VERDICT_ANSWERED,
    [WIRE_MODE_SERVER] = VERDICT_MODE,     [WIRE_MODE_BROADCAST] = VERDICT_MODE,
    [WIRE_MODE_CONTROL] = VERDICT_CONTROL, [WIRE_MODE_PRIVATE] = VERDICT_PRIVATE,
};

/* What the answer is signed with. */
struct signature {
    const struct key *key; /* NULL: it is not */
    size_t digest;         /* octets */
};

static enum verdict judge_tail(const struct reply_input *in, struct signature *s)
{
    struct wire_mac mac;
    if (wire_tail(in->request, in->size, &mac) != WIRE_TAIL_MAC)
        return VERDICT_ANSWERED;
    const struct key *key = keys_find(in->keys, mac.id);
    if (!key || !key->trusted)
        return VERDICT_KEY;
    if (!mac_right(&key->mac, in->request, mac.covers, mac.digest, mac.size))
        return VERDICT_MAC;
    *s = (struct signature){key, mac.size};
    return VERDICT_ANSWERED;
}

/* From the bytes and addresses alone: VERDICT_ANSWERED where the request deserves an answer. */
static enum verdict judge_request(const struct reply_input *in, struct signature *s)
{
    if (in->address)
        return VERDICT_ADDRESS;
    if (in->size < 1)
        return VERDICT_SHORT;
    unsigned version = wire_version(in->request[0]);
    enum verdict by_mode = verdict_of_mode[wire_mode(in->request[0])];
    if (by_mode == VERDICT_CONTROL || by_mode == VERDICT_PRIVATE)
        return by_mode; /* these have headers of their own, shorter than 48 */
    if (in->size < WIRE_SIZE)
        return VERDICT_SHORT;
    if (version < 1 || version > WIRE_VERSION)
        return VERDICT_VERSION;
    if (in->kiss && by_mode == VERDICT_ANSWERED && wire_mode(in->request[0]) != WIRE_MODE_CLIENT)
        return VERDICT_LIMITED;
    return by_mode == VERDICT_ANSWERED ? judge_tail(in, s) : by_mode;
}

/* Whether the snapshot can carry both stamps to true time. */
static enum verdict judge_stamps(const struct reply_input *in)
{
    const struct snapshot *s = in->snapshot;
    const struct reply_stamp *rx = &in->receive, *tx = &in->transmit;
    if (s->transition)
        return VERDICT_STEP;
    if (!rx->known || rx->generation != s->generation)
        return VERDICT_GENERATION;
    if (!tx->known || tx->generation != s->generation)
        return VERDICT_GENERATION;
    return VERDICT_ANSWERED;
}

static bool synchronised(const struct snapshot *s, int64_t reading, double bound)
{
    double age = (double)(reading - s->reference) * 1e-9;
    return s->stratum >= 1 && s->stratum <= 15 && s->leap < LEAP_UNKNOWN &&
           fabs(age) <= SNAPSHOT_STALE_S && bound < MAXDISP; /* a bound that is NAN is none */
}

static int8_t clamp_poll(int8_t poll, bool kiss)
{
    int8_t least = kiss ? REPLY_KISS_POLL : POLL_MIN;
    return poll < least ? least : poll > POLL_MAX ? POLL_MAX : poll;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The kiss code of an answer that does not carry the time. */
static uint32_t kiss_code(const struct reply_input *in)
{
    if (in->kiss)
        return in->kiss;
    return in->snapshot->locked_once ? 0 : SNAPSHOT_REFID('I', 'N', 'I', 'T');
}

static void set_identity(struct ntp_packet *p, const struct reply_input *in, bool synced,
                         enum snapshot_leap leap)
{
    const struct snapshot *s = in->snapshot;
    /* what is announced is over as soon as it has begun */
    p->leap = !synced ? LEAP_UNKNOWN : leap == SNAPSHOT_LEAP_AHEAD ? s->leap : LEAP_NONE;
    p->stratum = synced ? s->stratum : 0;
    p->refid = synced ? s->refid : kiss_code(in);
    p->precision = s->precision;
    p->root_delay = s->root_delay > 0 ? civil_to_ntp_short(s->root_delay) : 0;
}

/* Even, and never before the receive timestamp. */
static uint64_t transmit_after(uint64_t receive, int64_t transmit)
{
    uint64_t t = civil_to_ntp(transmit) & ~UINT64_C(1);
    return (int64_t)(t - receive) < 0 ? receive + 1 : t;
}

/*
 * In this order they can be no other: a reftime after the request, or stamps that a falling rate
 * has turned around, are taken back to the later event. A receive timestamp is odd, a transmit
 * timestamp even (by a quarter of a nanosecond), so that it is seen which one a client names.
 */
static void set_times(struct ntp_packet *p, const struct reply_input *in)
{
    const struct snapshot *s = in->snapshot;
    int64_t transmit = snapshot_truth(s, in->transmit.reading);
    int64_t receive = earlier(snapshot_truth(s, in->receive.reading), transmit);
    p->reftime = s->reftime ? civil_to_ntp(earlier(s->reftime, receive)) : 0;
    p->receive = civil_to_ntp(receive) | 1;
    p->transmit = transmit_after(p->receive, transmit);
}

void reply_restamp(const struct snapshot *s, int64_t reading, uint8_t *answer)
{
    uint64_t receive = wire_timestamp(answer + WIRE_RECEIVE);
    wire_put_timestamp(answer + WIRE_TRANSMIT, transmit_after(receive, snapshot_truth(s, reading)));
}

/* A kiss gives no time away, also to those who do not know what it means; ntpd's are such too. */
static void set_no_times(struct ntp_packet *p, uint64_t asked)
{
    p->reftime = 0;
    p->receive = p->transmit = asked;
}

enum verdict reply_make(const struct reply_input *in, uint8_t out[REPLY_SIZE], size_t *size)
{
    struct signature signature = {0};
    *size = 0;
    enum verdict verdict = judge_request(in, &signature);
    if (verdict == VERDICT_ANSWERED)
        verdict = judge_stamps(in);
    if (verdict != VERDICT_ANSWERED)
        return verdict;

    struct ntp_packet request, p;
    wire_decode(in->request, &request);
    double bound = snapshot_bound(in->snapshot, in->transmit.reading);
    enum snapshot_leap leap =
        snapshot_leap(in->snapshot, snapshot_line(in->snapshot, in->transmit.reading));
    bool synced = !in->kiss && leap != SNAPSHOT_LEAP_LOST &&
                  synchronised(in->snapshot, in->transmit.reading, bound);
    set_identity(&p, in, synced, leap);
    if (in->kiss)
        set_no_times(&p, request.transmit);
    else
        set_times(&p, in);
    p.version = request.version;
    p.mode = request.mode == WIRE_MODE_ACTIVE ? WIRE_MODE_PASSIVE : WIRE_MODE_SERVER;
    p.poll = clamp_poll(request.poll, in->kiss);
    p.root_dispersion = civil_to_ntp_short(bound);
    p.origin = request.transmit;
    if (in->interleaved && !in->kiss) {
        p.origin = request.receive;
        p.transmit = in->interleaved;
    }
    wire_encode(&p, out);
    *size = signature.key ? keys_sign(signature.key, out, WIRE_SIZE, signature.digest) : WIRE_SIZE;
    if (in->kiss)
        return VERDICT_KOD;
    return synced ? VERDICT_ANSWERED : VERDICT_UNSYNCHRONISED;
}
