/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/peer/peer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "refclock/civil.h"

#define BURST     8
#define BURST_NS  (2 * NS_PER_S)
#define CALM_ROW  8  /* good polls before the next longer one */
#define LOST_ROW  8  /* bad ones before it is asked less often, and another address looked for */
#define BACK_OFF  10 /* log2 s: so seldom is a server asked that does not answer */
#define RATE_MOST 13 /* log2 s: and never longer because of RATE */

static void on_timer(void *arg, int64_t now);

void peer_init(struct peer *p, const struct peer_config *config, struct net *net, struct loop *loop,
               struct rng *rng, const struct peer_listener *listener, void *arg)
{
    *p = (struct peer){
        .config = *config,
        .listener = listener,
        .arg = arg,
        .net = net,
        .loop = loop,
        .rng = rng,
        .precision = 1e-6,
        .timer = {.name = "peer", .fire = on_timer, .due = INT64_MAX},
    };
    p->timer.arg = p;
}

static void forget(struct peer *p)
{
    exchange_init(&p->exchange, (uint8_t)p->config.version, p->config.xleave);
    path_init(&p->path);
    clock_filter_init(&p->filter);
    p->poll = p->least = p->config.minpoll;
    p->round_left = 0;
    p->rounds = 0;
    p->good_row = p->bad_row = 0;
    p->reach = 0;
    p->measured = p->denied = p->unsure = false;
    p->useless = EXCHANGE_MEASURED;
    p->kiss[0] = 0;
    p->error = (struct err){0};
}

static void ask_later(struct peer *p, int64_t wait)
{
    loop_after(p->loop, &p->timer, net_wait(p->net, &p->address, wait));
}

void peer_start(struct peer *p, const union address *to)
{
    peer_stop(p);
    p->address = *to;
    forget(p);
    /* not all in the same instant */
    ask_later(p, (int64_t)(rng_uniform(p->rng) * 0.2e9));
}

static void end_query(struct peer *p)
{
    if (p->query)
        net_end(p->query);
    p->query = NULL;
}

void peer_stop(struct peer *p)
{
    loop_cancel(p->loop, &p->timer);
    end_query(p);
}

void peer_keys(struct peer *p, const struct keys *keys)
{
    p->keys = keys;
    if (p->config.key)
        end_query(p);
}

void peer_judged(struct peer *p, double innovation, double sigma, double error)
{
    path_judge(&p->path, p->last.delay, innovation, sigma, error);
}

/* ---- when it is asked ---- */

static int bounded(int poll, int least, int most)
{
    return poll < least ? least : poll > most && most >= least ? most : poll;
}

/* A round is over: the next one sooner or later. */
static void choose_poll(struct peer *p, bool answered)
{
    p->good_row = answered ? p->good_row + 1 : 0;
    p->bad_row = answered ? 0 : p->bad_row + 1;
    int most = p->config.maxpoll;
    if (p->bad_row >= LOST_ROW) {
        p->poll++;
        most = most < BACK_OFF ? BACK_OFF : most;
    }
    if (p->calm && p->good_row >= CALM_ROW) {
        p->good_row = 0;
        p->poll++;
    }
    p->poll = bounded(p->poll, p->least, most);
}

/* Intervals differ by some per cent, so that many clients do not keep step. */
static int64_t interval(struct peer *p)
{
    double s = exp2(p->poll) * (1 + (rng_uniform(p->rng) - 0.5) / 16);
    return (int64_t)(s * 1e9);
}

/* What the next question would have waited for at the longer poll is not waited for. */
void peer_calm(struct peer *p, bool calm)
{
    p->calm = calm;
    if (calm || !p->reach || p->poll == p->least)
        return;
    p->poll = p->least;
    int64_t wait = interval(p) - (loop_now(p->loop) - p->heard);
    if (p->measured && !p->round_left)
        ask_later(p, wait > BURST_NS ? wait : BURST_NS);
}

static const struct net_events events;

static const struct key *key_of(const struct peer *p)
{
    return p->config.key ? keys_find(p->keys, p->config.key) : NULL;
}

static void ask(struct peer *p)
{
    uint8_t request[WIRE_SIZE + MAC_ID_SIZE + MAC_DIGEST_LONG];
    size_t size = WIRE_SIZE;
    struct err err = {0};
    const struct key *key = key_of(p);
    end_query(p);
    if (p->config.key && !key) { /* never without */
        err_set(&p->error, "server", "add it to the key file", "there is no key %u", p->config.key);
        p->failed++;
        return;
    }
    int64_t local = clock_local(p->loop->clock, clock_now(p->loop->clock));
    exchange_request(&p->exchange, p->rng, p->poll, local, request);
    p->before_by = p->by;
    p->by = (struct peer_stamps){0};
    if (key)
        size = keys_sign(key, request, size, mac_size(&key->mac));
    if (net_ask(p->net, &p->address, request, size, &events, p, &p->query, &err)) {
        p->query = NULL;
        p->error = err;
        p->failed++;
        return;
    }
    p->sent++;
}

/* A round is one request, or a burst of them. */
static void begin_round(struct peer *p)
{
    if (p->rounds++)
        choose_poll(p, p->reach & 1);
    p->reach = (uint8_t)(p->reach << 1);
    p->round_left = p->config.burst || (p->config.iburst && !p->reach) ? BURST : 1;
}

static void on_timer(void *arg, int64_t now)
{
    struct peer *p = arg;
    (void)now;
    bool begins = !p->round_left;
    if (begins)
        begin_round(p);
    p->round_left--;
    ask(p);
    ask_later(p, p->round_left ? BURST_NS : interval(p));
    if (begins && p->bad_row > 0 && p->bad_row % LOST_ROW == 0)
        p->listener->silent(p->arg, p);
}

/* ---- what comes back ---- */

static void on_left(void *arg, int64_t local, enum net_witness by)
{
    struct peer *p = arg;
    if (by < p->by.sent)
        return;
    p->by.sent = by;
    exchange_left(&p->exchange, local);
}

static void on_failed(void *arg, const struct err *err)
{
    struct peer *p = arg;
    p->failed++;
    p->error = *err;
}

static void on_rate(struct peer *p)
{
    if (p->least < RATE_MOST)
        p->least = (p->poll > p->least ? p->poll : p->least) + 1;
    p->poll = p->least = p->least < RATE_MOST ? p->least : RATE_MOST;
    p->bad_row = -1; /* it lives: the round is no bad one */
    p->round_left = 0;
    ask_later(p, interval(p));
}

/* Says it once; who answers wrongly for long says nothing new. */
static void on_unsure(struct peer *p, enum exchange_verdict how)
{
    bool said = p->unsure;
    p->unsure = true;
    if (!said)
        p->listener->unsure(p->arg, p, how);
}

static void on_answer(void *arg, const uint8_t *bytes, size_t size, int64_t local,
                      enum net_witness by)
{
    struct peer *p = arg;
    struct exchange_sample s;
    struct exchange_answer a = {
        .bytes = bytes,
        .size = size,
        .local = local,
        .pivot = p->pivot + (local - p->pivot_local),
        .own = p->own,
        .own_count = p->own_count,
        .precision = p->precision,
        .key = key_of(p),
    };
    if (p->config.key && !a.key)
        return; /* it was taken away since */
    enum exchange_verdict verdict = exchange_answer(&p->exchange, &a, &s, p->kiss);
    p->verdict[verdict]++;
    if (verdict == EXCHANGE_UNSIGNED || verdict == EXCHANGE_KEY || verdict == EXCHANGE_NAK)
        on_unsure(p, verdict);
    if (verdict != EXCHANGE_DUPLICATE && verdict != EXCHANGE_BOGUS)
        p->by.came = by;
    /* while nothing better comes, whoever is there does not answer us */
    bool stray = verdict == EXCHANGE_BOGUS && !p->reach;
    if (verdict == EXCHANGE_MEASURED || verdict >= EXCHANGE_KISS_RATE || stray)
        p->useless = verdict;
    if (verdict == EXCHANGE_KISS_RATE)
        on_rate(p);
    if (verdict == EXCHANGE_KISS_DENY) {
        p->denied = true;
        peer_stop(p);
        p->listener->denied(p->arg, p);
    }
    if (verdict != EXCHANGE_MEASURED)
        return;
    p->error = (struct err){0};
    p->unsure = false;
    p->last = s;
    p->last_by = s.interleaved ? p->before_by : p->by;
    p->measured = true;
    p->reach |= 1;
    p->heard = local;
    double error = path_error(&p->path, s.delay, s.local, p->precision + exp2(s.precision));
    p->last_error = error;
    p->listener->sample(p->arg, p, &s, error);
}

static const struct net_events events = {.left = on_left, .answer = on_answer, .failed = on_failed};
