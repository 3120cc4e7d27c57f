/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "server/shared_table.h"

#define WORDS   64
#define READERS 3
#define SWAPS   3000

/* All its words are the same; other than ALIVE, or different ones, is a table that was released. */
struct thing {
    struct shared_object shared;
    size_t *released;
    unsigned word[WORDS];
};

static void release(struct shared_object *o)
{
    struct thing *t = (struct thing *)o;
    for (int i = 0; i < WORDS; i++)
        t->word[i] = 0;
    ++*t->released;
    free(t);
}

static struct shared_object *make(size_t *released, unsigned word)
{
    struct thing *t = calloc(1, sizeof *t);
    assert_non_null(t);
    t->released = released;
    for (int i = 0; i < WORDS; i++)
        t->word[i] = word;
    return &t->shared;
}

static void an_old_table_lives_as_long_as_it_is_read(void **state)
{
    (void)state;
    struct shared_table t;
    struct shared_reader a, b;
    size_t released = 0;
    shared_init(&t, release);
    shared_join(&t, &a);
    shared_join(&t, &b);
    assert_null(shared_enter(&t, &a));
    shared_leave(&a);
    shared_swap(&t, make(&released, 1));
    const struct thing *held = (const struct thing *)shared_enter(&t, &a);
    assert_int_equal(held->word[3], 1);
    shared_swap(&t, make(&released, 2));
    shared_swap(&t, make(&released, 3)); /* the second was read by nobody */
    assert_int_equal(released, 1);
    assert_int_equal(held->word[3], 1);
    assert_int_equal(((const struct thing *)shared_enter(&t, &b))->word[3], 3);
    assert_int_equal(shared_sweep(&t), 1);
    shared_leave(&a);
    assert_int_equal(shared_sweep(&t), 0);
    assert_int_equal(released, 2);
    shared_leave(&b);
    shared_swap(&t, NULL);
    assert_null(shared_enter(&t, &a));
    shared_leave(&a);
    assert_int_equal(released, 3);
    shared_close(&t);
}

struct shop {
    struct shared_table table;
    _Atomic bool over;
};
struct customer {
    struct shop *shop;
    struct shared_reader reader;
    uint64_t read, wrong;
};

static void *read_on(void *arg)
{
    struct customer *c = arg;
    while (!atomic_load(&c->shop->over)) {
        const struct thing *t = (const struct thing *)shared_enter(&c->shop->table, &c->reader);
        for (int i = 0; i < WORDS; i++)
            c->wrong += !t->word[i] || t->word[i] != t->word[0];
        c->read++;
        shared_leave(&c->reader);
    }
    return NULL;
}

/* With the address sanitizer, reading what was released ends the program. */
static void readers_never_meet_a_released_table(void **state)
{
    (void)state;
    struct shop shop = {.over = false};
    struct customer customer[READERS] = {0};
    pthread_t thread[READERS];
    size_t released = 0;
    shared_init(&shop.table, release);
    shared_swap(&shop.table, make(&released, 1));
    for (int i = 0; i < READERS; i++) {
        customer[i].shop = &shop;
        shared_join(&shop.table, &customer[i].reader);
        assert_int_equal(pthread_create(&thread[i], NULL, read_on, &customer[i]), 0);
    }
    for (unsigned n = 2; n < SWAPS; n++) {
        shared_swap(&shop.table, make(&released, n));
        assert_true(n - 1 - released <= READERS); /* so many wait at most */
        if (n % 16 == 0)
            sched_yield();
    }
    atomic_store(&shop.over, true);
    for (int i = 0; i < READERS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(customer[i].wrong, 0);
    }
    shared_close(&shop.table);
    assert_int_equal(released, SWAPS - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_old_table_lives_as_long_as_it_is_read),
        cmocka_unit_test(readers_never_meet_a_released_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
