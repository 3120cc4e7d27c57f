/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whatever comes back from network servers, through exchange, peer and engine to what is served.
 * The first octet chooses the configuration. After that each request has an answer made of an octet
 * n and what follows it:
 *
 *   0x00..0x3f   a right answer in which n places are changed: each by an offset (octet, modulo 48)
 *                and the octet that is written there
 *   0x40..0x7f   the same, after an earlier answer was replayed
 *   0x80..0xbf   n - 0x80 octets as they are
 *   0xc0..0xdf   a right answer of a clock that is wrong by 2^((n & 31) - 8) s
 *   0xe0..0xef   none
 *   0xf0..0xff   a right answer
 *
 * Then right answers follow, for nothing that was sent may have harmed the association.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "refclock/refclock.h"
#include "server/peer/peers.h"
#include "tests/fuzz/fuzz.h"

#define START        (INT64_C(1795521600) * NS_PER_S)
#define DELAY        (5 * INT64_C(1000000)) /* ns, each way */
#define ANSWERS_MOST 100
#define RIGHT_ONES   12
#define BOUND_MOST   20.0 /* s, of an answer that claims time */

struct world {
    struct net net; /* first: the peers' */
    struct net_query query;
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct snapshot_latch latch;
    struct refclock refclock;
    struct config config;
    struct peers *peers;
    const struct net_events *events;
    void *arg;
    uint8_t request[WIRE_SIZE], earlier[WIRE_SIZE];
    int64_t asked; /* truth, ns; 0: nothing is asked */
};

static double steady(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 1e-6;
}

static int ask(struct net *net, const union address *to, const uint8_t *bytes, size_t size,
               const struct net_events *events, void *arg, struct net_query **out, struct err *err)
{
    struct world *w = (struct world *)net;
    (void)to;
    (void)err;
    REQUIRE(size == WIRE_SIZE);
    memcpy(w->request, bytes, size);
    w->events = events;
    w->arg = arg;
    w->asked = w->loop.truth;
    w->query.net = net;
    *out = &w->query;
    return 0;
}

static void end(struct net_query *q)
{
    ((struct world *)q->net)->asked = 0;
}

static void own(struct net *net, struct own_addresses *addresses)
{
    (void)net;
    addresses->count = 0;
}

static void begin(struct world *w, uint8_t choice)
{
    static const struct net_ops ops = {.ask = ask, .end = end, .own = own};
    static const char *const lines[] = {
        "server 192.0.2.1 minpoll 0 maxpoll 0\n",
        "server 192.0.2.1 iburst minpoll 0 maxpoll 3 xleave\n",
        "server 192.0.2.1 version 3 minpoll 0 maxpoll 0 burst\n",
        "server 192.0.2.1 minpoll 0 maxpoll 0 xleave trust\n",
    };
    const struct refclock_config engine = {
        .refid = 1, .steplimit = 0.5, .holdover_limit = 1e-3, .local_stratum = choice & 8 ? 10 : 0};
    struct config_errors errors;
    struct err err;
    const char *line = lines[choice & 3];
    memset(w, 0, sizeof *w);
    w->net.ops = &ops;
    w->loop.truth = START;
    clock_virtual_init(&w->clock, loop_virtual_truth, steady, &w->loop, choice & 16 ? 1e-3 : 0);
    w->clock.clock.steerable = choice & 4;
    loop_virtual_init(&w->loop, &w->clock.clock, START);
    w->loop.loop.now = START;
    snapshot_latch_init(&w->latch);
    refclock_init(&w->refclock, &engine, &w->loop.loop, NULL, &w->latch);
    REQUIRE(!config_parse(&w->config, "fuzz", line, strlen(line), &errors));
    const struct rng rng = rng_seeded(1, 0);
    REQUIRE(!peers_open(&w->peers, &w->refclock, &w->net, &rng, NULL, &err));
    peers_apply(w->peers, &w->config, NULL);
    refclock_start(&w->refclock);
    peers_second(w->peers, START, false);
}

/* Until something is asked. False: for an hour nothing is. */
static bool until_asked(struct world *w)
{
    int64_t until = w->loop.truth + 3600 * NS_PER_S;
    while (!w->asked && w->loop.truth < until)
        REQUIRE(!loop_turn(&w->loop.loop, until));
    return w->asked;
}

static void pass(struct world *w, int64_t until)
{
    while (w->loop.truth < until)
        REQUIRE(!loop_turn(&w->loop.loop, until));
}

static void right_answer(const struct world *w, double wrong, uint8_t bytes[WIRE_SIZE])
{
    struct ntp_packet q, p;
    int64_t by = llrint(wrong * 1e9);
    wire_decode(w->request, &q);
    p = (struct ntp_packet){
        .version = q.version,
        .mode = WIRE_MODE_SERVER,
        .stratum = 1,
        .precision = -20,
        .root_dispersion = 10,
        .refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
        .origin = q.transmit,
        .receive = civil_to_ntp(w->asked + DELAY + by),
        .transmit = civil_to_ntp(w->asked + DELAY + by),
    };
    wire_encode(&p, bytes);
}

static void deliver(const struct world *w, const uint8_t *bytes, size_t size)
{
    if (w->asked)
        w->events->answer(w->arg, bytes, size, loop_now(&w->loop.loop), NET_KERNEL);
}

/* What is claimed is a time with a bound, whoever said it. */
static void look(struct world *w)
{
    struct snapshot s;
    snapshot_read(&w->latch, &s);
    REQUIRE(isfinite(s.total) && s.total > 0 && isfinite(s.offset) && isfinite(s.rate));
    REQUIRE(s.stratum >= 1 && s.stratum <= 16);
    if (s.leap != LEAP_UNKNOWN)
        REQUIRE(s.stratum > 1 && s.stratum < 16 && (s.total < BOUND_MOST || s.stratum == 10));
    struct status_source row = {0};
    peers_describe(peers_member(w->peers, 0), &w->refclock, loop_now(&w->loop.loop), &row);
    REQUIRE(*row.sentence && *row.verdict);
}

/* One answer as the input has it. Octets used. */
static size_t answer(struct world *w, const uint8_t *data, size_t size)
{
    uint8_t bytes[WIRE_SIZE], n = data[0];
    size_t used = 1;
    double wrong = n >= 0xc0 && n < 0xe0 ? ldexp(1, (n & 31) - 8) : 0;
    right_answer(w, wrong, bytes);
    pass(w, w->asked + 2 * DELAY);
    if (n >= 0xe0 && n < 0xf0)
        return used;
    if (n >= 0x80 && n < 0xc0) {
        size_t length = size - 1 < (size_t)(n - 0x80) ? size - 1 : (size_t)(n - 0x80);
        deliver(w, data + 1, length);
        return used + length;
    }
    if (n >= 0x40 && n < 0x80)
        deliver(w, w->earlier, sizeof w->earlier);
    for (int i = 0; n < 0x80 && i < (n & 0x3f) && used + 2 <= size; i++, used += 2)
        bytes[data[used] % WIRE_SIZE] = data[used + 1];
    memcpy(w->earlier, bytes, sizeof bytes);
    deliver(w, bytes, sizeof bytes);
    return used;
}

static void finish(struct world *w)
{
    peers_close(w->peers);
    refclock_stop(&w->refclock);
    config_free(&w->config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w; /* too large for the stack of some machines; set anew each time */
    if (!size)
        return 0;
    begin(&w, data[0]);
    size_t at = 1;
    for (int i = 0; at < size && i < ANSWERS_MOST && until_asked(&w); i++) {
        w.asked = w.loop.truth;
        at += answer(&w, data + at, size - at);
        w.asked = 0;
        look(&w);
    }
    const struct peer *p = peers_member(w.peers, 0)->peer;
    uint64_t before = p->verdict[EXCHANGE_MEASURED];
    for (int i = 0; i < RIGHT_ONES && !p->denied && until_asked(&w); i++) {
        uint8_t bytes[WIRE_SIZE];
        right_answer(&w, 0, bytes);
        pass(&w, w.asked + 2 * DELAY);
        deliver(&w, bytes, sizeof bytes);
        w.asked = 0;
        look(&w);
    }
    REQUIRE(p->denied || p->verdict[EXCHANGE_MEASURED] > before);
    finish(&w);
    return 0;
}
