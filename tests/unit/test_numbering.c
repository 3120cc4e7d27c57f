/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/numbering.h"
#include "refclock/rng.h"

#define SECOND INT64_C(1000000000)
#define BASE   INT64_C(1795521600)
#define SEEDS  20
#define MOST   4096

/* ---- a receiver: edges and messages in the order in which they arrive ---- */

enum jitter { NONE, UNIFORM, EXPONENTIAL, ONE_SIDED };

struct receiver {
    double delay, drift, size; /* s, s/s, s */
    enum jitter jitter;
    double rate;           /* frequency error of the local clock */
    double missing, stray; /* share of edges */
    int no_edge[2];        /* seconds from, to */
    int no_label[2];
    int wrong[2], wrong_by; /* messages that are whole seconds wrong */
    double wrong_delay;     /* added to their delay */
    double stated[2];       /* 0, 0: not stated */
    double first_late;      /* the first message lay in a buffer for so long, s */
    double bounce;          /* every edge comes twice, the second so much later, s; 0: no */
};

struct event {
    int64_t at;     /* local */
    int64_t second; /* true, of an edge; claimed, of a message */
    bool edge, stray;
};

struct result {
    struct numbering n;
    double rate;
    int used, wrong, first, last; /* edges numbered, and by a wrong second; when, s */
    bool ambiguous;
    int states[NUMBERING_NUMBERED + 1]; /* seconds in each state */
};

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static double jitter_of(const struct receiver *r, struct rng *rng)
{
    switch (r->jitter) {
    case UNIFORM:
        return r->size * (2 * rng_uniform(rng) - 1);
    case EXPONENTIAL:
        return rng_exponential(rng, r->size);
    case ONE_SIDED:
        return r->size * rng_uniform(rng);
    default:
        return 0;
    }
}

static bool within(const int *span, int i)
{
    return i >= span[0] && i < span[1];
}

static int64_t local_of(const struct receiver *r, double t)
{
    return BASE * SECOND + llrint(t * (1 + r->rate) * 1e9);
}

static size_t edges_of(const struct receiver *r, int i, struct rng *rng, struct event *e)
{
    size_t n = 0;
    bool stray = rng_uniform(rng) < r->stray, missing = rng_uniform(rng) < r->missing;
    double at = rng_uniform(rng), noise = 1e-6 * rng_gauss(rng);
    if (within(r->no_edge, i))
        return 0;
    if (!missing)
        e[n++] = (struct event){local_of(r, i + noise), BASE + i, true, false};
    if (stray)
        e[n++] = (struct event){local_of(r, i + at), BASE + i, true, true};
    if (r->bounce > 0)
        e[n++] = (struct event){local_of(r, i + r->bounce), BASE + i, true, true};
    return n;
}

static size_t message_of(const struct receiver *r, int i, struct rng *rng, struct event *e)
{
    bool wrong = within(r->wrong, i);
    double delay = r->delay + r->drift * i + jitter_of(r, rng) + (i == 0 ? r->first_late : 0) +
                   (wrong ? r->wrong_delay : 0);
    if (within(r->no_label, i))
        return 0;
    *e = (struct event){local_of(r, i + delay), BASE + i + (wrong ? r->wrong_by : 0), false, false};
    return 1;
}

static void count(struct result *out, const struct event *e, const struct sample *s, bool stray)
{
    int t = (int)llrint((double)(e->at - BASE * SECOND) * 1e-9);
    out->used++;
    if (out->first < 0)
        out->first = t;
    out->last = t;
    /* a stray edge that is taken for a pulse is for the gate; its second must be the nearest */
    double off =
        (double)(s->truth - BASE * SECOND) - (double)(s->local - BASE * SECOND) / (1 + out->rate);
    out->wrong += fabs(off) > (stray ? 0.5e9 : 0.05e9);
}

static void feed(struct result *out, const struct receiver *r, const struct event *e)
{
    struct sample s;
    if (e->edge) {
        struct edge edge = {.local = e->at, .uncertainty = 1e-6};
        if (numbering_edge(&out->n, &edge, &s))
            count(out, e, &s, e->stray);
        out->states[out->n.state]++;
        return;
    }
    bool stated = r->stated[1] > 0;
    struct timelabel l = {.second = e->second,
                          .local = e->at,
                          .delay_min = stated ? r->stated[0] : (double)NAN,
                          .delay_max = stated ? r->stated[1] : (double)NAN,
                          .leap = LEAP_UNKNOWN};
    out->ambiguous |= numbering_label(&out->n, &l) == NUMBERING_AMBIGUOUS;
    while (numbering_take(&out->n, &s))
        count(out, e, &s, false);
}

static struct result play(const struct receiver *r, int seconds, uint64_t seed)
{
    static struct event events[4 * MOST];
    struct result out = {.rate = r->rate, .first = -1, .last = -1};
    struct rng rng = rng_seeded(seed, 9);
    size_t n = 0;
    assert_true(seconds <= MOST);
    numbering_init(&out.n);
    for (int i = 0; i < seconds; i++) {
        n += edges_of(r, i, &rng, events + n);
        n += message_of(r, i, &rng, events + n);
    }
    qsort(events, n, sizeof *events, by_time);
    for (size_t i = 0; i < n; i++)
        feed(&out, r, &events[i]);
    return out;
}

/* ---- which delays tell the second ---- */

static const struct {
    enum jitter jitter;
    int right[2], silent[2]; /* ms: right second; no number at all. Between: never a wrong one */
} kinds[] = {
    {NONE, {20, 800}, {850, 1000}},
    {UNIFORM, {80, 800}, {860, 1000}},
    {EXPONENTIAL, {20, 800}, {820, 1000}},
    {ONE_SIDED, {20, 800}, {820, 1000}},
};

static void delays(int from, int to, void (*judge)(const struct result *, int kind, int delay))
{
    for (int kind = 0; kind < 4; kind++)
        for (int ms = from; ms <= to; ms += 10 + (ms >= 100 && ms < 700) * 90)
            for (uint64_t seed = 0; seed < SEEDS; seed++) {
                struct receiver r = {.delay = ms * 1e-3, .size = 0.05};
                r.jitter = kinds[kind].jitter;
                struct result out = play(&r, 120, seed);
                judge(&out, kind, ms);
            }
}

static void is_right(const struct result *out, int kind, int ms)
{
    if (out->wrong)
        print_error("jitter %d, delay %d ms: wrong second\n", kind, ms);
    assert_int_equal(out->wrong, 0);
    assert_int_equal(out->n.renumbered, 0);
    if (ms < kinds[kind].right[0] || ms > kinds[kind].right[1])
        return;
    /* an exponential tail reaches the next second now and then: that is when it may be silent */
    bool tail = kinds[kind].jitter == EXPONENTIAL && ms >= 600;
    if (!tail && (out->first < 0 || out->first > 20))
        print_error("jitter %d, delay %d ms: first numbered at %d s\n", kind, ms, out->first);
    assert_true(tail || (out->first >= 0 && out->first <= 20));
}

static void delays_of_20_to_800_ms(void **state)
{
    (void)state;
    delays(0, 850, is_right);
}

static void is_silent(const struct result *out, int kind, int ms)
{
    if (ms < kinds[kind].silent[0] || ms > kinds[kind].silent[1])
        return;
    if (out->used)
        print_error("jitter %d, delay %d ms: %d edges were numbered\n", kind, ms, out->used);
    assert_int_equal(out->used, 0);
}

static void delays_of_850_ms_and_more(void **state)
{
    (void)state;
    delays(820, 1000, is_silent);
}

/* Near a second the tail alone shows sometimes, for hours: 600 chances a seed. */
static void no_luck_in_the_long_run(void **state)
{
    (void)state;
    for (int ms = 900; ms <= 1000; ms += 10)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct receiver r = {.delay = ms * 1e-3, .size = 0.05, .jitter = EXPONENTIAL};
            assert_int_equal(play(&r, 600, seed).used, 0);
        }
}

/* A steady receiver is numbered in a few seconds. */
static void few_messages_are_enough(void **state)
{
    (void)state;
    struct receiver r = {.delay = 0.15, .size = 0.004, .jitter = UNIFORM};
    struct result out = play(&r, 100, 1);
    assert_in_range(out.first, 2, 5);
    assert_int_equal(out.used, 100); /* those that waited, too */
    r.size = 0.015;
    assert_in_range(play(&r, 100, 1).first, 4, 8);
}

/* One message just before the next pulse takes the number away, as long as it is remembered. */
static void one_message_at_the_end_of_the_second(void **state)
{
    (void)state;
    struct receiver r = {.delay = 0.79, .wrong = {50, 51}, .wrong_delay = 0.19};
    struct result out = play(&r, 58, 1);
    assert_int_equal(out.n.state, NUMBERING_AMBIGUOUS);
    out = play(&r, 100, 1);
    assert_int_equal(out.n.state, NUMBERING_NUMBERED);
    assert_int_equal(out.states[NUMBERING_AMBIGUOUS], NUMBERING_DELAYS);
}

/* ---- a delay that drifts ---- */

static void drifting_delays(void **state)
{
    (void)state;
    for (int ms = -10; ms <= 10; ms++)
        for (uint64_t seed = 0; seed < 4 && ms; seed++) {
            struct receiver r = {.delay = 0.3, .drift = ms * 1e-3, .size = 0.02};
            r.jitter = UNIFORM;
            /* until it has wrapped, and once around again */
            struct result out = play(&r, 1500 / abs(ms) + 100, seed);
            assert_int_equal(out.wrong, 0);
            assert_int_equal(out.n.renumbered, 0);
            assert_true(out.ambiguous);
            assert_int_not_equal(out.n.state, NUMBERING_NUMBERED);
            /* 0.3 s + drift x t +- 20 ms was clear of both ends when the last edge was numbered */
            double last = 0.3 + ms * 1e-3 * out.last;
            if (last <= 0 || last >= 0.95)
                print_error("%d ms/s: still numbered at %g s\n", ms, last);
            assert_true(last > 0 && last < 0.95);
            assert_true(out.used > 100 / abs(ms));
        }
}

/* It comes back before it wraps: numbered again, by the same count. */
static void a_delay_that_comes_back(void **state)
{
    (void)state;
    struct result out = {.first = -1};
    struct receiver r = {0};
    numbering_init(&out.n);
    for (int i = 0; i < 300; i++) {
        double delay = 0.5 + 0.42 * sin(i / 50.0);
        struct event edge = {local_of(&r, i), BASE + i, true, false};
        struct event label = {local_of(&r, i + delay), BASE + i, false, false};
        feed(&out, &r, &edge);
        feed(&out, &r, &label);
        if (delay > 0.9)
            assert_int_equal(out.n.state, NUMBERING_AMBIGUOUS);
    }
    assert_int_equal(out.wrong, 0);
    assert_int_equal(out.n.state, NUMBERING_NUMBERED);
    assert_true(out.used > 250);
}

/* ---- edges ---- */

static void damaged_edges(void **state)
{
    (void)state;
    const struct receiver rows[] = {
        {.delay = 0.2, .missing = 0.3},
        {.delay = 0.2, .stray = 0.1},
        {.delay = 0.2, .missing = 0.2, .stray = 0.1},
        {.delay = 0.2, .bounce = 0.001},
        {.delay = 0.2, .bounce = 0.1},
        {.delay = 0.2, .rate = 480e-6},
        {.delay = 0.2, .rate = -480e-6, .missing = 0.5},
        {.delay = 0.2, .no_edge = {100, 300}, .rate = 450e-6},
        {.delay = 0.2, .no_edge = {100, 300}, .rate = -450e-6},
        {.delay = 0.2, .no_edge = {100, 900}},
        {.delay = 0.2, .no_label = {100, 900}},
        {.delay = 0.2, .no_label = {100, 900}, .no_edge = {200, 800}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct result out = play(&rows[i], 1000, seed);
            if (out.wrong)
                print_error("row %zu, seed %d\n", i, (int)seed);
            assert_int_equal(out.wrong, 0);
            assert_int_equal(out.n.state, NUMBERING_NUMBERED);
            assert_in_range(out.last, 990, 1000);
            assert_true(out.used > (rows[i].no_edge[1] ? 150 : 450));
            assert_int_equal(out.n.conflicts, 0);
        }
}

/* The first edges were none: the grid is given up for one that three edges agree on. */
static void a_grid_that_was_wrong(void **state)
{
    (void)state;
    struct result out = {.first = -1};
    struct receiver r = {0};
    numbering_init(&out.n);
    struct event stray = {local_of(&r, -0.3), BASE, true, true};
    feed(&out, &r, &stray);
    for (int i = 0; i < 30; i++) {
        struct event edge = {local_of(&r, i), BASE + i, true, false};
        struct event label = {local_of(&r, i + 0.4), BASE + i, false, false};
        feed(&out, &r, &edge);
        feed(&out, &r, &label);
    }
    assert_int_equal(out.n.state, NUMBERING_NUMBERED);
    assert_int_equal(out.wrong, 0);
    assert_int_equal(out.n.off_grid_edges, 3);
}

/* ---- messages that are wrong ---- */

static void one_or_two_wrong_messages(void **state)
{
    (void)state;
    static const int by[] = {1, -1, 3600, -2, 86400};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++)
        for (int n = 1; n <= 2; n++) {
            struct receiver r = {.delay = 0.3, .wrong = {100, 100 + n}, .wrong_by = by[i]};
            struct result out = play(&r, 200, 1);
            assert_int_equal(out.wrong, 0);
            assert_int_equal(out.used, 200);
            assert_int_equal(out.n.conflicts, n);
            assert_int_equal(out.states[NUMBERING_CONFLICT], 0);
        }
}

static void three_are_a_conflict(void **state)
{
    (void)state;
    static const int by[] = {1, -1, 3600};
    for (size_t i = 0; i < sizeof by / sizeof *by; i++) {
        struct receiver r = {.delay = 0.3, .wrong = {100, 140}, .wrong_by = by[i]};
        struct result out = play(&r, 200, 1);
        assert_int_equal(out.wrong, 0);
        assert_int_equal(out.n.renumbered, 0);
        assert_int_equal(out.n.state, NUMBERING_NUMBERED);
        assert_in_range(out.states[NUMBERING_CONFLICT], 36, 40);
        assert_int_equal(out.last, 199);
    }
}

/* A receiver that learns the leap seconds corrects itself by whole seconds and keeps its delay. */
static void a_correction_by_whole_seconds(void **state)
{
    (void)state;
    struct receiver r = {.delay = 0.3, .wrong = {0, 100}, .wrong_by = 3};
    struct result out = play(&r, 161, 1);
    assert_int_equal(out.n.state, NUMBERING_GATHERING);
    out = play(&r, 200, 1);
    assert_int_equal(out.n.renumbered, 1);
    assert_int_equal(out.n.state, NUMBERING_NUMBERED);
    assert_int_equal(out.n.number + out.n.anchor_index, BASE + 199);
    /* what agreed for long is believed for longer: minutes that are wrong pass without harm */
    r = (struct receiver){.delay = 0.3, .wrong = {1000, 1400}, .wrong_by = 1};
    out = play(&r, 1500, 1);
    assert_int_equal(out.wrong, 0);
    assert_int_equal(out.n.renumbered, 0);
    assert_int_equal(out.n.state, NUMBERING_NUMBERED);
    r.wrong[1] = 1500;
    assert_int_equal(play(&r, 1500, 1).n.renumbered, 1);
}

/* One that jumps by a second and comes at another delay as well is for a person to judge. */
static void a_jump_of_second_and_delay(void **state)
{
    (void)state;
    struct receiver r = {.delay = 0.3, .wrong = {100, 1000}, .wrong_by = -1, .wrong_delay = -0.2};
    struct result out = play(&r, 1000, 1);
    assert_int_equal(out.wrong, 0);
    assert_int_equal(out.n.renumbered, 0);
    assert_int_equal(out.n.state, NUMBERING_CONFLICT);
    assert_in_range(out.last, 99, 103);
}

static void the_first_message_lay_in_a_buffer(void **state)
{
    (void)state;
    for (int late = 50; late < 1000; late += 50)
        for (int ms = 100; ms <= 800; ms += 100) {
            struct receiver r = {.delay = ms * 1e-3, .size = 0.01, .jitter = UNIFORM};
            r.first_late = late * 1e-3;
            struct result out = play(&r, 100, 1);
            assert_int_equal(out.wrong, 0);
            if (out.n.state != NUMBERING_NUMBERED)
                print_error("delay %d ms, first %d ms later\n", ms, late);
            assert_int_equal(out.n.state, NUMBERING_NUMBERED);
            assert_in_range(out.first, 2, 45);
        }
}

/* ---- a delay that the user stated ---- */

static void stated_delays(void **state)
{
    (void)state;
    static const struct {
        double min, max;
        int ms;
        bool numbered;
    } rows[] = {
        {0.8, 1.0, 900, true},  {0.9, 1.3, 1100, true}, {1.0, 1.5, 1250, true},
        {0.8, 1.0, 500, false}, {0.1, 0.3, 600, false}, {0.0, 0.1, 10, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct receiver r = {.delay = rows[i].ms * 1e-3, .size = 0.05, .jitter = UNIFORM};
            memcpy(r.stated, &rows[i].min, sizeof r.stated);
            struct result out = play(&r, 100, seed);
            assert_int_equal(out.wrong, 0);
            assert_int_equal(out.n.state == NUMBERING_NUMBERED, rows[i].numbered);
        }
}

/* ---- interface ---- */

static void forgotten_on_request(void **state)
{
    (void)state;
    struct receiver r = {.delay = 0.3};
    struct result out = play(&r, 50, 1);
    uint64_t edges = out.n.edges;
    numbering_reset(&out.n);
    assert_int_equal(out.n.state, NUMBERING_EMPTY);
    assert_int_equal(out.n.edges, edges);
    assert_true(isnan(out.n.median));
    struct edge e = {.local = (BASE + 50) * SECOND};
    struct sample s;
    assert_int_equal(numbering_edge(&out.n, &e, &s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(delays_of_20_to_800_ms),
        cmocka_unit_test(delays_of_850_ms_and_more),
        cmocka_unit_test(no_luck_in_the_long_run),
        cmocka_unit_test(few_messages_are_enough),
        cmocka_unit_test(one_message_at_the_end_of_the_second),
        cmocka_unit_test(drifting_delays),
        cmocka_unit_test(a_delay_that_comes_back),
        cmocka_unit_test(damaged_edges),
        cmocka_unit_test(a_grid_that_was_wrong),
        cmocka_unit_test(one_or_two_wrong_messages),
        cmocka_unit_test(three_are_a_conflict),
        cmocka_unit_test(a_correction_by_whole_seconds),
        cmocka_unit_test(a_jump_of_second_and_delay),
        cmocka_unit_test(the_first_message_lay_in_a_buffer),
        cmocka_unit_test(stated_delays),
        cmocka_unit_test(forgotten_on_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
