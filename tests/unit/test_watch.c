/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A receiver's report and integrity, from its bytes to the daemon's status. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "near.h"
#include "refclock/civil.h"
#include "server/daemon/daemon.h"
#include "server/sim/world.h"

static const struct log quiet = {.max = LOG_LEVEL_ERROR};

/* A world by a scenario's lines. */
static struct sim_world *begin(const char *lines)
{
    char path[] = "/tmp/test_watch_XXXXXX";
    struct config_errors errors;
    struct scenario s;
    struct err err;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, lines, strlen(lines)), (ssize_t)strlen(lines));
    close(fd);
    int loaded = scenario_load(&s, path, &errors);
    unlink(path);
    if (loaded)
        fail_msg("%s: %s", errors.err[0].thing, errors.err[0].why);
    struct sim_world *w = calloc(1, sizeof *w);
    char conf[sizeof s.conf + 120];
    snprintf(
        conf, sizeof conf, /* nothing of this machine's */
        "listen none\nstatussocket none\ncontrolsocket none\ndriftfile none\nleapfile none\n%s",
        s.conf);
    if (sim_world_open(w, &s, false, "watch", conf, &quiet, &err))
        fail_msg("%s: %s", err.thing, err.why);
    return w;
}

static void end(struct sim_world *w)
{
    sim_world_close(w);
    free(w);
}

/* The line of messages in the status, `at` seconds after the start. */
static const struct status_source *at(struct sim_world *w, int64_t seconds)
{
    struct loop *loop = sim_world_loop(w);
    int64_t until = w->start + seconds * NS_PER_S;
    while (w->virtual_loop.truth < until)
        assert_int_equal(loop_turn(loop, until), 0);
    const struct status *s = daemon_status(w->daemon);
    for (int i = 0; i < s->source_count; i++)
        if (!strcmp(s->source[i].driver, "nmea"))
            return &s->source[i];
    fail_msg("no source of messages");
    return NULL;
}

static void a_report_reaches_the_status(void **state)
{
    (void)state;
    struct sim_world *w = begin("length 200\nprotocol ubx\n");
    const struct status_source *s = at(w, 100);
    assert_string_equal(s->report.said.model, "NEO-M8T-0");
    assert_string_equal(s->report.said.firmware, "TIM 1.10");
    assert_int_equal(s->report.said.antenna, ANTENNA_OK);
    assert_int_equal(s->report.said.jamming, INTERFERENCE_NONE);
    assert_true(fabs(s->report.latitude) <= 90);
    assert_near(s->report.latitude * 100, round(s->report.latitude * 100), 1e-9);
    assert_true(*s->trust_why);
    end(w);
}

static void nmea_alone_is_not_monitored_until_its_site_is_known(void **state)
{
    (void)state;
    struct sim_world *w = begin("length 4000\n");
    assert_int_equal(at(w, 60)->trust, TRUST_NOT_MONITORED);
    assert_int_equal(at(w, 60)->report.said.antenna, ANTENNA_UNKNOWN);
    end(w);
}

/* A receiver that has gone says nothing of its antenna; what it said is not the state now. */
static void what_a_silent_receiver_said_is_not_shown(void **state)
{
    (void)state;
    struct sim_world *w = begin("length 200\nprotocol ubx\nno_message 100..140\n");
    assert_int_equal(at(w, 98)->report.said.antenna, ANTENNA_OK);
    assert_int_equal(at(w, 98)->trust, TRUST_TRUSTED);
    const struct status_source *s = at(w, 120);
    assert_int_equal(s->report.said.antenna, ANTENNA_UNKNOWN);
    assert_int_equal(s->report.said.jamming, INTERFERENCE_UNKNOWN);
    assert_int_equal(s->trust, TRUST_NOT_MONITORED);
    assert_string_equal(s->report.said.model, "NEO-M8T-0");
    assert_int_equal(at(w, 160)->report.said.antenna, ANTENNA_OK);
    end(w);
}

static void e6_a_position_that_jumps(void **state)
{
    (void)state;
    struct sim_world *w = begin("length 6000\nprotocol ubx\nmoved 4500..4800 5000\n");
    assert_int_equal(at(w, 4000)->trust, TRUST_TRUSTED);
    const struct status_source *s = at(w, 4520);
    assert_int_equal(s->trust, TRUST_REJECTED);
    assert_non_null(strstr(s->trust_why, "position moved"));
    assert_int_equal(at(w, 5200)->trust, TRUST_TRUSTED);
    end(w);
}

static void e6_signals_flags_and_their_end(void **state)
{
    (void)state;
    struct sim_world *w = begin("length 2000\nprotocol ubx\ncn0 300..400 9\njammed 800..860\n"
                                "spoofed 1200..1260\n");
    assert_true(at(w, 290)->trust <= TRUST_TRUSTED);
    const struct status_source *s = at(w, 320);
    assert_int_equal(s->trust, TRUST_DOUBTFUL);
    assert_non_null(strstr(s->trust_why, "rose by"));
    assert_true(at(w, 790)->trust <= TRUST_TRUSTED);
    assert_int_equal(at(w, 820)->trust, TRUST_REJECTED);
    assert_true(at(w, 1190)->trust <= TRUST_TRUSTED);
    assert_int_equal(at(w, 1220)->trust, TRUST_REJECTED);
    assert_true(at(w, 1500)->trust <= TRUST_TRUSTED);
    end(w);
}

/* The pulses' spread against the estimate after two hours, s, with these lines. */
static double spread(const char *qerr, const char *sawtooth, bool *on)
{
    char lines[200];
    snprintf(
        lines, sizeof lines,
        "length 8000\nclass ocxo\nprotocol ubx\npulse_noise 5e-9\nseed 4\nqerr %s\nsawtooth %s\n",
        qerr, sawtooth);
    struct sim_world *w = begin(lines);
    (void)at(w, 7200);
    const struct receiver *r = &w->daemon->refclock.receiver[0];
    double jitter = r->pulses.jitter;
    assert_int_equal(w->daemon->refclock.state, REFCLOCK_LOCKED);
    print_message("sawtooth %s, qErr %s: jitter %.2f ns, %s\n", sawtooth, qerr, jitter * 1e9,
                  r->sawtooth.on ? "taken off" : "left");
    *on = r->sawtooth.on;
    end(w);
    return jitter;
}

/* A pulse of 5 ns, with a sawtooth of +-10 ns on top. */
static void c13_the_sawtooth_goes_and_a_reversed_sign_turns_it_off(void **state)
{
    bool on;
    (void)state;
    double bare = spread("none", "0", &on);
    assert_false(on);
    double left = spread("none", "10e-9", &on);
    assert_false(on);
    double right = spread("right", "10e-9", &on);
    assert_true(on);
    double reversed = spread("reversed", "10e-9", &on);
    assert_false(on);
    assert_near(bare, 5e-9, 0.5e-9);
    assert_true(left > 1.3 * bare);
    assert_true(right < 1.1 * bare);
    assert_near(reversed, left, 0.05 * left);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_report_reaches_the_status),
        cmocka_unit_test(nmea_alone_is_not_monitored_until_its_site_is_known),
        cmocka_unit_test(what_a_silent_receiver_said_is_not_shown),
        cmocka_unit_test(e6_a_position_that_jumps),
        cmocka_unit_test(e6_signals_flags_and_their_end),
        cmocka_unit_test(c13_the_sawtooth_goes_and_a_reversed_sign_turns_it_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
