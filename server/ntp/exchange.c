/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/ntp/exchange.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "refclock/civil.h"

#define MAXDIST      1.5   /* s, RFC 5905 */
#define STAMPS_OFF   50e-6 /* s: a server says beforehand when its answer will have left */
#define STRATUM_MOST 15
#define SHORT_UNIT   65536.0
#define FUTURE_NS    NS_PER_S /* a reference may seem so far in the future: clocks differ */

const struct exchange_row exchange_rows[EXCHANGE_VERDICTS] = {
    [EXCHANGE_MEASURED] = {"measured", "answers that gave an offset"},
    [EXCHANGE_SHORT] = {"short", "answers shorter than a header"},
    [EXCHANGE_MODE] = {"mode", "packets that were no server's answer, or of another version"},
    [EXCHANGE_BOGUS] = {"bogus", "answers to no request of ours: off path, or spoofed"},
    [EXCHANGE_DUPLICATE] = {"duplicate", "second answers, and late ones to an earlier request"},
    [EXCHANGE_UNSIGNED] = {"unsigned", "answers without the signature that they must have"},
    [EXCHANGE_KEY] = {"wrong_key", "answers that are signed with another key, or wrongly"},
    [EXCHANGE_NAK] = {"crypto_nak", "answers that the server does not know the key, or that our "
                                    "signature is wrong for it"},
    [EXCHANGE_KISS_RATE] = {"kiss_rate", "RATE: the server wants to be asked less often"},
    [EXCHANGE_KISS_DENY] = {"kiss_deny", "DENY or RSTR: the server does not want to be asked"},
    [EXCHANGE_KISS_OTHER] = {"kiss_other", "other kiss codes"},
    [EXCHANGE_UNSYNCHRONISED] = {"unsynchronised", "answers of a server that is not synchronised"},
    [EXCHANGE_HEADER] = {"header", "answers with a field that cannot be"},
    [EXCHANGE_DISTANCE] = {"distance", "answers with a root distance of 1.5 s or more"},
    [EXCHANGE_DELAY] = {"delay", "answers that seem to have come before the request left"},
    [EXCHANGE_LOOP] = {"loop", "answers of a server that follows this one"},
};

void exchange_init(struct exchange *x, uint8_t version, bool xleave)
{
    *x = (struct exchange){.version = version, .xleave = xleave};
}

static uint64_t random_not(struct rng *rng, uint64_t other)
{
    uint64_t value;
    do
        value = rng_u64(rng);
    while (!value || value == other);
    return value;
}

void exchange_request(struct exchange *x, struct rng *rng, int poll, int64_t local,
                      uint8_t out[WIRE_SIZE])
{
    struct ntp_packet p = {
        .version = x->version,
        .mode = WIRE_MODE_CLIENT,
        .poll = (int8_t)poll,
        .transmit = random_not(rng, 0),
    };
    /* after an exchange that failed the server keeps nothing of use to us */
    x->before = x->now.answered ? x->now : (struct exchange_pair){0};
    x->interleaved = 0;
    if (x->xleave && x->before.answered) {
        p.origin = x->before.received;
        p.receive = random_not(rng, p.transmit);
        x->interleaved = p.receive;
    }
    x->basic = p.transmit;
    x->now = (struct exchange_pair){.sent = true, .left = local};
    wire_encode(&p, out);
}

void exchange_left(struct exchange *x, int64_t local)
{
    if (x->now.sent && !x->now.answered)
        x->now.left = local;
}

/* Is it the answer to the outstanding request, and in which mode? */
static enum exchange_verdict match(struct exchange *x, const struct ntp_packet *p,
                                   bool *interleaved)
{
    bool outstanding = x->now.sent && !x->now.answered;
    *interleaved = outstanding && x->interleaved && p->origin == x->interleaved;
    if (*interleaved || (outstanding && p->origin == x->basic))
        return EXCHANGE_MEASURED;
    bool again = p->origin && (p->origin == x->basic || p->origin == x->past ||
                               (x->interleaved && p->origin == x->interleaved));
    return again ? EXCHANGE_DUPLICATE : EXCHANGE_BOGUS;
}

/* Whoever can forge the origin cannot forge this: nothing that follows is believed without it. */
static enum exchange_verdict judge_signature(const struct exchange_answer *a)
{
    struct wire_mac mac;
    if (!a->key)
        return EXCHANGE_MEASURED;
    if (wire_tail(a->bytes, a->size, &mac) != WIRE_TAIL_MAC)
        return EXCHANGE_UNSIGNED;
    if (!mac.size)
        return EXCHANGE_NAK;
    if (mac.id != a->key->id ||
        !mac_right(&a->key->mac, a->bytes, mac.covers, mac.digest, mac.size))
        return EXCHANGE_KEY;
    return EXCHANGE_MEASURED;
}

static enum exchange_verdict kiss(const struct ntp_packet *p, char code[5])
{
    for (int i = 0; i < 4; i++) {
        char c = (char)(p->refid >> (24 - 8 * i));
        code[i] = (char)(isalnum((unsigned char)c) ? c : '.');
    }
    code[4] = 0;
    if (!strcmp(code, "RATE"))
        return EXCHANGE_KISS_RATE;
    if (!strcmp(code, "DENY") || !strcmp(code, "RSTR"))
        return EXCHANGE_KISS_DENY;
    return p->refid ? EXCHANGE_KISS_OTHER : EXCHANGE_UNSYNCHRONISED;
}

static bool is_ours(const struct ntp_packet *p, const struct exchange_answer *a)
{
    for (size_t i = 0; p->stratum > 1 && p->refid && i < a->own_count; i++)
        if (p->refid == a->own[i])
            return true;
    return false;
}

/* What the header says of the server itself. */
static enum exchange_verdict judge_server(const struct ntp_packet *p,
                                          const struct exchange_answer *a, char code[5])
{
    if (!p->stratum)
        return kiss(p, code);
    if (p->leap == LEAP_UNKNOWN || p->stratum > STRATUM_MOST)
        return EXCHANGE_UNSYNCHRONISED;
    int64_t sent = civil_from_ntp(p->transmit, a->pivot);
    bool future = p->reftime && civil_from_ntp(p->reftime, a->pivot) - sent > FUTURE_NS;
    if (!p->receive || !p->transmit || future || p->precision > 0)
        return EXCHANGE_HEADER;
    if (p->root_delay / SHORT_UNIT / 2 + p->root_dispersion / SHORT_UNIT >= MAXDIST)
        return EXCHANGE_DISTANCE;
    return is_ours(p, a) ? EXCHANGE_LOOP : EXCHANGE_MEASURED;
}

/* Four stamps: left, reached the server, left it, arrived. */
static enum exchange_verdict measure(const struct exchange_pair *e, uint64_t received,
                                     uint64_t transmitted, const struct exchange_answer *a,
                                     struct exchange_sample *s)
{
    int64_t reached = civil_from_ntp(received, a->pivot);
    int64_t back = civil_from_ntp(transmitted, a->pivot);
    double away = (double)(e->arrived - e->left) * 1e-9, there = (double)(back - reached) * 1e-9;
    double error = a->precision + exp2(s->precision);
    if (there < 0 || away < 0 || away - there < -error - STAMPS_OFF)
        return EXCHANGE_DELAY;
    /* a little less than nothing is what the stamps are off by, and so much they may mislead */
    s->delay = fmax(fabs(away - there), error);
    if (s->delay / 2 + s->root_delay / 2 + s->root_dispersion >= MAXDIST)
        return EXCHANGE_DISTANCE;
    s->local = e->left + (e->arrived - e->left) / 2;
    s->truth = reached + (back - reached) / 2;
    return EXCHANGE_MEASURED;
}

static struct exchange_sample describe(const struct ntp_packet *p, bool interleaved)
{
    return (struct exchange_sample){
        .root_delay = p->root_delay / SHORT_UNIT,
        .root_dispersion = p->root_dispersion / SHORT_UNIT,
        .refid = p->refid,
        .stratum = p->stratum,
        .leap = (enum leap)p->leap,
        .precision = p->precision,
        .interleaved = interleaved,
    };
}

enum exchange_verdict exchange_answer(struct exchange *x, const struct exchange_answer *a,
                                      struct exchange_sample *s, char code[5])
{
    struct ntp_packet p;
    bool interleaved;
    if (a->size < WIRE_SIZE)
        return EXCHANGE_SHORT;
    wire_decode(a->bytes, &p);
    if (p.mode != WIRE_MODE_SERVER || p.version != x->version)
        return EXCHANGE_MODE;
    enum exchange_verdict verdict = match(x, &p, &interleaved);
    if (verdict == EXCHANGE_MEASURED)
        verdict = judge_signature(a);
    if (verdict != EXCHANGE_MEASURED)
        return verdict;
    x->past = p.origin;
    x->now.answered = true;
    x->now.arrived = a->local;
    x->now.received = p.receive;
    verdict = judge_server(&p, a, code);
    if (verdict != EXCHANGE_MEASURED) {
        x->now = x->before = (struct exchange_pair){0};
        return verdict;
    }
    *s = describe(&p, interleaved);
    if (!interleaved)
        return measure(&x->now, p.receive, p.transmit, a, s);
    return measure(&x->before, x->before.received, p.transmit, a, s);
}
