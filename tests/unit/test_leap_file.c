/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "refclock/civil.h"
#include "server/leap/leap_watch.h"

#define UPDATED "#$\t3960835200\n"
#define EXPIRES "#@\t3991593600\n" /* 2026-06-28 */
#define ROWS    "2272060800\t10\t# 1 Jan 1972\n2287785600 11 # x\r\n2303683200\t12\n"
#define HASH    "#h\t2bb8744 5934785 7040be45 616b5dfe 6348ed4b\n" /* two without leading zeros */
#define GOOD    "# a list\n" UPDATED EXPIRES "\n" ROWS "#\n" HASH

static const int64_t expiry = INT64_C(3991593600) - 2208988800;

static int parse(const char *text, struct leap_list *list)
{
    struct err err = {0};
    int bad = leap_list_parse("test", text, strlen(text), list, &err);
    assert_int_equal(bad != 0, *err.why != 0);
    return bad;
}

static void a_list_and_what_it_says(void **state)
{
    (void)state;
    struct leap_list list;
    assert_int_equal(parse(GOOD, &list), 0);
    assert_int_equal(list.count, 3);
    assert_true(list.expires == expiry);
    int64_t july = list.row[1].at;
    struct leap_claim c = leap_list_claim(&list, july - 1);
    assert_int_equal(c.tai, 10);
    assert_int_equal(c.change, LEAP_INSERT);
    assert_true(c.at == july);
    c = leap_list_claim(&list, july);
    assert_int_equal(c.tai, 11);
    c = leap_list_claim(&list, list.row[2].at);
    assert_int_equal(c.tai, 12);
    assert_int_equal(c.change, LEAP_NONE);
    assert_int_equal(leap_list_claim(&list, 0).tai, LEAP_COUNT_UNKNOWN);
}

static void d10_what_is_no_list(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "hello\n",
        ROWS,
        "# no hash\n" UPDATED EXPIRES ROWS,
        "# no expiry\n" UPDATED ROWS HASH,
        "# no date\n" EXPIRES ROWS HASH,
        UPDATED EXPIRES ROWS "#h\t2bb8744 5934785 7040be45 616b5dfe 6348ed4c\n",
        UPDATED EXPIRES ROWS "#h\t2bb8744 5934785 7040be45 616b5dfe\n",
        UPDATED EXPIRES ROWS "#h\t-1 5934785 7040be45 616b5dfe 6348ed4b\n",
        UPDATED EXPIRES ROWS "#h\t02bb87440 5934785 7040be45 616b5dfe 6348ed4b\n",
        UPDATED "#@\t3991593601\n" ROWS HASH, /* a figure was changed */
        UPDATED EXPIRES "2272060800\t10\n2287785600 11\n" HASH,
        UPDATED EXPIRES "2272060800\t10\n2287785600 13\n" HASH,
        UPDATED EXPIRES "2272060800\t10\n2287785601 11\n" HASH,
        UPDATED EXPIRES "2287785600\t10\n2272060800 11\n" HASH,
        UPDATED EXPIRES "22720608002272060800\t10\n" HASH,
        UPDATED EXPIRES "2272060800\n" HASH,
        UPDATED EXPIRES "2272060800 10 11\n" HASH,
        UPDATED EXPIRES HASH,
    };
    struct leap_list list = {.count = 77};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(parse(bad[i], &list), -1);
    assert_int_equal(list.count, 77);
    struct err err;
    assert_int_equal(leap_list_parse("test", GOOD "\0", sizeof GOOD + 1, &list, &err), -1);
}

static void the_time_zone_databases_table(void **state)
{
    (void)state;
    static const char text[] = "# x\nLeap\t1972\tJun\t30\t23:59:60\t+\tS\n"
                               "Leap 1972 Dec 31 23:59:60 + S\nLeap\t2026 Dec 31 23:59:59 - S\n"
                               "#updated 1751846400 (x)\n#expires 1782604800 (y)\n";
    static const char *const bad[] = {
        "Leap 1972 Jun 30 23:59:60 + S\n",
        "Leap 1972 Jun 29 23:59:60 + S\n#updated 1\n#expires 2\n",
        "Leap 1972 unJ 30 23:59:60 + S\n#updated 1\n#expires 2\n",
        "Leap 1972 Jun 31 23:59:60 + S\n#updated 1\n#expires 2\n",
        "Leap 1972 Jun 30\n#updated 1\n#expires 2\n",
        "Leap 1972 Jun 30 23:59:60 * S\n#updated 1\n#expires 2\n",
        "#updated x\n#expires 2\n",
        "#updated 1\n#expires 2\n",
    };
    struct leap_list list;
    struct err err;
    assert_int_equal(leap_zone_parse("test", text, strlen(text), &list, &err), 0);
    assert_int_equal(list.count, 4);
    assert_true(list.expires == 1782604800);
    struct leap_claim c = leap_list_claim(&list, list.row[3].at - 5);
    assert_int_equal(c.change, LEAP_DELETE);
    assert_int_equal(c.tai, 12);
    assert_int_equal(leap_list_claim(&list, list.row[3].at).tai, 11);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(leap_zone_parse("test", bad[i], strlen(bad[i]), &list, &err), -1);
}

/* ---- files ---- */

struct place {
    char folder[40], path[64], beside[64];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    snprintf(p->folder, sizeof p->folder, "/tmp/test_leap_XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/leap-seconds.list", p->folder);
    snprintf(p->beside, sizeof p->beside, "%s/leapseconds", p->folder);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    rmdir(p->path);
    unlink(p->beside);
    rmdir(p->folder);
    free(p);
    return 0;
}

static void put_file(const char *path, const char *text, int times)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    while (times-- > 0)
        fputs(text, f);
    assert_int_equal(fclose(f), 0);
}

static void a_file_that_comes_changes_and_goes(void **state)
{
    struct place *p = *state;
    struct leap_file f;
    struct leap_table t = {0};
    leap_file_init(&f, LEAP_BY_LIST, p->path);
    assert_true(leap_file_look(&f));
    assert_false(leap_file_look(&f));
    assert_false(f.good);
    assert_string_equal(f.err.why, "");
    put_file(p->path, GOOD, 1);
    assert_true(leap_file_look(&f));
    assert_false(leap_file_look(&f));
    assert_true(f.good);
    leap_file_say(&f, &t, expiry - 5);
    assert_int_equal(t.count, 1);
    assert_int_equal(leap_standing(&t.witness[0], expiry - 1), LEAP_COUNTS);
    assert_int_equal(leap_standing(&t.witness[0], expiry), LEAP_EXPIRED);
    put_file(p->path, "# damaged\n", 1);
    assert_true(leap_file_look(&f));
    assert_false(f.good);
    assert_string_not_equal(f.err.why, "");
    leap_file_say(&f, &t, expiry - 5);
    assert_int_equal(t.count, 0);
    put_file(p->path, GOOD, 1);
    assert_true(leap_file_look(&f));
    assert_true(f.good);
    unlink(p->path);
    assert_true(leap_file_look(&f));
    assert_false(leap_file_look(&f));
    assert_false(f.good);
}

static void d10_files_that_are_not_read(void **state)
{
    struct place *p = *state;
    struct leap_file f;
    leap_file_init(&f, LEAP_BY_LIST, p->path);
    put_file(p->path, GOOD, 2 * 1024 * 1024 / (int)strlen(GOOD));
    assert_true(leap_file_look(&f));
    assert_false(f.good);
    assert_non_null(strstr(f.err.why, "more than"));
    unlink(p->path);
    assert_int_equal(mkdir(p->path, 0700), 0);
    assert_true(leap_file_look(&f));
    assert_false(f.good);
    assert_string_not_equal(f.err.why, "");
    assert_false(leap_file_look(&f));
    rmdir(p->path);
    assert_int_equal(mkfifo(p->path, 0600), 0);
    (void)leap_file_look(&f); /* does not wait for a writer */
    assert_false(f.good);
    leap_file_init(&f, LEAP_BY_LIST, "");
    assert_false(leap_file_look(&f));
}

static void the_table_beside_the_list(void **state)
{
    struct place *p = *state;
    struct leap_file f;
    leap_file_init_beside(&f, p->path);
    assert_string_equal(f.path, p->beside);
    leap_file_init_beside(&f, "list");
    assert_string_equal(f.path, "leapseconds");
    leap_file_init_beside(&f, "");
    assert_string_equal(f.path, "");
}

static void keep_line(void *arg, enum log_level level, const char *line)
{
    char *all = arg;
    (void)level;
    strncat(all, line, 2000 - strlen(all) - 1);
    strncat(all, "\n", 2000 - strlen(all) - 1);
}

/* A machine whose tzdata has the table and no list. */
static void d10_the_time_zone_database_stands_in(void **state)
{
    struct place *p = *state;
    const int64_t end = 1782604800, day = 86400;
    char said[2000] = "", word[120];
    const struct log log = {.max = LOG_LEVEL_INFO, .write = keep_line, .arg = said};
    struct leap_watch w;
    struct leap_table t = {0};
    struct leap_verdict v;
    put_file(p->beside,
             "Leap 1972 Jun 30 23:59:60 + S\nLeap 2026 Jun 30 23:59:60 + S\n"
             "#updated 1751846400 (x)\n#expires 1782604800 (y)\n",
             1);
    leap_watch_open(&w, p->path, &log, 0);
    snprintf(word, sizeof word, "`leapfile`; %s stands in", p->beside);
    assert_non_null(strstr(said, "there is no such file"));
    assert_non_null(strstr(said, word));
    *said = 0;
    leap_watch_tick(&w, &t, 1, end - 100 * day, &log);
    assert_string_equal(said, "");
    leap_judge(&t, end - 100 * day, &v);
    assert_int_equal(v.rule, 'a');
    assert_int_equal(v.change, LEAP_INSERT);
    assert_int_equal(v.tai, 11);
    leap_watch_tick(&w, &t, 2, end - day, &log);
    snprintf(word, sizeof word, "%s expires on 2026-06-28", p->beside);
    assert_non_null(strstr(said, word));
    leap_watch_tick(&w, &t, 3, end + 8 * day, &log);
    snprintf(word, sizeof word, "%s has expired on 2026-06-28", p->beside);
    assert_non_null(strstr(said, word));
    leap_judge(&t, end, &v);
    assert_int_equal(v.rule, 0);
}

/* What this machine has, where it has it. */
static void the_machines_own_list(void **state)
{
    (void)state;
    static const char list[] = "/usr/share/zoneinfo/leap-seconds.list";
    struct leap_file f, zone;
    if (access(list, R_OK))
        skip();
    leap_file_init(&f, LEAP_BY_LIST, list);
    (void)leap_file_look(&f);
    assert_string_equal(f.err.why, "");
    leap_file_init_beside(&zone, list);
    (void)leap_file_look(&zone);
    if (!zone.good)
        skip();
    for (int year = 1972; year < 2030; year++)
        for (int month = 1; month <= 12; month++) {
            struct civil c = {.year = year, .month = month, .day = 1};
            struct leap_claim a = leap_list_claim(&f.list, civil_to_posix(&c)),
                              b = leap_list_claim(&zone.list, civil_to_posix(&c));
            assert_int_equal(a.tai, b.tai);
            assert_int_equal(a.at, b.at);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_and_what_it_says),
        cmocka_unit_test(d10_what_is_no_list),
        cmocka_unit_test(the_time_zone_databases_table),
        cmocka_unit_test_setup_teardown(a_file_that_comes_changes_and_goes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d10_files_that_are_not_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_table_beside_the_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(d10_the_time_zone_database_stands_in, set_up, tear_down),
        cmocka_unit_test(the_machines_own_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
