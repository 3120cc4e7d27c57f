/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The queue between a worker and the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "server/ntpq/inbox.h"

static struct ntpq_letter letter;

static bool put(struct ntpq_inbox *box, unsigned number)
{
    union address from = {.v4 = {.sin_family = AF_INET}};
    struct address_asked asked = {.family = AF_INET, .interface = number};
    uint8_t bytes[12] = {0x16, 2, (uint8_t)(number >> 8), (uint8_t)number};
    return ntpq_inbox_put(box, &from, &asked, 7, bytes, sizeof bytes);
}

static bool woken(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    eventfd_t count;
    return poll(&p, 1, 0) == 1 && !eventfd_read(fd, &count);
}

static void it_keeps_order_and_says_when_it_is_full(void **state)
{
    struct ntpq_inbox box;
    int fd = eventfd(0, EFD_NONBLOCK);
    (void)state;
    ntpq_inbox_init(&box, fd);
    assert_false(ntpq_inbox_take(&box, &letter));
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < NTPQ_INBOX_SIZE; i++)
            assert_true(put(&box, i));
        assert_true(woken(fd));
        assert_false(put(&box, 99));
        assert_false(woken(fd)); /* for the first of an empty queue only */
        for (unsigned i = 0; i < NTPQ_INBOX_SIZE; i++) {
            assert_true(ntpq_inbox_take(&box, &letter));
            assert_int_equal(letter.asked.interface, i);
            assert_int_equal(letter.size, 12);
            assert_int_equal(letter.fd, 7);
        }
        assert_false(ntpq_inbox_take(&box, &letter));
    }
    uint8_t large[NTPQ_REQUEST_MAX + 1] = {0};
    assert_false(ntpq_inbox_put(&box, &letter.from, &letter.asked, 7, large, sizeof large));
    close(fd);
}

#define MANY 200000

static void *write_many(void *arg)
{
    for (unsigned i = 0; i < MANY;)
        if (put(arg, i))
            i++;
    return NULL;
}

/* A reader that sleeps whenever the queue is empty must not miss a wake-up, or the test hangs. */
static void no_wake_up_is_missed_between_threads(void **state)
{
    struct ntpq_inbox box;
    pthread_t writer;
    int fd = eventfd(0, 0);
    eventfd_t count;
    unsigned expected = 0;
    (void)state;
    ntpq_inbox_init(&box, fd);
    assert_int_equal(pthread_create(&writer, NULL, write_many, &box), 0);
    while (expected < MANY) {
        while (ntpq_inbox_take(&box, &letter))
            assert_int_equal(letter.asked.interface, expected++);
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (expected < MANY && poll(&p, 1, 20000) != 1)
            fail_msg("not woken for %u", expected);
        if (expected < MANY)
            eventfd_read(fd, &count);
    }
    pthread_join(writer, NULL);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_keeps_order_and_says_when_it_is_full),
        cmocka_unit_test(no_wake_up_is_missed_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
