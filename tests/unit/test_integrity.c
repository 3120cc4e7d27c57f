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
#include "refclock/civil.h"
#include "refclock/integrity.h"
#include "refclock/rng.h"

#define SATELLITES 9

static const double home[] = {4180514.57, 851801.77, 4726034.69};

/* A receiver at home, and what is wrong with it. */
struct world {
    struct integrity g;
    struct integrity_input in;
    struct strength_satellite satellite[SATELLITES];
    struct rng rng;
    double east; /* m, away from home */
    double louder;
    bool silent; /* no satellites are reported */
};

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    integrity_init(&w->g, SITE_AUTO);
    w->rng = rng_seeded(7, 1);
    w->in = (struct integrity_input){
        .positioned = true, .accuracy = 4, .bias = (double)NAN, .drift = (double)NAN};
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

/* So many seconds as the world is, with the noise of a real receiver; returns the last verdict. */
static enum receiver_trust run(struct world *w, int seconds)
{
    for (int i = 0; i < seconds; i++) {
        w->in.local += NS_PER_S;
        for (int k = 0; k < 3; k++)
            w->in.ecef[k] = home[k] + 1.5 * rng_gauss(&w->rng);
        w->in.ecef[1] += w->east;
        for (int k = 0; k < SATELLITES; k++)
            w->satellite[k] = (struct strength_satellite){
                .key = k + 1, .cn0 = (int)lrint(38 + k + w->louder + rng_gauss(&w->rng))};
        w->in.satellite = w->silent ? NULL : w->satellite;
        w->in.satellites = SATELLITES;
        if (!isnan(w->in.bias))
            w->in.bias += w->in.drift + 20e-9 * rng_gauss(&w->rng);
        if (w->in.bias > 0.5e-3)
            w->in.bias -= 1e-3;
        integrity_take(&w->g, &w->in);
    }
    return w->g.trust;
}

static void a_site_is_learned_for_an_hour(void **state)
{
    struct world *w = *state;
    assert_int_equal(w->g.trust, TRUST_NOT_MONITORED);
    assert_int_equal(run(w, 1800), TRUST_NOT_MONITORED);
    assert_non_null(strstr(w->g.why, "29 of 60 minutes"));
    assert_int_equal(run(w, 1799), TRUST_NOT_MONITORED);
    assert_int_equal(run(w, 10), TRUST_TRUSTED);
    assert_non_null(strstr(w->g.why, "spoofing not monitored"));
    assert_non_null(strstr(w->g.why, "antenna not monitored"));
    integrity_silent(&w->g); /* and what was said before says nothing of now */
    assert_int_equal(w->g.trust, TRUST_NOT_MONITORED);
    assert_non_null(strstr(w->g.why, "says nothing now"));
    assert_int_equal(run(w, 10), TRUST_TRUSTED);
    assert_true(site_distance(&w->g.site, home) < 0.5);
    assert_near(w->g.site.spread, 2.4, 0.5);
    for (int i = 0; i < 24; i++)
        assert_int_equal(run(w, 3600), TRUST_TRUSTED);
}

/* Nobody who moves is rejected, or even doubted. */
static void a_moving_user_is_not_watched(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 7200; i++) {
        w->east += 10 * sin(i / 300.0);
        assert_int_equal(run(w, 1), TRUST_NOT_MONITORED);
    }
    w->g.mode = SITE_MOBILE;
    w->east = 0;
    assert_int_equal(run(w, 7200), TRUST_NOT_MONITORED);
}

/* Parked for two hours, then gone: doubtful for ten minutes, then another place is learned. */
static void who_drives_off_is_learned_anew(void **state)
{
    struct world *w = *state;
    run(w, 7200);
    int doubtful = 0;
    for (int i = 0; i < 1200; i++) {
        w->east += 15;
        enum receiver_trust trust = run(w, 1);
        assert_int_not_equal(trust, TRUST_REJECTED);
        doubtful += trust == TRUST_DOUBTFUL;
    }
    assert_in_range(doubtful, 550, 620);
    assert_int_equal(w->g.trust, TRUST_NOT_MONITORED);
    assert_int_equal(run(w, 3700), TRUST_TRUSTED);
}

static void e6_a_slow_pull(void **state)
{
    struct world *w = *state;
    run(w, 4 * 3600);
    int64_t began = w->in.local;
    for (int i = 0; w->g.trust != TRUST_DOUBTFUL; i++) {
        assert_true(i < 900);
        w->east += 0.1;
        run(w, 1);
    }
    assert_true(w->east < 60);
    assert_non_null(strstr(w->g.why, "position moved"));
    assert_true(w->in.local > began);
    assert_true(site_distance(&w->g.site, home) < 5); /* it was not taken along */
}

static void e6_a_jump_and_the_way_back(void **state)
{
    struct world *w = *state;
    run(w, 4000);
    w->east = 312;
    assert_int_equal(run(w, 1), TRUST_REJECTED);
    assert_string_equal(w->g.why, "position moved 312 m in 1 s");
    assert_int_equal(run(w, 3 * 3600), TRUST_REJECTED); /* not forgotten as one that drove off */
    w->east = 0;
    assert_int_equal(run(w, INTEGRITY_HOLD_S - 1), TRUST_REJECTED);
    assert_int_equal(run(w, 2), TRUST_TRUSTED);
}

static void e6_a_site_that_is_stated(void **state)
{
    struct world *w = *state;
    integrity_init(&w->g, SITE_FIXED);
    assert_int_equal(run(w, 200), TRUST_NOT_MONITORED);
    assert_int_equal(run(w, 200), TRUST_TRUSTED);
    for (int i = 0; i < 40; i++) {
        w->east += 2;
        run(w, 1);
    }
    assert_int_equal(w->g.trust, TRUST_REJECTED);
    assert_int_equal(run(w, 7200), TRUST_REJECTED);
    w->east = 0;
    assert_int_equal(run(w, 130), TRUST_TRUSTED);
}

static void e6_all_satellites_louder_at_once(void **state)
{
    struct world *w = *state;
    run(w, 4000);
    w->louder = 8;
    assert_int_equal(run(w, 1), TRUST_TRUSTED);
    assert_int_equal(run(w, 5), TRUST_DOUBTFUL);
    assert_non_null(strstr(w->g.why, "C/N0 of all 9 satellites rose by"));
    assert_int_equal(run(w, 300), TRUST_TRUSTED); /* the new normal */
    w->louder = 0;
    assert_int_equal(run(w, 5), TRUST_DOUBTFUL);
    assert_non_null(strstr(w->g.why, "fell"));
}

/* Satellites rise, set and fade one by one without any doubt. */
static void satellites_that_come_and_go(void **state)
{
    struct strength s;
    struct strength_satellite now[SATELLITES];
    (void)state;
    strength_init(&s);
    for (int i = 0; i < 100000; i++) {
        for (int k = 0; k < SATELLITES; k++)
            now[k] = (struct strength_satellite){.key = 1 + (i / 1000 + k) % 200,
                                                 .cn0 = 20 + (i / 100 + 7 * k) % 25};
        assert_near(strength_take(&s, now, SATELLITES), 0, 0);
    }
    assert_int_equal(strength_take(&s, now, 3), 0);
    assert_true(s.compared < STRENGTH_LEAST);
}

static void e6_the_receivers_clock_jumps(void **state)
{
    struct world *w = *state;
    w->in.bias = 0;
    w->in.drift = 30e-9;
    w->in.fixed = true; /* its position shows nothing then */
    assert_int_equal(run(w, 5), TRUST_NOT_MONITORED);
    assert_int_equal(run(w, 40000), TRUST_TRUSTED); /* with resets of a whole millisecond */
    assert_non_null(strstr(w->g.why, "position is fixed"));
    w->in.bias -= 5e-6;
    assert_int_equal(run(w, 1), TRUST_DOUBTFUL);
    assert_string_equal(w->g.why, "the receiver's clock jumped by -5.0 us");
    assert_int_equal(run(w, INTEGRITY_HOLD_S), TRUST_TRUSTED);
}

/* At a slow port an epoch is reported in pieces: the first may still have the clock of the last. */
static void e6_the_receivers_clock_jumps_in_pieces(void **state)
{
    struct world *w = *state;
    w->in.bias = 0;
    w->in.drift = 30e-9;
    w->in.fixed = true;
    for (int i = 0; i < 100; i++) {
        run(w, 1);
        integrity_take(&w->g, &w->in);
    }
    assert_int_equal(w->g.trust, TRUST_TRUSTED);
    w->in.bias -= 5e-6;
    assert_int_equal(run(w, 1), TRUST_DOUBTFUL);
    integrity_take(&w->g, &w->in);
    assert_string_equal(w->g.why, "the receiver's clock jumped by -5.0 us");
}

static void e6_jamming_spoofing_and_antenna(void **state)
{
    struct world *w = *state;
    static const struct {
        enum integrity_flag jamming, spoofing, antenna;
        enum receiver_trust trust;
    } rows[] = {
        {FLAG_WARNING, 0, 0, TRUST_DOUBTFUL},        {FLAG_BAD, 0, 0, TRUST_REJECTED},
        {0, FLAG_WARNING, 0, TRUST_DOUBTFUL},        {0, FLAG_BAD, 0, TRUST_REJECTED},
        {0, 0, FLAG_WARNING, TRUST_DOUBTFUL},        {0, 0, FLAG_BAD, TRUST_DOUBTFUL},
        {FLAG_WARNING, FLAG_BAD, 0, TRUST_REJECTED},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        w->in.jamming = rows[i].jamming;
        w->in.spoofing = rows[i].spoofing;
        w->in.antenna = rows[i].antenna;
        assert_int_equal(run(w, INTEGRITY_RISE_S + 1), rows[i].trust);
        w->in.jamming = w->in.spoofing = w->in.antenna = FLAG_UNWATCHED;
        assert_int_equal(run(w, INTEGRITY_HOLD_S - 5), rows[i].trust);
        assert_int_equal(run(w, 6), TRUST_NOT_MONITORED);
    }
    w->in.jamming = FLAG_WARNING; /* for a moment */
    assert_int_equal(run(w, 2), TRUST_NOT_MONITORED);
    w->in.jamming = FLAG_GOOD; /* says nothing of the time */
    assert_int_equal(run(w, 100), TRUST_NOT_MONITORED);
    w->in.spoofing = FLAG_GOOD;
    assert_int_equal(run(w, 100), TRUST_TRUSTED);
    assert_non_null(strstr(w->g.why, "spoofing not seen"));
}

static void others_against_it(void **state)
{
    struct world *w = *state;
    run(w, 4000);
    w->in.others = 3;
    w->in.contradict = 2;
    w->in.disagreement = 0.012;
    assert_int_equal(run(w, 100), TRUST_TRUSTED);
    w->in.contradict = 3;
    assert_int_equal(run(w, 10), TRUST_DOUBTFUL);
    assert_string_equal(w->g.why, "all 3 other sources differ from it by 12 ms or more");
    w->in.others = w->in.contradict = 1; /* one against one */
    assert_int_equal(run(w, 200), TRUST_TRUSTED);
}

/* Wild positions now and then, and none at all for a while, are no movement. */
static void lost_fixes_and_single_wild_positions(void **state)
{
    struct world *w = *state;
    run(w, 4000);
    for (int i = 0; i < 50; i++) {
        w->east = 45;
        run(w, 1);
        w->east = 0;
        assert_int_equal(run(w, 60), TRUST_TRUSTED);
    }
    w->in.positioned = false;
    w->silent = true;
    assert_int_equal(run(w, 1000), TRUST_TRUSTED);
    w->in.positioned = true;
    assert_int_equal(run(w, 10), TRUST_TRUSTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_site_is_learned_for_an_hour, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_moving_user_is_not_watched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_drives_off_is_learned_anew, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e6_a_slow_pull, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e6_a_jump_and_the_way_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e6_a_site_that_is_stated, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e6_all_satellites_louder_at_once, set_up, tear_down),
        cmocka_unit_test(satellites_that_come_and_go),
        cmocka_unit_test_setup_teardown(e6_the_receivers_clock_jumps, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e6_the_receivers_clock_jumps_in_pieces, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e6_jamming_spoofing_and_antenna, set_up, tear_down),
        cmocka_unit_test_setup_teardown(others_against_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lost_fixes_and_single_wild_positions, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
