/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One server behind a made-up network, in virtual time: when is it asked, and what then? */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "refclock/snapshot.h"
#include "server/peer/peer.h"

#define START (INT64_C(1795500000) * NS_PER_S)
#define ASKED 64
#define DELAY (10 * INT64_C(1000000))

enum manner { ANSWERS, SILENT, RATE, DENY, UNSIGNED, WRONGLY_SIGNED };

struct world {
    struct net net; /* first: the peer's */
    struct net_query query;
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct rng rng;
    struct peer peer;
    enum manner manner;
    /* the request under way */
    const struct net_events *events;
    void *arg;
    uint8_t answer[WIRE_SIZE + 24];
    size_t answer_size;
    struct loop_timer reply;
    /* what was seen */
    int64_t asked[ASKED]; /* true times since the start, ns */
    int asks, samples, denied, silent, unsure;
    enum exchange_verdict how;
    double error;
};

static double steady(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

static int made_up_ask(struct net *net, const union address *to, const uint8_t *bytes, size_t size,
                       const struct net_events *events, void *arg, struct net_query **out,
                       struct err *err)
{
    struct world *w = (struct world *)net;
    struct ntp_packet q;
    (void)to;
    (void)err;
    assert_int_equal(size, w->peer.config.key ? WIRE_SIZE + 24 : WIRE_SIZE);
    wire_decode(bytes, &q);
    if (w->asks < ASKED)
        w->asked[w->asks] = w->loop.truth - START;
    w->asks++;
    w->events = events;
    w->arg = arg;
    struct ntp_packet p = {
        .version = q.version,
        .mode = WIRE_MODE_SERVER,
        .stratum = w->manner == RATE || w->manner == DENY ? 0 : 1,
        .precision = -20,
        .root_dispersion = 10,
        .refid = w->manner == RATE   ? SNAPSHOT_REFID('R', 'A', 'T', 'E')
                 : w->manner == DENY ? SNAPSHOT_REFID('D', 'E', 'N', 'Y')
                                     : SNAPSHOT_REFID('P', 'P', 'S', 0),
        .origin = q.transmit,
        .receive = civil_to_ntp(w->loop.truth + DELAY),
        .transmit = civil_to_ntp(w->loop.truth + DELAY),
    };
    wire_encode(&p, w->answer);
    w->answer_size = WIRE_SIZE;
    if (w->peer.config.key && w->manner != UNSIGNED) {
        const struct key *key = keys_find(w->peer.keys, w->peer.config.key);
        assert_true(mac_right(&key->mac, bytes, WIRE_SIZE, bytes + WIRE_SIZE + 4, 20));
        w->answer_size = keys_sign(key, w->answer, WIRE_SIZE, 20);
        w->answer[WIRE_SIZE + 10] ^= w->manner == WRONGLY_SIGNED;
    }
    if (w->manner != SILENT)
        loop_after(&w->loop.loop, &w->reply, 2 * DELAY);
    w->query.net = net;
    *out = &w->query;
    return 0;
}

static void made_up_end(struct net_query *q)
{
    struct world *w = (struct world *)q->net;
    loop_cancel(&w->loop.loop, &w->reply);
}

static void on_reply(void *arg, int64_t now)
{
    struct world *w = arg;
    w->events->answer(w->arg, w->answer, w->answer_size, now, NET_KERNEL);
}

static void on_sample(void *arg, struct peer *p, const struct exchange_sample *s, double error)
{
    struct world *w = arg;
    (void)p;
    assert_true(llabs(s->truth - s->local) < NS_PER_S);
    w->samples++;
    w->error = error;
}

static void on_denied(void *arg, struct peer *p)
{
    assert_true(p->denied);
    ((struct world *)arg)->denied++;
}

static void on_silent(void *arg, struct peer *p)
{
    assert_false(p->denied);
    ((struct world *)arg)->silent++;
}

static void on_unsure(void *arg, struct peer *p, enum exchange_verdict how)
{
    struct world *w = arg;
    (void)p;
    w->unsure++;
    w->how = how;
}

static void setup(struct world *w, struct peer_config config, enum manner manner)
{
    static const struct net_ops net_ops = {.ask = made_up_ask, .end = made_up_end};
    static const struct peer_listener listener = {
        .sample = on_sample, .denied = on_denied, .silent = on_silent, .unsure = on_unsure};
    memset(w, 0, sizeof *w);
    w->net.ops = &net_ops;
    w->manner = manner;
    w->rng = rng_seeded(4, 1);
    w->loop.truth = START;
    clock_virtual_init(&w->clock, loop_virtual_truth, steady, &w->loop, 0);
    loop_virtual_init(&w->loop, &w->clock.clock, START);
    w->loop.loop.now = START;
    w->reply = (struct loop_timer){.name = "reply", .fire = on_reply, .arg = w, .due = INT64_MAX};
    peer_init(&w->peer, &config, &w->net, &w->loop.loop, &w->rng, &listener, w);
    w->peer.pivot = START;
    w->peer.pivot_local = START;
    union address to = {.v4 = {.sin_family = AF_INET}};
    peer_start(&w->peer, &to);
}

static void run(struct world *w, double seconds)
{
    int64_t end = w->loop.truth + (int64_t)(seconds * 1e9);
    struct loop *loop = &w->loop.loop;
    while (w->loop.truth < end && loop->timers)
        assert_int_equal(loop_turn(loop, end), 0);
}

static const struct peer_config usual = {.minpoll = 6, .maxpoll = 10, .version = 4, .iburst = true};

static double gap(const struct world *w, int i)
{
    return (double)(w->asked[i + 1] - w->asked[i]) * 1e-9;
}

static void iburst_asks_eight_times_and_then_each_poll(void **state)
{
    (void)state;
    struct world w;
    setup(&w, usual, ANSWERS);
    run(&w, 300);
    assert_in_range(w.asks, 11, 13);
    for (int i = 0; i < 7; i++)
        assert_true(fabs(gap(&w, i) - 2) < 0.01);
    for (int i = 7; i < 10; i++)
        assert_true(fabs(gap(&w, i) - 64) < 2.5);
    assert_int_equal(w.samples, w.asks);
    assert_true(w.error < 2e-3);
    assert_int_equal(w.peer.reach & 7, 7);
    peer_stop(&w.peer);
}

static void it_is_asked_seldom_while_others_lead_and_often_when_not(void **state)
{
    (void)state;
    struct world w;
    setup(&w, usual, ANSWERS);
    peer_calm(&w.peer, true);
    run(&w, 100000);
    assert_int_equal(w.peer.poll, 10);
    int before = w.asks;
    peer_calm(&w.peer, false);
    assert_int_equal(w.peer.poll, 6);
    run(&w, 70); /* what was left of the long interval is not waited for */
    assert_in_range(w.asks - before, 1, 3);
    run(&w, 50000);
    assert_int_equal(w.peer.poll, 6);
    peer_stop(&w.peer);
}

static void b2_rate_lengthens_the_poll_with_a_cap_and_deny_ends_it(void **state)
{
    (void)state;
    struct world w;
    setup(&w, usual, RATE);
    run(&w, 300);
    assert_true(w.asks <= 3); /* no burst goes on */
    run(&w, 1000000);
    assert_true(w.peer.poll <= 13);
    int before = w.asks;
    w.manner = ANSWERS;
    run(&w, 20000);
    assert_true(w.asks > before && w.samples > 0);
    w.manner = DENY;
    run(&w, 20000);
    assert_int_equal(w.denied, 1);
    before = w.asks;
    run(&w, 20000);
    assert_int_equal(w.asks, before);
    peer_stop(&w.peer);
}

static void a_silent_server_is_asked_less_and_less(void **state)
{
    (void)state;
    struct world w;
    struct peer_config config = usual;
    config.iburst = false;
    config.maxpoll = 6;
    setup(&w, config, SILENT);
    run(&w, 8 * 70);
    assert_in_range(w.asks, 8, 10);
    assert_int_equal(w.peer.reach, 0);
    run(&w, 3000);
    assert_true(w.peer.poll > 8);
    assert_int_equal(w.silent, 1);
    run(&w, 40000);
    assert_int_equal(w.peer.poll, 10);
    assert_in_range(w.silent, 4, 6);
    assert_true(w.asks <= 60);
    w.manner = ANSWERS;
    run(&w, 2000);
    assert_true(w.samples > 0);
    assert_int_equal(w.peer.poll, 6);
    peer_stop(&w.peer);
}

static void a_short_minpoll_is_kept(void **state)
{
    (void)state;
    struct world w;
    struct peer_config config = {.minpoll = -2, .maxpoll = -2, .version = 4, .xleave = true};
    setup(&w, config, ANSWERS);
    run(&w, 10);
    assert_in_range(w.asks, 38, 43);
    peer_stop(&w.peer);
}

static void a9_an_answer_under_way_while_keys_change_counts_for_nothing(void **state)
{
    (void)state;
    static const char old_text[] = "9 SHA1 secret\n", new_text[] = "9 SHA1 other\n";
    struct peer_config config = usual;
    struct keys_want want = {.path = "keys"};
    struct keys *old = NULL, *new = NULL;
    struct world w;
    assert_int_equal(keys_parse(&old, &want, old_text, sizeof old_text - 1, NULL), 0);
    assert_int_equal(keys_parse(&new, &want, new_text, sizeof new_text - 1, NULL), 0);
    config.key = 9;
    setup(&w, config, ANSWERS);
    w.peer.keys = old;
    while (!w.asks)
        run(&w, DELAY * 1e-9);
    assert_non_null(w.peer.query);
    peer_keys(&w.peer, new);
    run(&w, 300);
    assert_int_equal(w.peer.verdict[EXCHANGE_KEY], 0);
    assert_int_equal(w.unsure, 0);
    assert_true(w.asks > 4 && w.samples == w.asks - 1);
    peer_stop(&w.peer);
    keys_free(old);
    keys_free(new);
}

static void a9_a_wrong_key_is_said_once_and_a_right_one_goes_on(void **state)
{
    (void)state;
    static const char text[] = "9 SHA1 secret\n";
    struct peer_config config = usual;
    struct keys_want want = {.path = "keys"};
    struct keys *k = NULL;
    struct world w;
    assert_int_equal(keys_parse(&k, &want, text, sizeof text - 1, NULL), 0);
    config.key = 9;
    setup(&w, config, UNSIGNED);
    w.peer.keys = k;
    run(&w, 300);
    assert_true(w.asks > 8 && w.samples == 0 && w.peer.unsure && !w.peer.reach);
    assert_int_equal(w.unsure, 1);
    assert_int_equal(w.how, EXCHANGE_UNSIGNED);
    assert_int_equal(w.peer.verdict[EXCHANGE_UNSIGNED], w.asks);
    w.manner = ANSWERS;
    run(&w, 300);
    assert_true(w.samples > 2 && !w.peer.unsure && w.peer.reach);
    w.manner = WRONGLY_SIGNED;
    run(&w, 300);
    assert_int_equal(w.unsure, 2);
    assert_int_equal(w.how, EXCHANGE_KEY);
    /* a key that is gone: nothing is sent without it, and nothing believed */
    w.peer.keys = NULL;
    w.manner = UNSIGNED;
    int asks = w.asks, samples = w.samples;
    run(&w, 3000);
    assert_int_equal(w.asks, asks);
    assert_int_equal(w.samples, samples);
    assert_non_null(strstr(w.peer.error.why, "no key 9"));
    peer_stop(&w.peer);
    keys_free(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(iburst_asks_eight_times_and_then_each_poll),
        cmocka_unit_test(it_is_asked_seldom_while_others_lead_and_often_when_not),
        cmocka_unit_test(b2_rate_lengthens_the_poll_with_a_cap_and_deny_ends_it),
        cmocka_unit_test(a_silent_server_is_asked_less_and_less),
        cmocka_unit_test(a_short_minpoll_is_kept),
        cmocka_unit_test(a9_an_answer_under_way_while_keys_change_counts_for_nothing),
        cmocka_unit_test(a9_a_wrong_key_is_said_once_and_a_right_one_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
