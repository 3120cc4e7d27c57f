/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of answers for clients in interleaved mode. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <string.h>

#include "server/responder/interleave.h"

static union address v4(uint32_t host, uint16_t port)
{
    union address a = {.v4 = {.sin_family = AF_INET, .sin_port = htons(port)}};
    a.v4.sin_addr.s_addr = htonl(host);
    return a;
}

static union address v6(const char *text)
{
    union address a = {.v6 = {.sin6_family = AF_INET6}};
    assert_int_equal(inet_pton(AF_INET6, text, &a.v6.sin6_addr), 1);
    return a;
}

static void an_answer_is_found_by_address_and_receive_timestamp(void **state)
{
    (void)state;
    struct interleave *t = interleave_new(1, NULL);
    union address client = v4(0x64400001, 4000), same = v4(0x64400001, 5000);
    union address other = v4(0x64400002, 4000), six = v6("2001:db8::1"), near = v6("2001:db8::2");
    assert_true(interleave_find(t, &client, 71) == 0);
    interleave_keep(t, &client, 71, 80);
    assert_true(interleave_find(t, &client, 71) == 80);
    assert_true(interleave_find(t, &same, 71) == 80); /* clients change their port */
    assert_true(interleave_find(t, &other, 71) == 0);
    assert_true(interleave_find(t, &client, 73) == 0);
    interleave_left(t, &other, 71, 90);
    interleave_left(t, &client, 73, 90);
    assert_true(interleave_find(t, &client, 71) == 80);
    interleave_left(t, &client, 71, 90);
    assert_true(interleave_find(t, &client, 71) == 90);
    interleave_keep(t, &six, 71, 100);
    assert_true(interleave_find(t, &six, 71) == 100);
    assert_true(interleave_find(t, &near, 71) == 0);
    interleave_free(t);
}

/* A client whose answers get lost names an older one. */
static void the_latest_answers_to_a_client_are_kept(void **state)
{
    (void)state;
    struct interleave *t = interleave_new(2, NULL);
    union address client = v4(0x64400001, 4000);
    for (uint64_t i = 1; i <= 100; i++)
        interleave_keep(t, &client, 2 * i + 1, 1000 + i);
    for (uint64_t i = 1; i <= 100; i++) {
        bool kept = i > 100 - INTERLEAVE_WAYS;
        assert_true(interleave_find(t, &client, 2 * i + 1) == (kept ? 1000 + i : 0));
    }
    interleave_free(t);
}

static void a_million_clients_take_no_more_room(void **state)
{
    (void)state;
    size_t size;
    struct interleave *t = interleave_new(3, &size);
    unsigned found = 0;
    for (uint32_t i = 0; i < 1000000; i++) {
        union address client = v4(0x64400000 + i, 4000);
        interleave_keep(t, &client, 2 * i + 1, i + 1);
    }
    for (uint32_t i = 0; i < 1000000; i++) {
        union address client = v4(0x64400000 + i, 4000);
        found += interleave_find(t, &client, 2 * i + 1) == i + 1;
    }
    assert_int_equal(found, INTERLEAVE_SETS * INTERLEAVE_WAYS);
    assert_true(size < 256 << 10);
    interleave_free(t);
    interleave_free(NULL);
}

/* Which clients share a place is different in each server. */
static void places_cannot_be_foreseen(void **state)
{
    (void)state;
    struct interleave *t[2] = {interleave_new(4, NULL), interleave_new(5, NULL)};
    unsigned differ = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        union address client = v4(0x64400000 + i, 4000);
        for (int k = 0; k < 2; k++)
            interleave_keep(t[k], &client, 1, 2);
    }
    for (uint32_t i = 0; i < 20000; i++) {
        union address client = v4(0x64400000 + i, 4000);
        differ += interleave_find(t[0], &client, 1) != interleave_find(t[1], &client, 1);
    }
    assert_true(differ > 1000);
    interleave_free(t[0]);
    interleave_free(t[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_is_found_by_address_and_receive_timestamp),
        cmocka_unit_test(the_latest_answers_to_a_client_are_kept),
        cmocka_unit_test(a_million_clients_take_no_more_room),
        cmocka_unit_test(places_cannot_be_foreseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
