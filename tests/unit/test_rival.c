/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/rival.h"

#define STEERS "0000000002000400" /* SYS_TIME and NET_BIND_SERVICE */
#define SERVES "0000000000000400"

static int setup(void **state)
{
    char *root = strdup("/tmp/test_rival.XXXXXX"), path[64];
    assert_non_null(mkdtemp(root));
    snprintf(path, sizeof path, "%s/proc", root);
    assert_int_equal(mkdir(path, 0755), 0);
    *state = root;
    return 0;
}

static int teardown(void **state)
{
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", (char *)*state);
    free(*state);
    return system(command); /* NOLINT(cert-env33-c): a folder of our own */
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void add(const char *root, int pid, const char *program, const char *capabilities)
{
    char folder[96], text[128];
    snprintf(folder, sizeof folder, "%s/proc/%d", root, pid);
    assert_int_equal(mkdir(folder, 0755), 0);
    snprintf(text, sizeof text, "%s\n", program);
    write_file(folder, "comm", text);
    snprintf(text, sizeof text, "Name:\t%s\nCapEff:\t%s\n", program, capabilities);
    write_file(folder, "status", text);
}

static void alone(void **state)
{
    struct err err;
    add(*state, 10, "cat", STEERS);
    add(*state, 11, "chronyd", SERVES); /* -x */
    add(*state, 12, "phc2sys", STEERS); /* may set the card's clock by ours */
    assert_int_equal(rival_refuse(*state, &err), 0);
    assert_int_equal(rival_find(*state, false).pid, 11); /* which a doctor names all the same */
}

static void beside_one_that_steers(void **state)
{
    static const char *const programs[][2] = {
        {"chronyd", "chrony.service"},
        {"ntpd", "ntpsec.service"},
        {"systemd-timesyn", "systemd-timesyncd.service"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        struct err err;
        char line[560];
        add(*state, 77, programs[i][0], STEERS);
        assert_int_equal(rival_refuse(*state, &err), -1);
        err_line(&err, line, sizeof line);
        assert_non_null(strstr(line, programs[i][0]));
        assert_non_null(strstr(line, "process 77"));
        assert_non_null(strstr(line, programs[i][1]));
        assert_non_null(strstr(line, "`clock none`"));
        assert_int_equal(teardown(state), 0);
        setup(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(alone, setup, teardown),
        cmocka_unit_test_setup_teardown(beside_one_that_steers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
