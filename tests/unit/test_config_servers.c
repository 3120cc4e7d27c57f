/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/config/config.h"
#include "server/daemon/receivers.h"

static int parse(struct config *c, struct config_errors *errors, const char *text)
{
    return config_parse(c, "test.conf", text, strlen(text), errors);
}

static void refused(const char *text, const char *part)
{
    struct config c;
    struct config_errors errors;
    char line[sizeof(struct err) + 8];
    assert_int_equal(parse(&c, &errors, text), -1);
    err_line(&errors.err[0], line, sizeof line);
    if (!strstr(line, part) || !strstr(line, "test.conf:1"))
        fail_msg("%s: %s", text, line);
}

static void lines_of_servers(void **state)
{
    (void)state;
    struct config c;
    struct config_errors errors;
    const char *text = "server a.example iburst minpoll -2 maxpoll 17 trust\n"
                       "server -6 b.example prefer noselect xleave burst version 3 port 1123\n"
                       "pool -4 c.example maxsources 7\n"
                       "refclock shm 3 trust\n"
                       "local stratum 10\n";
    assert_int_equal(parse(&c, &errors, text), 0);
    assert_int_equal(c.server_count, 3);
    const struct config_server *a = &c.server[0], *b = &c.server[1], *pool = &c.server[2];
    assert_true(a->iburst && a->trust && !a->prefer && !a->pool);
    assert_true(a->minpoll == -2 && a->maxpoll == 17 && a->version == 4 && a->port == 123);
    assert_int_equal(b->family, AF_INET6);
    assert_true(b->prefer && b->noselect && b->xleave && b->burst && !b->trust);
    assert_true(b->version == 3 && b->port == 1123 && b->minpoll == 6 && b->maxpoll == 10);
    assert_true(pool->pool && pool->family == AF_INET && pool->maxsources == 7);
    assert_int_equal(c.local_stratum, 10);
    struct receivers all;
    receivers_of(&c, &all);
    assert_true(all.of[0].trusted);
    /* what --check prints says the same again */
    char *again = NULL;
    size_t size;
    FILE *f = open_memstream(&again, &size);
    config_check_print(f, &c);
    fclose(f);
    struct config d;
    assert_int_equal(parse(&d, &errors, again), 0);
    assert_memory_equal(d.server[0].host, a->host, sizeof a->host);
    assert_true(d.server_count == 3 && d.server[0].trust && d.local_stratum == 10);
    free(again);
    config_free(&c);
    config_free(&d);
}

static void a_long_minpoll_takes_maxpoll_with_it(void **state)
{
    (void)state;
    struct config c;
    struct config_errors errors;
    assert_int_equal(parse(&c, &errors, "server a.example minpoll 12\n"), 0);
    assert_int_equal(c.server[0].maxpoll, 12);
    assert_int_equal(c.local_stratum, 0);
    config_free(&c);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    refused("server\n", "server");
    refused("server -6\n", "name is missing");
    refused("server a.example minpoll 18\n", "minpoll");
    refused("server a.example minpoll -3\n", "minpoll");
    refused("server a.example minpoll 8 maxpoll 4\n", "maxpoll");
    refused("server a.example version 5\n", "version");
    refused("server a.example trusted\n", "trust");
    refused("pool a.example maxsources 17\n", "maxsources");
    refused("local stratum 1\n", "stratum");
    refused("local stratum 16\n", "stratum");
    refused("local stratum\n", "stratum");
    refused("local 10\n", "10");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_servers),
        cmocka_unit_test(a_long_minpoll_takes_maxpoll_with_it),
        cmocka_unit_test(what_is_wrong_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
