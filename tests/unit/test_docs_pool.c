/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The figures of docs/pool.md are those of the code, and its kernel settings exist. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/ctl/pool_capacity.h"
#include "server/ctl/pool_score.h"

#define PAGE DOCS "/pool.md"

static int setup(void **state)
{
    FILE *f = fopen(PAGE, "r");
    char *text = NULL;
    size_t size = 0;
    if (!f)
        return -1;
    ssize_t n = getdelim(&text, &size, 0, f);
    fclose(f);
    *state = text;
    return n > 0 ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* The text between the next fence of that kind and its end; NULL: there is none. */
static const char *block(const char *from, const char *kind, size_t *size)
{
    char fence[32];
    snprintf(fence, sizeof fence, "```%s\n", kind);
    const char *begin = strstr(from, fence);
    if (!begin)
        return NULL;
    begin += strlen(fence);
    const char *end = strstr(begin, "```");
    assert_non_null(end);
    *size = (size_t)(end - begin);
    return begin;
}

static void its_kernel_settings_exist(void **state)
{
    size_t size = 0;
    const char *at = block(*state, "sysctl", &size);
    assert_non_null(at);
    const char *end = at + size;
    while (at < end) {
        char key[96], path[128];
        assert_int_equal(sscanf(at, "%95[a-z_.] = %*d\n", key), 1);
        snprintf(path, sizeof path, "/proc/sys/%s", key);
        for (char *dot = path + 10; *dot; dot++)
            if (*dot == '.')
                *dot = '/';
        /* a network namespace of its own may hide it, the folder is always there */
        if (access(path, F_OK) && !access("/proc/sys/net/core/rmem_max", F_OK))
            fail_msg("there is no %s", path);
        at = strchr(at, '\n') + 1;
    }
}

static void expect(const char *page, const char *part)
{
    if (!strstr(page, part))
        fail_msg("pool.md does not say '%s'", part);
}

static void expect_row(const char *page, const char *name, struct pool_query q)
{
    char row[128], cap[16] = "";
    struct pool_step s = pool_score_step(&q);
    if (s.cap < 1e9)
        snprintf(cap, sizeof cap, "%g ", s.cap);
    snprintf(row, sizeof row, "\n| %s | %g | %s|\n", name, s.step, cap);
    expect(page, row);
}

static void its_figures_are_those_of_the_code(void **state)
{
    const char *page = *state;
    char text[80];
    struct pool_query good = {.result = POOL_ANSWERED, .stratum = 1};
    struct pool_query silent = {.result = POOL_SILENT};
    expect_row(page, "over 750 ms",
               (struct pool_query){.result = POOL_ANSWERED, .stratum = 1, .offset = 0.8});
    expect_row(page, "over 3 s",
               (struct pool_query){.result = POOL_ANSWERED, .stratum = 1, .offset = 4});
    expect_row(page, "stratum 8 to 10", (struct pool_query){.result = POOL_ANSWERED, .stratum = 8});
    expect_row(page, "stratum 11 to 16", (struct pool_query){.result = POOL_STRATUM});
    expect_row(page, "stratum 0 (does not know the time)",
               (struct pool_query){.result = POOL_STRATUM_0});
    expect_row(page, "no answer", silent);
    expect_row(page, "kiss of death RATE", (struct pool_query){.result = POOL_RATE});
    expect_row(page, "kiss of death DENY or RSTR", (struct pool_query){.result = POOL_DENY});
    struct pool_step up = pool_score_step(&good), down = pool_score_step(&silent);
    double once = pool_score_next(20, &down), twice = pool_score_next(once, &down);
    snprintf(text, sizeof text, "in after %d good checks", pool_score_checks(0, &up, POOL_IN));
    expect(page, text);
    snprintf(text, sizeof text, "answer leaves %g, a second one %.1f: out.", once, twice);
    expect(page, text);
    assert_int_equal(pool_score_checks(twice, &up, POOL_IN), 4);
    expect(page, "takes four good checks");
    snprintf(text, sizeof text, "takes %d, and after a DENY %d.",
             pool_score_checks(-20, &up, POOL_IN), pool_score_checks(-50, &up, POOL_IN));
    expect(page, text);
    snprintf(text, sizeof text, "512 kbit are then %.0f a second", pool_capacity_rate(512));
    expect(page, text);
    assert_int_equal((int)pool_capacity_rate(1e4), 16447);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_kernel_settings_exist),
        cmocka_unit_test(its_figures_are_those_of_the_code),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
