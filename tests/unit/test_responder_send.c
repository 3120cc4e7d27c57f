/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Row A15 of the faults: the kernel does not take an answer. What it refuses is chosen here: the
 * linker puts a sendmmsg() of ours before the kernel's (--wrap), which sends all the others.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/responder/batch.h"
#include "server/responder/responder.h"
#include "server/ntp/wire.h"
#include "tests/unit/responder_world.h"

/* Answers are told apart by a byte of the request's transmit timestamp, which they repeat. */
#define MARK_ASKED  40
#define MARK_ANSWER 24

static struct {
    int errnum;           /* 0: nothing is refused */
    bool once;            /* the same answer is taken when it is offered again */
    bool mark[1 << 8];    /* those that are refused */
    unsigned calls, most; /* of sendmmsg(); the longest list that was offered */
    unsigned stamps;      /* answers of which the leaving is to be stamped */
} refuse;

static bool wants_stamp(struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING)
            return true;
    return false;
}

static bool refused(const struct mmsghdr *m)
{
    const uint8_t *bytes = m->msg_hdr.msg_iov->iov_base;
    return refuse.errnum && refuse.mark[bytes[MARK_ANSWER]];
}

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker makes the names
 */
int __real_sendmmsg(int fd, struct mmsghdr *list, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *list, unsigned count, int flags);

/* As sendmmsg(2): those before the first that fails are sent, and its error is told when it leads.
 */
int __wrap_sendmmsg(int fd, struct mmsghdr *list, unsigned count, int flags)
{
    unsigned good = 0;
    refuse.calls++;
    refuse.most = count > refuse.most ? count : refuse.most;
    for (unsigned i = 0; i < count; i++)
        refuse.stamps += wants_stamp(&list[i].msg_hdr);
    while (good < count && !refused(list + good))
        good++;
    if (good)
        return __real_sendmmsg(fd, list, good, flags);
    const uint8_t *first = list->msg_hdr.msg_iov->iov_base;
    refuse.mark[first[MARK_ANSWER]] = !refuse.once;
    errno = refuse.errnum;
    return -1;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

/* A responder whose answers the kernel takes, and a client. */
static int begin_taken(struct world *w)
{
    begin_local(w, 0);
    memset(&refuse, 0, sizeof refuse);
    return client("127.0.0.1");
}

static void end_taken(struct world *w, int fd)
{
    close(fd);
    end(w);
}

/* So many requests, marked 0, 1, ... that wait in the socket when the loop comes to it. */
static void ask_all(struct world *w, int fd, int count)
{
    uint8_t request[WIRE_SIZE] = {4 << 3 | WIRE_MODE_CLIENT};
    union address to = address("127.0.0.1", port_of(w, 0));
    memset(request + MARK_ASKED, 0x77, 8);
    for (int i = 0; i < count; i++) {
        request[MARK_ASKED] = (uint8_t)i;
        send_bytes(fd, &to, request, sizeof request);
    }
}

/* Exactly the answers from mark 0 to `count` come that are not `lost`, in their order. */
static void hear_all(struct world *w, int fd, int count, const bool *lost)
{
    uint8_t answer[512];
    for (int i = 0; i < count; i++) {
        if (lost[i])
            continue;
        assert_true(readable(w, fd, WAIT_MS));
        assert_int_equal(recv(fd, answer, sizeof answer, 0), WIRE_SIZE);
        assert_int_equal(answer[MARK_ANSWER], i);
    }
    assert_int_equal(recv(fd, answer, sizeof answer, MSG_DONTWAIT), -1);
}

/* From now on a full batch is answered together. */
static void make_busy(struct world *w, int fd)
{
    static const bool none[BATCH_SIZE];
    for (int i = 0; i < BATCH_HABIT; i++) {
        ask_all(w, fd, BATCH_SIZE);
        hear_all(w, fd, BATCH_SIZE, none);
    }
    memset(&refuse, 0, sizeof refuse);
}

/*
 * Of a full batch the kernel refuses the `marks`, up to -1, with `errnum`: `lost` are not heard and
 * are counted, all others are; and the next requests, alone and together, are answered as ever.
 */
static void batch_with(int errnum, bool once, const int *marks, const bool lost[BATCH_SIZE])
{
    static const bool none[BATCH_SIZE];
    struct world w;
    uint64_t missing = 0;
    enum { BEFORE = BATCH_HABIT * BATCH_SIZE };
    int fd = begin_taken(&w), said = w.lines;
    make_busy(&w, fd);
    refuse.errnum = errnum;
    refuse.once = once;
    for (const int *m = marks; *m >= 0; m++)
        refuse.mark[*m] = true;
    for (int i = 0; i < BATCH_SIZE; i++)
        missing += lost[i];

    ask_all(&w, fd, BATCH_SIZE);
    wait_judged(&w, BEFORE + BATCH_SIZE);
    hear_all(&w, fd, BATCH_SIZE, lost);
    assert_int_equal(refuse.most, BATCH_SIZE); /* they were sent together */
    struct responder_counts c = counts(&w);
    assert_int_equal(c.send_errors, missing);
    assert_int_equal(c.verdict[VERDICT_ANSWERED], BEFORE + BATCH_SIZE);

    refuse.errnum = 0;
    ask(&w, 0, "127.0.0.1", "127.0.0.1");
    ask_all(&w, fd, BATCH_SIZE);
    hear_all(&w, fd, BATCH_SIZE, none);
    c = counts(&w);
    assert_int_equal(c.send_errors, missing);
    assert_int_equal(c.receive_errors, 0);
    assert_int_equal(w.lines, said); /* counted, not logged */
    end_taken(&w, fd);
}

/* First, amid, two in a row and last: each alone is left out. */
static void test_a15_an_answer_that_is_refused(void **state)
{
    (void)state;
    static const int errnums[] = {ENOBUFS,     ENOMEM,       EPERM, ENETDOWN,
                                  ENETUNREACH, EHOSTUNREACH, EINVAL};
    static const int marks[] = {0, 7, 8, BATCH_SIZE - 1, -1};
    bool lost[BATCH_SIZE] = {false};
    for (const int *m = marks; *m >= 0; m++)
        lost[*m] = true;
    for (size_t i = 0; i < sizeof errnums / sizeof *errnums; i++)
        batch_with(errnums[i], false, marks, lost);
}

static void test_a15_all_answers_are_refused(void **state)
{
    (void)state;
    int marks[BATCH_SIZE + 1];
    bool lost[BATCH_SIZE];
    for (int i = 0; i < BATCH_SIZE; i++) {
        marks[i] = i;
        lost[i] = true;
    }
    marks[BATCH_SIZE] = -1;
    batch_with(ENOBUFS, false, marks, lost);
    assert_true(refuse.calls <= 2 * BATCH_SIZE + 2); /* one try each, and the good ones after */
}

/* The rest would wait as well: none of it is tried, and nothing waits for room. */
static void test_a15_a_full_socket(void **state)
{
    (void)state;
    static const int marks[] = {20, -1};
    bool lost[BATCH_SIZE] = {false};
    for (int i = 20; i < BATCH_SIZE; i++)
        lost[i] = true;
    batch_with(EAGAIN, false, marks, lost);
}

static void test_a15_an_interrupted_call_loses_nothing(void **state)
{
    (void)state;
    static const int marks[] = {0, 9, -1};
    static const bool none[BATCH_SIZE];
    batch_with(EINTR, true, marks, none);
}

/* Alone, as most requests are served, one that is refused costs no other. */
static void test_a15_alone(void **state)
{
    (void)state;
    enum { COUNT = 5 };
    static const bool lost[COUNT] = {[2] = true};
    struct world w;
    int fd = begin_taken(&w);
    refuse.errnum = ENOBUFS;
    refuse.mark[2] = true;
    ask_all(&w, fd, COUNT);
    hear_all(&w, fd, COUNT, lost);
    assert_int_equal(refuse.most, 1);
    assert_int_equal(counts(&w).send_errors, 1);
    end_taken(&w, fd);
}

/* `count` requests that wait together; the longest list that their answers were sent as. */
static unsigned sent_as(struct world *w, int fd, int count)
{
    static const bool none[BATCH_SIZE];
    refuse.most = 0;
    ask_all(w, fd, count);
    hear_all(w, fd, count, none);
    return refuse.most;
}

/* One by one for the best transmit timestamps, unless there is so much to do that calls count. */
static void test_together_when_full_batches_are_a_habit(void **state)
{
    (void)state;
    struct world w;
    int fd = begin_taken(&w);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sent_as(&w, fd, BATCH_SIZE - 1), 1);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < BATCH_HABIT; i++)
            assert_int_equal(sent_as(&w, fd, BATCH_SIZE), 1); /* a pause leaves some */
        assert_int_equal(sent_as(&w, fd, BATCH_SIZE), BATCH_SIZE);
        assert_int_equal(sent_as(&w, fd, BATCH_SIZE - 1), 1);
    }
    end_taken(&w, fd);
}

/* A measurement comes to its end before the next one begins, and then they are few. */
static void test_full_batches_are_measured_seldom(void **state)
{
    (void)state;
    static const bool none[BATCH_SIZE];
    enum { LEARNING = 8 * LATENCY_KEPT, AFTER = 100 };
    struct world w;
    int fd = begin_taken(&w);
    for (int i = 0; i < LEARNING + AFTER; i++) {
        if (i == LEARNING)
            memset(&refuse, 0, sizeof refuse);
        ask_all(&w, fd, BATCH_SIZE);
        hear_all(&w, fd, BATCH_SIZE, none);
    }
    assert_true(counts(&w).measured > LATENCY_KEPT);
    assert_in_range(refuse.stamps, 1, AFTER / 5); /* one in 1024 answers, and one a second */
    end_taken(&w, fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a15_an_answer_that_is_refused),
        cmocka_unit_test(test_a15_all_answers_are_refused),
        cmocka_unit_test(test_a15_a_full_socket),
        cmocka_unit_test(test_a15_an_interrupted_call_loses_nothing),
        cmocka_unit_test(test_a15_alone),
        cmocka_unit_test(test_together_when_full_batches_are_a_habit),
        cmocka_unit_test(test_full_batches_are_measured_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
