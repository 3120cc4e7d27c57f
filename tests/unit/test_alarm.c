/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "server/alarm/say.h"
#include "server/alarm/told.h"
#include "server/replace.h"

#define SECOND INT64_C(1000000000)

struct world {
    struct alarm alarm;
    struct status_alarms set;
    int64_t now;
};

static void look(struct world *w, const char *json)
{
    json_t *status = json_loads(json, 0, NULL);
    assert_non_null(status);
    assert_true(alarm_take(&w->set, status));
    json_decref(status);
}

/* The next event is this one; NULL: there is none. */
static void expect(struct world *w, const char *line)
{
    struct alarm_event event;
    char text[ALARM_SENTENCE + 64];
    bool is = alarm_next(&w->alarm, &w->set, w->now, &event);
    if (is != (line != NULL) || (line && !strstr(alarm_line(&event, text, sizeof text), line)))
        fail_msg("'%s' instead of '%s'", is ? alarm_line(&event, text, sizeof text) : "nothing",
                 line ? line : "nothing");
}

#define STATUS(state, alarms) \
    "{\"clock\":{\"state\":\"" state "\",\"sentence\":\"S.\"},\"alarms\":[" alarms "]}"
#define ALARM(event, thing)                                                                \
    "{\"event\":\"" event "\",\"level\":\"warning\",\"thing\":\"" thing "\",\"sentence\":" \
    "\"" thing ": bad.\",\"since\":null}"

static void states(void **state)
{
    struct world w = {0};
    (void)state;
    look(&w, STATUS("locked", ""));
    expect(&w, NULL); /* it was before the alarm was there */
    look(&w, STATUS("holdover", ALARM("holdover", "")));
    expect(&w, "holdover begins: : bad.");
    expect(&w, NULL);
    look(&w, STATUS("unsynchronised", ALARM("unsynchronised", "")));
    expect(&w, "unsynchronised begins");
    look(&w, STATUS("locked", ""));
    expect(&w, "locked begins: S.");
    expect(&w, NULL);
}

static void bad_from_the_start_is_told(void **state)
{
    struct world w = {0};
    (void)state;
    look(&w, STATUS("locked", ALARM("antenna", "a") "," ALARM("clock_moved", "step 1")));
    expect(&w, "antenna begins: a: bad.");
    expect(&w, NULL);
    look(&w, STATUS("locked", ALARM("clock_moved", "step 2") "," ALARM("of another release", "")));
    expect(&w, "antenna ends: a: bad.");
    expect(&w, "clock_moved begins");
    expect(&w, NULL);
}

/* While nobody answers nothing is said to be over. */
static void gone_and_back(void **state)
{
    struct world w = {0};
    (void)state;
    look(&w, STATUS("locked", ALARM("antenna", "a")));
    expect(&w, "antenna begins");
    alarm_gone(&w.set, "closed the connection");
    alarm_gone(&w.set, "no such file");
    expect(&w, "gone begins: timeballd does not answer: closed the connection");
    expect(&w, NULL);
    look(&w, STATUS("starting", ""));
    expect(&w, "gone ends");
    expect(&w, "antenna ends");
    expect(&w, NULL);
}

/* Stops, and starts again with the file. */
static void restart(struct world *w, const char *path)
{
    struct err err;
    assert_int_equal(alarm_told_write(path, &w->alarm.told, &err), 0);
    *w = (struct world){0};
    assert_int_equal(alarm_told_read(path, &w->alarm, &err), 1);
}

/* What was told before is not told again, and what came to its end meanwhile is. */
static void told_before(void **state)
{
    char folder[] = "/tmp/test_alarm.XXXXXX", path[64];
    struct world w = {0};
    struct err err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/told", folder);
    assert_int_equal(alarm_told_read(path, &w.alarm, &err), 0);
    look(&w, STATUS("locked", ALARM("antenna", "a") "," ALARM("jamming", "\xc3\xa4")));
    expect(&w, "antenna begins");
    expect(&w, "jamming begins: \xc3\xa4: bad.");
    expect(&w, NULL);
    restart(&w, path);
    look(&w, STATUS("locked", ALARM("antenna", "a") "," ALARM("feed", "f")));
    expect(&w, "jamming ends: \xc3\xa4: bad.");
    expect(&w, "feed begins");
    expect(&w, NULL);
    look(&w, STATUS("holdover", ALARM("holdover", "")));
    expect(&w, " ends");
    expect(&w, " ends");
    expect(&w, "holdover begins");
    expect(&w, NULL);
    restart(&w, path);
    look(&w, STATUS("locked", "")); /* new since then, though it held at this start */
    expect(&w, "locked begins");
    expect(&w, NULL);
    unlink(path);
    rmdir(folder);
}

static void told_file_is_bad(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "7", "{\"alarms\":7}", "{\"alarms\":[{\"event\":\"antenna\"}]", "\377"};
    char folder[] = "/tmp/test_alarm.XXXXXX", path[64], other[64];
    struct alarm a = {0};
    struct err err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/told", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_int_equal(replace_file(path, texts[i]), 0);
        assert_int_equal(alarm_told_read(path, &a, &err), -1);
        assert_true(*err.todo && !a.started && !a.told.count);
    }
    assert_int_equal(alarm_told_write(path, &a.told, &err), 0); /* is mended by the next one */
    assert_int_equal(alarm_told_read(path, &a, &err), 1);
    assert_int_equal(rename(path, other), 0);
    assert_int_equal(symlink(other, path), 0);
    assert_int_equal(alarm_told_read(path, &a, &err), -1);
    unlink(path);
    unlink(other);
    assert_int_equal(alarm_told_read(folder, &a, &err), -1);
    rmdir(folder);
    assert_int_equal(alarm_told_write(path, &a.told, &err), -1);
    assert_true(strstr(err.why, "No such file") && *err.todo);
}

/* What flaps is told so often, then as it stands when it may be told again; others are not held up.
 */
static void flood(void **state)
{
    struct world w = {0};
    struct alarm_event event;
    int told = 0;
    (void)state;
    look(&w, STATUS("locked", ""));
    expect(&w, NULL);
    for (int i = 0; i < 3600; i++) {
        w.now += SECOND;
        look(&w, i % 2 ? STATUS("locked", "") : STATUS("locked", ALARM("antenna", "a")));
        while (alarm_next(&w.alarm, &w.set, w.now, &event))
            told++;
    }
    assert_in_range(told, 40, ALARM_BURST + 3600 / ALARM_EVERY);
    look(&w, STATUS("locked", ALARM("antenna", "a") "," ALARM("falseticker", "b")));
    while (alarm_next(&w.alarm, &w.set, w.now, &event) && event.item.event != ALARM_FALSETICKER) {
    }
    assert_int_equal(event.item.event, ALARM_FALSETICKER);
    w.now += ALARM_BURST * ALARM_EVERY * SECOND;
    while (alarm_next(&w.alarm, &w.set, w.now, &event)) {
    }
    look(&w, STATUS("locked", ""));
    expect(&w, " ends");
    expect(&w, " ends");
    expect(&w, NULL);
}

/* Of a thousand alarms so many are told that there is room for, and none of them is lost. */
static void hostile_status(void **state)
{
    struct world w = {0};
    struct alarm_event event;
    char *json = NULL;
    size_t size;
    int told = 0;
    (void)state;
    FILE *f = open_memstream(&json, &size);
    fputs("{\"clock\":7,\"alarms\":[7,{},{\"event\":7}", f);
    for (int i = 0; i < 1000; i++)
        fprintf(f, ",{\"thing\":\"\\n\\u001b[2J%dx%0200d\",\"event\":\"falseticker\"}", i, 0);
    fputs("]}", f);
    fclose(f);
    look(&w, json);
    free(json);
    assert_int_equal(w.set.count, STATUS_ALARMS_MAX);
    for (int i = 0; i < 200; i++, w.now += ALARM_EVERY * SECOND)
        while (alarm_next(&w.alarm, &w.set, w.now, &event)) {
            assert_null(strpbrk(event.item.thing, "\n\033"));
            assert_null(strpbrk(event.item.sentence, "\n\033"));
            told++;
        }
    assert_int_equal(told, STATUS_ALARMS_MAX);
    alarm_gone(&w.set, "full"); /* has room all the same */
    assert_int_equal(w.set.item[w.set.count - 1].event, ALARM_GONE);
    /* a text is cut between characters: 95 octets would be half of one */
    char umlauts[121] = "", text[300];
    for (int i = 0; i < 120; i += 2) {
        umlauts[i] = (char)0xC3;
        umlauts[i + 1] = (char)0xA4;
    }
    snprintf(text, sizeof text, "{\"alarms\":[{\"event\":\"falseticker\",\"thing\":\"%s\"}]}",
             umlauts);
    look(&w, text);
    assert_int_equal(strlen(w.set.item[0].thing), 94);
}

static void an_older_daemon(void **state)
{
    struct status_alarms set = {0};
    (void)state;
    json_t *status = json_pack("{s:i,s:{s:s}}", "version", 1, "clock", "state", "locked");
    assert_false(alarm_take(&set, status));
    json_decref(status);
}

static void rows(void **state)
{
    (void)state;
    for (int i = 0; i < ALARM_KINDS; i++) {
        assert_int_equal(strlen(alarm_rows[i].id), 32);
        assert_int_equal(strspn(alarm_rows[i].id, "0123456789abcdef"), 32);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(alarm_rows[i].id, alarm_rows[k].id);
    }
}

/* A made-up journal gets the datagram of its native protocol. */
static void journal(void **state)
{
    char folder[] = "/tmp/test_alarm.XXXXXX", text[4096];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct alarm_event event = alarm_test();
    struct alarm_about about = {.host = "gps", .time = "2026-11-24T12:00:00.000000000Z"};
    struct alarm_field fields[ALARM_FIELDS];
    struct err err;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(name.sun_path, sizeof name.sun_path, "%s/j", folder);
    alarm_fields(&event, &about, fields);
    assert_int_equal(alarm_journal(name.sun_path, "me", &event, fields, &err), -1);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
    assert_int_equal(alarm_journal(name.sun_path, "me", &event, fields, &err), 0);
    ssize_t n = recv(fd, text, sizeof text - 1, 0);
    assert_true(n > 0);
    text[n] = 0;
    close(fd);
    unlink(name.sun_path);
    rmdir(folder);
    char id[64];
    snprintf(id, sizeof id, "\nMESSAGE_ID=%s\n", alarm_rows[ALARM_TEST].id);
    assert_non_null(strstr(text, id));
    assert_non_null(strstr(text, "\nMESSAGE=test begins: This is a test"));
    assert_non_null(strstr(text, "SYSLOG_IDENTIFIER=me\n"));
    assert_non_null(strstr(text, "\nPRIORITY=5\n"));
    assert_non_null(strstr(text, "\nTIMEBALL_EVENT=test\n"));
    assert_non_null(strstr(text, "\nTIMEBALL_HOST=gps\n"));
    assert_non_null(strstr(text, "\nTIMEBALL_TIME=2026-11-24T12:00:00.000000000Z\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states),         cmocka_unit_test(bad_from_the_start_is_told),
        cmocka_unit_test(gone_and_back),  cmocka_unit_test(flood),
        cmocka_unit_test(hostile_status), cmocka_unit_test(an_older_daemon),
        cmocka_unit_test(told_before),    cmocka_unit_test(told_file_is_bad),
        cmocka_unit_test(rows),           cmocka_unit_test(journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
