/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What holds of every reply, whatever was asked and whatever the clock knows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "refclock/rng.h"
#include "reply_exchange.h"

/* Random packets, weighted towards requests, before random snapshots and stamps. */
static void randomise(struct exchange *x, struct rng *rng)
{
    begin(x, 4, WIRE_MODE_CLIENT);
    x->in.size = rng_u64(rng) % 4 ? WIRE_SIZE + rng_u64(rng) % 64 : rng_u64(rng) % 1600;
    for (size_t i = 0; i < x->in.size; i++)
        x->request[i] = (uint8_t)rng_u64(rng);
    if (rng_u64(rng) % 2)
        x->request[0] = (uint8_t)((rng_u64(rng) % 4 + 1) << 3 | (rng_u64(rng) % 2 ? 3 : 1));
    struct snapshot *s = &x->snapshot;
    s->offset = rng_gauss(rng) * pow(10, rng_uniform(rng) * 12 - 9);
    s->rate = rng_gauss(rng) * 1e-4;
    s->total = pow(10, rng_uniform(rng) * 12 - 9);
    s->drift = rng_uniform(rng) * 1e-3;
    s->reference = NOW - (int64_t)(rng_exponential(rng, 3) * 1e9);
    s->reftime = rng_u64(rng) % 4 ? NOW + (int64_t)(rng_gauss(rng) * 1e9) : 0;
    s->stratum = (uint8_t)(rng_u64(rng) % 18);
    s->leap = (uint8_t)(rng_u64(rng) % 4);
    s->locked_once = rng_u64(rng) % 2;
    s->transition = rng_u64(rng) % 16 == 0;
    x->in.receive.reading = NOW - (int64_t)(rng_gauss(rng) * 1e6);
    x->in.receive.known = rng_u64(rng) % 16;
    x->in.address = rng_u64(rng) % 16 ? 0 : (unsigned)(rng_u64(rng) % 16);
    x->in.kiss = rng_u64(rng) % 8 ? 0 : RATE;
}

static void check_answer(const struct exchange *x, uint64_t *synced)
{
    unsigned mode = wire_mode(x->request[0]);
    assert_true(x->in.size >= x->size && x->size >= WIRE_SIZE);
    assert_true(mode == WIRE_MODE_CLIENT || mode == WIRE_MODE_ACTIVE);
    assert_int_equal(x->answer.mode, mode + 1);
    assert_int_equal(x->answer.version, wire_version(x->request[0]));
    assert_in_range(x->answer.version, 1, 4);
    assert_memory_equal(x->out + 24, x->request + 40, 8);
    assert_true(x->answer.receive <= x->answer.transmit);
    assert_true(x->in.kiss || (x->answer.receive % 2 == 1 && x->answer.transmit % 2 == 0));
    assert_true(x->answer.reftime <= x->answer.receive);
    assert_true(x->answer.root_dispersion > 0);
    double bound = snapshot_bound(&x->snapshot, NOW);
    assert_true(x->answer.root_dispersion >= fmin(bound * 65536, UINT32_MAX));
    if (x->verdict == VERDICT_ANSWERED) {
        assert_in_range(x->answer.stratum, 1, 15);
        assert_in_range(x->answer.leap, 0, 2);
        ++*synced;
    } else {
        assert_int_equal(x->answer.stratum, 0);
        assert_int_equal(x->answer.leap, 3);
        assert_true(x->answer.refid == (x->in.kiss ? RATE : x->snapshot.locked_once ? 0 : INIT));
    }
}

static void test_properties_and_every_verdict_reached(void **state)
{
    (void)state;
    struct rng rng = rng_seeded(3, 1);
    uint64_t reached[VERDICT_COUNT] = {0}, synced = 0;
    static uint8_t untouched[REPLY_SIZE];
    struct keys *keys = some_keys();
    memset(untouched, 0x5a, sizeof untouched);
    for (int n = 0; n < 20000; n++) {
        struct exchange x;
        randomise(&x, &rng);
        x.in.keys = keys;
        if (n % 8 == 0) {
            x.in.size = WIRE_SIZE;
            uint32_t id = 1 + (uint32_t)n / 8 % 5;
            sign(&x, keys, id, id == 1 || id == 4 || n % 3 ? 16 : 20); /* some are too short */
        }
        reached[ask(&x)]++;
        if (x.verdict == VERDICT_ANSWERED || x.verdict == VERDICT_UNSYNCHRONISED ||
            x.verdict == VERDICT_KOD)
            check_answer(&x, &synced);
        else
            assert_true(x.size == 0 && !memcmp(x.out, untouched, sizeof untouched));
    }
    keys_free(keys);
    assert_true(synced > 500);
    for (int i = 0; i < VERDICT_COUNT; i++)
        if (!reached[i] && i != VERDICT_IGNORED && i != VERDICT_REFUSED && i != VERDICT_LEAKED &&
            i != VERDICT_QUERY && i != VERDICT_QUERY_LOST)
            fail_msg("verdict %s was never reached", verdict_table[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_properties_and_every_verdict_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
