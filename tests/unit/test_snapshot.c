/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"

#include "refclock/snapshot.h"

#define SECOND INT64_C(1000000000)

static void at_first_unsynchronised(void **state)
{
    (void)state;
    struct snapshot_latch latch;
    struct snapshot s;
    snapshot_latch_init(&latch);
    snapshot_read(&latch, &s);
    assert_int_equal(s.stratum, 16);
    assert_int_equal(s.leap, LEAP_UNKNOWN);
    assert_false(s.locked_once);
    assert_false(s.transition);
    assert_true(s.total > 0);
}

static void what_is_published_is_read(void **state)
{
    (void)state;
    struct snapshot_latch latch;
    struct snapshot in, out;
    snapshot_latch_init(&latch);
    memset(&in, 0, sizeof in);
    for (int i = 1; i < 100; i++) {
        in.reference = i * SECOND;
        in.drift = i * 1e-9;
        in.precision = (int8_t)-i;
        in.locked_once = i & 1;
        snapshot_publish(&latch, &in);
        snapshot_read(&latch, &out);
        assert_memory_equal(&in, &out, sizeof in);
    }
}

/* ---- a writer and readers at once ---- */

#define READERS 3
#define TURNS   200000

struct race {
    struct snapshot_latch latch;
    _Atomic int torn, back, stop;
    _Atomic uint64_t reads;
};

/* Every field follows from the number. */
static struct snapshot numbered(int64_t i)
{
    struct snapshot s = {
        .reference = i,
        .shift = -i,
        .offset = (double)i,
        .rate = (double)i * 2,
        .stat = (double)i * 3,
        .total = (double)i * 4,
        .drift = (double)i * 5,
        .reftime = i * 6,
        .root_delay = (double)i * 7,
        .refid = (uint32_t)i,
        .generation = (uint32_t)i * 3,
        .stratum = (uint8_t)i,
        .precision = (int8_t)(i & 63),
    };
    return s;
}

static bool whole(const struct snapshot *s)
{
    struct snapshot e = numbered(s->reference);
    return s->shift == e.shift && s->offset == e.offset && s->rate == e.rate && s->stat == e.stat &&
           s->total == e.total && s->drift == e.drift && s->reftime == e.reftime &&
           s->root_delay == e.root_delay && s->refid == e.refid && s->generation == e.generation &&
           s->stratum == e.stratum && s->precision == e.precision;
}

static void *reader(void *arg)
{
    struct race *r = arg;
    int64_t last = 0;
    while (!r->stop) {
        struct snapshot s;
        snapshot_read(&r->latch, &s);
        r->torn += !whole(&s);
        r->back += s.reference < last;
        last = s.reference;
        r->reads++;
    }
    return NULL;
}

static void no_reader_sees_half_of_one(void **state)
{
    (void)state;
    static struct race r;
    pthread_t threads[READERS];
    struct snapshot s = numbered(1);
    snapshot_latch_init(&r.latch);
    snapshot_publish(&r.latch, &s);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reader, &r), 0);
    for (int64_t i = 2; i < TURNS || (!r.reads && i < 50 * TURNS); i++) {
        s = numbered(i);
        snapshot_publish(&r.latch, &s);
    }
    r.stop = 1;
    for (int i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(r.torn, 0);
    assert_int_equal(r.back, 0);
    assert_true(r.reads > 0);
}

/* ---- the line ---- */

static void truth_of_a_reading(void **state)
{
    (void)state;
    struct snapshot s = {.reference = 1795521600 * SECOND, .offset = 1.5e-6, .rate = 1e-6};
    assert_int_equal(snapshot_truth(&s, s.reference), s.reference + 1500);
    assert_int_equal(snapshot_truth(&s, s.reference + SECOND), s.reference + SECOND + 2500);
    assert_int_equal(snapshot_truth(&s, s.reference - SECOND), s.reference - SECOND + 500);
    /* rounded to the nearest, either side of zero */
    s.rate = 0;
    s.offset = 0.6e-9;
    assert_int_equal(snapshot_truth(&s, s.reference), s.reference + 1);
    s.offset = -0.6e-9;
    assert_int_equal(snapshot_truth(&s, s.reference), s.reference - 1);
    s.offset = -0.4e-9;
    assert_int_equal(snapshot_truth(&s, s.reference), s.reference);
}

/* A clock that stands at 1970, or years ahead, loses no nanosecond. */
static void far_offsets(void **state)
{
    (void)state;
    static const int64_t shifts[] = {INT64_C(1795521600) * SECOND + 123456789,
                                     INT64_C(-1000000000) * SECOND - 1, 3600 * SECOND + 1};
    for (size_t i = 0; i < sizeof shifts / sizeof *shifts; i++) {
        struct snapshot s = {.reference = INT64_C(1795521600) * SECOND - shifts[i],
                             .shift = shifts[i],
                             .offset = 3e-9};
        assert_int_equal(snapshot_truth(&s, s.reference), INT64_C(1795521600) * SECOND + 3);
        assert_int_equal(snapshot_truth(&s, s.reference + 777), INT64_C(1795521600) * SECOND + 780);
    }
}

static void the_bound_grows_with_age(void **state)
{
    (void)state;
    struct snapshot s = {.reference = 1795521600 * SECOND, .total = 1e-5, .drift = 1e-7};
    assert_near(snapshot_bound(&s, s.reference), 1e-5, 1e-18);
    assert_near(snapshot_bound(&s, s.reference + 10 * SECOND), 1.1e-5, 1e-15);
    assert_near(snapshot_bound(&s, s.reference - 10 * SECOND), 1.1e-5, 1e-15);
}

static void identifiers(void **state)
{
    (void)state;
    assert_int_equal(SNAPSHOT_REFID('P', 'P', 'S', 0), 0x50505300);
    assert_int_equal(SNAPSHOT_REFID(0xff, 0, 0, 0xfe), 0xff0000fe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_first_unsynchronised),
        cmocka_unit_test(what_is_published_is_read),
        cmocka_unit_test(no_reader_sees_half_of_one),
        cmocka_unit_test(truth_of_a_reading),
        cmocka_unit_test(far_offsets),
        cmocka_unit_test(the_bound_grows_with_age),
        cmocka_unit_test(identifiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
