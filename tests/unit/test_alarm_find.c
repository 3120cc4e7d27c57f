/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "refclock/civil.h"
#include "refclock/receiver.h"
#include "server/alarm/find.h"

#define DAY (86400 * NS_PER_S)

/* A daemon that is well. */
static int setup(void **state)
{
    struct status *s = malloc(sizeof *s);
    assert_non_null(s);
    status_init(s);
    s->time = 20000 * DAY;
    s->clock.state = STATUS_LOCKED;
    status_text(s->clock.sentence, sizeof s->clock.sentence, "S.");
    s->source_count = 1;
    status_text(s->source[0].name, sizeof s->source[0].name, "nmea a");
    status_text(s->source[0].sentence, sizeof s->source[0].sentence, "Off.");
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

#define END ((const char *)NULL)

/* What is found is this, in order, up to END. */
static void expect(struct status_alarms *set, const struct status *s, ...)
{
    va_list list;
    const char *part;
    int i = 0;
    alarm_find(set, s, false);
    va_start(list, s);
    for (; (part = va_arg(list, const char *)); i++) {
        assert_in_range(i, 0, set->count - 1);
        if (!strstr(set->item[i].sentence, part))
            fail_msg("'%s' instead of '%s'", set->item[i].sentence, part);
    }
    va_end(list);
    assert_int_equal(set->count, i);
}

static void states(void **state)
{
    struct status *s = *state;
    struct status_alarms set = {0};
    expect(&set, s, END);
    s->clock.state = STATUS_STARTING;
    s->process.uptime = ALARM_START;
    expect(&set, s, END); /* a start takes its time */
    s->process.uptime = ALARM_START + 1;
    expect(&set, s, "S. (`timeballctl doctor`", END);
    assert_int_equal(set.item[0].event, ALARM_UNSYNCHRONISED);
    s->clock.state = STATUS_HOLDOVER;
    expect(&set, s, "S.", END);
    assert_int_equal(set.item[0].event, ALARM_HOLDOVER);
    assert_int_equal(set.item[0].since, s->time);
    s->time += DAY;
    expect(&set, s, "S.", END);
    assert_int_equal(set.item[0].since, s->time - DAY); /* the same one */
}

static void overload(void **state)
{
    struct status *s = *state;
    struct status_alarms set = {0};
    s->server.dropped = 7; /* a burst long ago, or damaged ones */
    expect(&set, s, END);
    s->server.overloaded = true;
    expect(&set, s, "(7 datagrams were dropped since the start): set `threads auto`", END);
    assert_int_equal(set.item[0].event, ALARM_OVERLOAD);
    s->server.threads = 2;
    expect(&set, s, "give more `threads`", END);
}

static void sources(void **state)
{
    struct status *s = *state;
    struct status_alarms set = {0};
    struct status_source *a = s->source;
    status_text(a->error, sizeof a->error, "no such device");
    status_text(a->verdict, sizeof a->verdict, "falseticker");
    a->report.said.antenna = ANTENNA_OPEN;
    a->report.said.jamming = INTERFERENCE_CRITICAL;
    a->report.said.spoofing = INTERFERENCE_WARNING;
    a->trust = TRUST_DOUBTFUL;
    status_text(a->trust_why, sizeof a->trust_why, "it moved");
    s->feed_count = 1;
    status_text(s->feed[0].name, sizeof s->feed[0].name, "shm 2");
    status_text(s->feed[0].error, sizeof s->feed[0].error, "cannot");
    expect(&set, s, "nmea a: jammed (critical)", "nmea a: its signals may be forged (warning)",
           "nmea a: no such device", "nmea a: Off.", "nmea a: its antenna is open",
           "nmea a is doubtful: it moved", "feed shm 2: cannot", END);
    assert_int_equal(set.item[0].level, LOG_LEVEL_ERROR); /* the worst first */
    assert_int_equal(set.item[2].level, LOG_LEVEL_WARNING);
    *a->error = *a->verdict = *s->feed[0].error = 0;
    a->trust = TRUST_TRUSTED;
    a->report.said.antenna = ANTENNA_UNKNOWN; /* what nobody watches is not over */
    a->report.said.jamming = a->report.said.spoofing = INTERFERENCE_NONE;
    expect(&set, s, "nmea a: its antenna is open", END);
    a->report.said.antenna = ANTENNA_OK;
    expect(&set, s, END);
}

static void lists(void **state)
{
    struct status *s = *state;
    struct status_alarms set = {0};
    s->leap.witness_count = 3;
    status_text(s->leap.witness[0].name, sizeof s->leap.witness[0].name, "/old");
    status_text(s->leap.witness[2].name, sizeof s->leap.witness[2].name, "/new");
    s->leap.witness[0].expires = s->time - 100 * DAY;
    s->leap.witness[2].expires = s->time + ALARM_LEAP_DAYS * DAY;
    expect(&set, s, END);
    s->leap.witness[2].expires--;
    expect(&set, s, "/new: this list of leap seconds expires on 20", END);
    s->leap.witness[2].expires = s->time;
    expect(&set, s, "/new: this list of leap seconds expired on 20", END);
}

static void a_step_by_others_is_shown_for_a_day(void **state)
{
    struct status *s = *state;
    struct status_alarms set = {0};
    s->clock.foreign_steps = 2;
    s->clock.foreign_step = -1.5;
    s->clock.foreign_step_at = s->time;
    expect(&set, s, "The clock was stepped by -1.500 s, by another program", END);
    assert_string_equal(set.item[0].thing, "step 2");
    s->time += ALARM_MOVED * NS_PER_S + 1;
    expect(&set, s, END);
}

static void a_test_stands_beside(void **state)
{
    struct status_alarms set = {0};
    alarm_find(&set, *state, true);
    assert_int_equal(set.count, 1);
    assert_int_equal(set.item[0].event, ALARM_TEST);
    assert_int_equal(set.item[0].level, LOG_LEVEL_NOTICE);
}

/* More than there is room for. */
static void no_more_than_there_is_room_for(void **state)
{
    struct status *s = *state;
    struct status_alarms set = {0};
    s->source_count = STATUS_SOURCES_MAX;
    for (int i = 0; i < STATUS_SOURCES_MAX; i++) {
        memset(s->source[i].error, 'e', sizeof s->source[i].error - 1);
        s->source[i].trust = TRUST_REJECTED;
    }
    alarm_find(&set, s, true);
    assert_int_equal(set.count, STATUS_ALARMS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(states, setup, teardown),
        cmocka_unit_test_setup_teardown(overload, setup, teardown),
        cmocka_unit_test_setup_teardown(sources, setup, teardown),
        cmocka_unit_test_setup_teardown(lists, setup, teardown),
        cmocka_unit_test_setup_teardown(a_step_by_others_is_shown_for_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(a_test_stands_beside, setup, teardown),
        cmocka_unit_test_setup_teardown(no_more_than_there_is_room_for, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
