/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Row F1 of the faults: files that include files; and who reads one that is not theirs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"
#include "tree.h"

static int load(const struct tree *t)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ntp.conf", t->root);
    return config_load(&c, path, &errors);
}

static void must_load(const struct tree *t)
{
    char line[560];
    if (load(t))
        fail_msg("%s", err_line(&errors.err[0], line, sizeof line));
}

static void must_fail(const struct tree *t, const char *file, const char *says)
{
    char place[160];
    assert_int_equal(load(t), -1);
    snprintf(place, sizeof place, "%s/%s", t->root, file);
    if (strcmp(errors.err[0].thing, place) != 0 || !strstr(errors.err[0].why, says))
        fail_msg("%s: %s; wanted %s: %s", errors.err[0].thing, errors.err[0].why, place, says);
}

/* A file that includes one below, which includes the one beside itself. */
static void begin(struct tree *t)
{
    tree_make(t);
    tree_file(t, "/ntp.conf", "threads 3\nincludefile sub/servers\nclock none\n");
    tree_file(t, "/sub/servers", "server 192.0.2.1\nincludefile more\n");
    tree_file(t, "/sub/more", "server 192.0.2.2\n");
}

static void f1_files_include_files(void **state)
{
    struct tree t;
    char place[128];
    (void)state;
    begin(&t);
    must_load(&t);
    assert_int_equal(c.server_count, 2);
    assert_int_equal(c.clock, CONFIG_CLOCK_NONE);
    config_free(&c);

    tree_file(&t, "/sub/more", "server 192.0.2.2\n\nthreads 2\n");
    must_fail(&t, "sub/more:3", "threads is given twice");
    tree_file(&t, "/sub/more", "serve 192.0.2.2\n");
    must_fail(&t, "sub/more:1", "unknown word 'serve'");
    tree_file(&t, "/sub/more", "tos maxclock 3\n");
    must_load(&t);
    snprintf(place, sizeof place, "%s/sub/more:1", t.root);
    must_warn(place, "tos maxclock");
    config_free(&c);
    tree_remove(&t, "");
}

static void f1_what_cannot_be_included(void **state)
{
    struct tree t;
    (void)state;
    begin(&t);
    tree_file(&t, "/sub/more", "\nincludefile ../ntp.conf\n"); /* round and round */
    must_fail(&t, "sub/more:2", "includes itself");
    tree_file(&t, "/sub/more", "includefile more\n");
    must_fail(&t, "sub/more:1", "includes itself");
    tree_file(&t, "/sub/more", "includefile none\n");
    must_fail(&t, "sub/more:1", "No such file");
    tree_file(&t, "/sub/more", "includefile /tmp\n");
    must_fail(&t, "sub/more:1", "is a directory");
    tree_remove(&t, "");
}

static void f1_a_long_stair(void **state)
{
    struct tree t;
    (void)state;
    tree_make(&t);
    for (int i = 0; i < 8; i++) {
        char path[32], text[32];
        snprintf(path, sizeof path, "/stair%d", i);
        snprintf(text, sizeof text, "includefile stair%d\n", i + 1);
        tree_file(&t, path, text);
    }
    tree_file(&t, "/stair8", "");
    tree_file(&t, "/ntp.conf", "includefile stair0\n");
    must_fail(&t, "stair4:1", "more than 5 deep");
    tree_file(&t, "/ntp.conf", "includefile stair4\n");
    must_load(&t);
    config_free(&c);
    tree_remove(&t, "");
}

static void f1_many_files(void **state)
{
    struct tree t;
    size_t size = 0;
    char *text = NULL;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    tree_make(&t);
    for (int i = 0; i < 80; i++)
        fputs("includefile empty\n", out);
    fclose(out);
    tree_file(&t, "/empty", "");
    tree_file(&t, "/ntp.conf", text);
    must_fail(&t, "ntp.conf:65", "more than 64 files");
    free(text);
    tree_remove(&t, "");
}

static void other_programs_find_the_status_socket(void **state)
{
    static const struct {
        const char *text, *socket; /* NULL: there is to be none */
    } cases[] = {
        {"statussocket /run/elsewhere.sock\n", "/run/elsewhere.sock"},
        {"clock none\n", CONFIG_STATUSSOCKET},
        {"statussocket /run/elsewhere.sock\nbogus\n", CONFIG_STATUSSOCKET},
        {"statussocket none\n", NULL},
    };
    struct tree t;
    struct err err;
    char path[128];
    (void)state;
    tree_make(&t);
    snprintf(path, sizeof path, "%s/timeball.conf", t.root);
    assert_string_equal(config_find_socket(&c, path, &err), CONFIG_STATUSSOCKET); /* no file */
    config_free(&c);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        tree_file(&t, "/timeball.conf", cases[i].text);
        const char *socket = config_find_socket(&c, path, &err);
        if (cases[i].socket)
            assert_string_equal(socket, cases[i].socket);
        else
            assert_null(socket);
        config_free(&c);
    }
    assert_non_null(strstr(err.why, "statussocket none"));
    tree_remove(&t, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(other_programs_find_the_status_socket),
        cmocka_unit_test(f1_files_include_files),
        cmocka_unit_test(f1_what_cannot_be_included),
        cmocka_unit_test(f1_a_long_stair),
        cmocka_unit_test(f1_many_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
