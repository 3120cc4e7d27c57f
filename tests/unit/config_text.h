/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_CONFIG_TEXT_H
#define TIMEBALL_TESTS_CONFIG_TEXT_H

/* A configuration from a text, for tests of what becomes of it; after <cmocka.h>. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"

static struct config c;
static struct config_errors errors;

static inline int parse(const char *text)
{
    return config_parse(&c, "ntp.conf", text, strlen(text), &errors);
}

static inline void must_parse(const char *text)
{
    char line[560];
    if (parse(text))
        fail_msg("%s", err_line(&errors.err[0], line, sizeof line));
}

/* What --check prints; to be freed. */
static inline char *checked(void)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    config_check_print(f, &c);
    fclose(f);
    return text;
}

static inline void must_say(const char *wanted)
{
    char *text = checked();
    if (!strstr(text, wanted))
        fail_msg("no '%s' in\n%s", wanted, text);
    free(text);
}

static inline void must_warn(const char *thing, const char *wanted)
{
    for (size_t i = 0; i < c.warning_count; i++)
        if (!strcmp(c.warning[i].thing, thing) && strstr(c.warning[i].why, wanted))
            return;
    fail_msg("no warning '%s' for %s among %zu", wanted, thing, c.warning_count);
}

/* What is printed must read back to the same. */
static inline void must_read_back(void)
{
    char *first = checked();
    size_t clocks = c.refclock_count, servers = c.server_count, rules = c.restrict_count;
    config_free(&c);
    must_parse(first);
    char *second = checked();
    assert_int_equal(c.refclock_count, clocks);
    assert_int_equal(c.server_count, servers);
    assert_int_equal(c.restrict_count, rules);
    free(first);
    free(second);
}

#endif
