/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A board whose messages have a usual delay, found by `auto`, and its pulse: the whole daemon. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/civil.h"
#include "server/daemon/daemon.h"
#include "server/sim/world.h"
#include "tree.h"

static const struct log quiet = {.max = LOG_LEVEL_ERROR};

struct bench {
    struct tree tree;
    struct scenario scenario;
    struct sim_world world;
};

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof *b);
    tree_make(&b->tree);
    tree_pi4(&b->tree);
    tree_pps(&b->tree, 0, "pps@4.-1", "");
    scenario_default(&b->scenario);
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    tree_remove(&b->tree, "");
    free(b);
    return 0;
}

/* The daemon's status after ten minutes with this line `refclock auto`. */
static const struct status *run(struct bench *b, const char *words)
{
    struct scenario *s = &b->scenario;
    struct loop *loop = sim_world_loop(&b->world);
    struct err err;
    snprintf(s->conf, sizeof s->conf, "refclock auto root %s %s\n", b->tree.root, words);
    if (sim_world_open(&b->world, s, false, "auto",
                       "listen none\nstatussocket none\ndriftfile none\nleapfile none\n", &quiet,
                       &err))
        fail_msg("%s: %s", err.thing, err.why);
    int64_t until = b->world.start + 600 * NS_PER_S;
    while (b->world.virtual_loop.truth < until)
        assert_int_equal(loop_turn(loop, until), 0);
    return daemon_status(b->world.daemon);
}

static void assert_says(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("no '%s' in: %s", part, text);
}

/* Half a second after the pulse, as the board's messages come: the edge is right, and that is
 * known. */

/* The board's EEPROM names it. Its messages come half a second after the pulse, as they do there:
 * the edge is right, and that is known. */
static void e1_the_usual_delay_confirms_the_edge(void **state)
{
    struct bench *b = *state;
    b->scenario.receiver->message_delay = 0.5;
    tree_file(&b->tree, "/proc/device-tree/hat/vendor", "Adafruit Industries LLC");
    tree_file(&b->tree, "/proc/device-tree/hat/product", "Ultimate GPS HAT");
    const struct status *s = run(b, "");
    assert_int_equal(s->clock.stratum, 1);
    assert_says(s->source[0].found, "Adafruit Ultimate GPS HAT");
    assert_string_equal(s->source[0].edge, "right");
    assert_says(s->source[0].edge_why, "usual for this board are 500");
    sim_world_close(&b->world);
}

/* The same board, and something inverts its pulse of 0.1 s: its end is taken for the second. */
static void e1_the_usual_delay_shows_an_inverted_pulse(void **state)
{
    struct bench *b = *state;
    b->scenario.receiver->message_delay = 0.5;
    b->scenario.receiver->edge.wire = 1;
    const struct status *s = run(b, "profile adafruit-ultimate");
    assert_int_equal(s->clock.stratum, 16);
    assert_int_equal(s->clock.steps, 0);
    assert_string_equal(s->source[0].edge, "inverted");
    assert_says(s->source[0].edge_why, "usual for this board are 500");
    sim_world_close(&b->world);
    s = run(b, "profile adafruit-ultimate edge clear"); /* as it tells a person to write */
    assert_int_equal(s->clock.stratum, 1);
    assert_string_equal(s->source[0].edge, "right");
    sim_world_close(&b->world);
}

/* Without a profile nothing tells. */
static void e1_without_a_profile_the_edge_is_unverified(void **state)
{
    struct bench *b = *state;
    b->scenario.receiver->message_delay = 0.5;
    const struct status *s = run(b, "");
    assert_string_equal(s->source[0].edge, "unverified");
    assert_says(s->clock.sentence, "unverified");
    sim_world_close(&b->world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(e1_the_usual_delay_confirms_the_edge, set_up, tear_down),
        cmocka_unit_test_setup_teardown(e1_the_usual_delay_shows_an_inverted_pulse, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(e1_without_a_profile_the_edge_is_unverified, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
