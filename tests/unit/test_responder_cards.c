/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The responder with a network card that stamps. There is none in most machines: the datagrams are
 * real, their stamps are made up here, where the linker puts our calls before the kernel's
 * (--wrap), and so is the time.
 */
#include <time.h> /* before linux/errqueue.h, which needs it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <linux/net_tstamp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "server/responder/batch.h"
#include "server/responder/cards.h"
#include "server/responder/socket.h"
#include "server/ntp/wire.h"

#define START     (INT64_C(1795500000) * NS_PER_S)
#define TAI       (37 * NS_PER_S) /* the card's clock is so far ahead */
#define INTERFACE 7
#define WAITED    50000 /* ns from the kernel's receive stamp until now */
#define EARLIER   20000 /* ns by which the card saw it before the kernel */
#define LEAVES    4000  /* ns from now until the kernel sees the answer leave ... */
#define LEFT      30000 /* ... and the card */

/* The machine, as the calls below show it. */
static struct {
    int64_t now;
    bool receives, transmits; /* the card stamps */
    int64_t earlier;          /* the card's receive stamps than the kernel's, ns */
    unsigned interface;
    uint8_t sent[REPLY_SIZE];
    size_t size;
    uint32_t wanted;   /* stamps of the last answer's leaving */
    bool ever;         /* a card's stamp was wanted */
    bool kernel, card; /* stamps that wait in the error queue */
} machine;

/* Appends a control message to `m`. */
static void put(struct msghdr *m, int type, const void *from, size_t size)
{
    struct cmsghdr *c = (void *)((uint8_t *)m->msg_control + m->msg_controllen);
    m->msg_controllen += CMSG_SPACE(size);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), from, size);
}

static struct timespec at(int64_t ns)
{
    return (struct timespec){ns / NS_PER_S, ns % NS_PER_S};
}

static void put_stamps(struct msghdr *m, int64_t kernel, int64_t card)
{
    struct scm_timestamping t = {{at(kernel), {0, 0}, at(card)}};
    put(m, SCM_TIMESTAMPING, &t, sizeof t);
}

/* NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker makes the names
 */
int __real_recvmmsg(int fd, struct mmsghdr *list, unsigned count, int flags, struct timespec *wait);
int __wrap_recvmmsg(int fd, struct mmsghdr *list, unsigned count, int flags, struct timespec *wait);
int __real_sendmmsg(int fd, struct mmsghdr *list, unsigned count, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *list, unsigned count, int flags);
ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);

int __wrap_recvmmsg(int fd, struct mmsghdr *list, unsigned count, int flags, struct timespec *wait)
{
    const struct scm_ts_pktinfo from = {.if_index = machine.interface};
    int64_t kernel = machine.now - WAITED;
    int got = __real_recvmmsg(fd, list, count, flags, wait);
    for (int i = 0; i < got; i++) {
        struct msghdr *m = &list[i].msg_hdr;
        m->msg_controllen = 0;
        put_stamps(m, kernel, machine.receives ? kernel - machine.earlier + TAI : 0);
        if (machine.receives)
            put(m, SCM_TIMESTAMPING_PKTINFO, &from, sizeof from);
    }
    return got;
}

int __wrap_sendmmsg(int fd, struct mmsghdr *list, unsigned count, int flags)
{
    struct msghdr *m = &list[0].msg_hdr;
    assert_int_equal(count, 1);
    machine.wanted = 0;
    machine.size = m->msg_iov->iov_len;
    memcpy(machine.sent, m->msg_iov->iov_base, machine.size);
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPING)
            memcpy(&machine.wanted, CMSG_DATA(c), sizeof machine.wanted);
    machine.ever = machine.ever || machine.wanted & SOF_TIMESTAMPING_TX_HARDWARE;
    machine.kernel = machine.wanted & SOF_TIMESTAMPING_TX_SOFTWARE;
    machine.card = machine.transmits && machine.wanted & SOF_TIMESTAMPING_TX_HARDWARE;
    return __real_sendmmsg(fd, list, count, flags);
}

/* The error queue: the kernel's stamp comes first. */
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
    if (!(flags & MSG_ERRQUEUE))
        return __real_recvmsg(fd, m, flags);
    m->msg_controllen = 0;
    if (!machine.kernel && !machine.card) {
        errno = EAGAIN;
        return -1;
    }
    memcpy(m->msg_iov->iov_base, machine.sent, machine.size);
    if (machine.kernel)
        put_stamps(m, machine.now + LEAVES, 0);
    else
        put_stamps(m, 0, machine.now + LEFT + TAI);
    *(machine.kernel ? &machine.kernel : &machine.card) = false;
    return (ssize_t)machine.size;
}
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

static int64_t told_now(struct clock *c)
{
    (void)c;
    return machine.now;
}

static int64_t told_stamp(struct clock *c, int64_t kernel_ns)
{
    (void)c;
    return kernel_ns;
}

static const struct clock_ops told_ops = {.name = "told", .now = told_now, .stamp = told_stamp};

static bool gone;
static double error; /* s, of the comparisons */
static int made_up_compare(struct phc *p, struct phc_offset *out, struct err *err)
{
    (void)p;
    if (gone)
        return err_set(err, "/dev/ptp0", "", "is gone");
    *out = (struct phc_offset){.system = machine.now, .phc = machine.now + TAI, .error = error};
    return 0;
}

static void made_up_close(struct phc *p)
{
    (void)p;
}

static const struct phc_ops phc_ops = {.compare = made_up_compare, .close = made_up_close};

struct world {
    struct phc phc;
    struct cards cards;
    struct clock clock;
    struct snapshot_latch latch;
    struct handler handler;
    struct batch *batch;
    struct batch_tally tally;
    struct batch_socket socket;
    union address to;
    int client;
    uint32_t generation; /* of the snapshot */
    struct ntp_packet answer;
};

static void begin(struct world *w)
{
    struct listen_addr where = {.addr.v4 = {.sin_family = AF_INET}, .len = sizeof where.addr.v4};
    struct err err;
    socklen_t size = sizeof w->to;
    memset(&machine, 0, sizeof machine);
    machine.now = START;
    machine.interface = INTERFACE;
    machine.earlier = EARLIER;
    machine.receives = machine.transmits = true;
    gone = false;
    error = 1e-6;
    *w = (struct world){.phc.ops = &phc_ops, .clock.ops = &told_ops};
    w->cards.card[2] = (struct card){.interface = INTERFACE, .phc = &w->phc};
    where.addr.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    w->socket.fd = responder_socket_open(&where, false, &err);
    assert_true(w->socket.fd >= 0);
    assert_int_equal(getsockname(w->socket.fd, &w->to.any, &size), 0);
    w->socket.port = address_port(&w->to);
    w->socket.only = (struct address_asked){.family = AF_INET, .v4 = w->to.v4.sin_addr};
    w->client = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(connect(w->client, &w->to.any, size), 0);
    snapshot_latch_init(&w->latch);
    handler_init(&w->handler, &w->latch, &w->clock);
    w->handler.interleave = interleave_new(9, NULL);
    w->batch = batch_new(&w->cards.latch, NULL);
    assert_true(w->batch && w->handler.interleave);
}

static void end(struct world *w)
{
    close(w->client);
    close(w->socket.fd);
    batch_free(w->batch);
    interleave_free(w->handler.interleave);
    cards_stop(&w->cards);
}

/* A second later: the clock is published, but the cards are compared only if that is wanted. */
static void later(struct world *w, bool compare)
{
    machine.now += NS_PER_S;
    w->clock.generation = w->generation;
    if (compare)
        cards_compare(&w->cards, w->clock.generation);
    struct snapshot s = {.reference = machine.now - NS_PER_S / 2,
                         .total = 1e-5,
                         .reftime = machine.now - NS_PER_S / 2,
                         .generation = w->generation,
                         .stratum = 1,
                         .precision = -20};
    snapshot_publish(&w->latch, &s);
}

static void ask(struct world *w, struct ntp_packet request)
{
    uint8_t bytes[WIRE_SIZE];
    request.version = 4;
    request.mode = WIRE_MODE_CLIENT;
    wire_encode(&request, bytes);
    assert_int_equal(send(w->client, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(batch_serve(w->batch, &w->socket, true, &w->handler, &w->tally), 1);
    assert_int_equal(recv(w->client, bytes, sizeof bytes, MSG_DONTWAIT), sizeof bytes);
    wire_decode(bytes, &w->answer);
}

static void ask_basic(struct world *w)
{
    ask(w, (struct ntp_packet){.transmit = 77});
}

static bool same(uint64_t a, uint64_t b)
{
    return (a | 1) == (b | 1); /* the lowest bit tells receive from transmit timestamps */
}

static bool by_kernel(const struct world *w)
{
    return same(w->answer.receive, civil_to_ntp(machine.now - WAITED));
}

static bool by_card(const struct world *w)
{
    return same(w->answer.receive, civil_to_ntp(machine.now - WAITED - EARLIER));
}

static bool leaves_in(const struct world *w, int64_t ns)
{
    return same(w->answer.transmit, civil_to_ntp(machine.now + ns));
}

/* A second after the one before. */
static void ask_later(struct world *w, bool compare)
{
    later(w, compare);
    ask_basic(w);
}

/* Soon after another: no sample is taken of this one's leaving, so the one before is learnt from.
 */
static void ask_again(struct world *w)
{
    machine.now += NS_PER_S / 4;
    ask_basic(w);
}

/* Until the card's transmit stamps are known. */
static void learn(struct world *w)
{
    for (int i = 0; i < 2 * DEPARTURES_ENOUGH; i++) {
        ask_later(w, true);
        ask_again(w);
    }
    assert_true(by_card(w));
}

static void begin_learnt(struct world *w)
{
    begin(w);
    learn(w);
}

static void both_timestamps_are_the_cards_or_none(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    for (unsigned samples = 1; samples <= 3 * DEPARTURES_ENOUGH; samples++) {
        bool known = samples >= DEPARTURES_ENOUGH;
        ask_later(&w, true);
        ask_again(&w);
        assert_true(known ? by_card(&w) : by_kernel(&w));
        if (samples > 1)
            assert_true(leaves_in(&w, known ? LEFT : LEAVES));
        assert_int_equal(w.tally.by_card, known ? 2 * (samples - DEPARTURES_ENOUGH) + 1 : 0);
    }
    assert_int_equal(w.tally.stamped, 6 * DEPARTURES_ENOUGH);
    assert_int_equal(w.tally.unstamped + w.tally.contradicted, 0);
    end(&w);
}

static void without_transmit_stamps_the_kernel_stamps(void **state)
{
    (void)state;
    struct world w;
    begin_learnt(&w);
    machine.transmits = false; /* as when it is switched off */
    for (int i = 0; i < DEPARTURES_DEAF; i++) {
        ask_later(&w, true);
        assert_true(by_card(&w));
        ask_again(&w);
    }
    ask_later(&w, true);
    assert_true(by_kernel(&w) && leaves_in(&w, LEAVES));
    end(&w);

    begin(&w);
    machine.transmits = false;
    for (int i = 0; i < 3 * DEPARTURES_DEAF; i++) {
        ask_later(&w, true);
        assert_true(by_kernel(&w));
        ask_again(&w);
    }
    assert_true(machine.ever); /* it was asked */
    assert_int_equal(w.tally.by_card, 0);
    end(&w);
}

static void without_a_card_nothing_is_asked_of_one(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    machine.receives = false;
    for (int i = 0; i < 3 * DEPARTURES_ENOUGH; i++) {
        ask_later(&w, true);
        assert_true(by_kernel(&w));
    }
    assert_false(machine.ever);
    assert_int_equal(w.tally.by_card, 0);
    assert_false(batch_expects(w.batch));
    end(&w);
}

static void a_comparison_before_a_step_is_not_used(void **state)
{
    (void)state;
    struct world w;
    begin_learnt(&w);
    later(&w, true);
    w.generation++;
    ask_later(&w, false); /* the clock was stepped, and the cards are not compared yet */
    assert_true(by_kernel(&w));
    ask_later(&w, true);
    assert_true(by_card(&w));
    assert_int_equal(w.cards.view.line[2].before.system, 0);
    end(&w);
}

static void an_old_comparison_is_not_used(void **state)
{
    (void)state;
    struct world w;
    begin_learnt(&w);
    for (int i = 1; i < CARDS_AGE_MAX / NS_PER_S; i++) {
        ask_later(&w, false);
        assert_true(by_card(&w));
    }
    ask_later(&w, false);
    assert_true(by_kernel(&w));
    assert_int_equal(w.tally.contradicted, 1);
    end(&w);
}

static void what_cannot_be_is_not_used(void **state)
{
    (void)state;
    static const int64_t earlier[] = {-1, NET_CARD_APART + 1, -NS_PER_S, 100 * NS_PER_S};
    struct world w;
    begin_learnt(&w);
    for (unsigned i = 0; i < sizeof earlier / sizeof *earlier; i++) {
        machine.earlier = earlier[i];
        ask_later(&w, true);
        assert_true(by_kernel(&w));
        assert_int_equal(w.tally.contradicted, i + 1);
    }
    machine.earlier = EARLIER;
    machine.interface = INTERFACE + 1; /* of a card that is not compared */
    ask_later(&w, true);
    assert_true(by_kernel(&w));
    machine.interface = 0; /* of no card that is told */
    ask_later(&w, true);
    assert_true(by_kernel(&w));
    machine.interface = INTERFACE;
    gone = true;
    ask_later(&w, true);
    assert_true(by_kernel(&w));
    gone = false;
    error = 2 * CARDS_ERROR_MAX;
    ask_later(&w, true);
    assert_true(by_kernel(&w));
    error = CARDS_ERROR_MAX / 2;
    ask_later(&w, true);
    assert_true(by_card(&w));
    end(&w);
}

/* Asks in interleaved mode after the present answer; the time it was sent at. */
static int64_t ask_next(struct world *w)
{
    later(w, true);
    ask(w, (struct ntp_packet){.origin = w->answer.receive, .receive = 5, .transmit = 6});
    assert_true(by_card(w));
    return machine.now;
}

static void in_interleaved_mode_the_card_says_when_it_left(void **state)
{
    (void)state;
    struct world w;
    begin_learnt(&w);
    ask_next(&w); /* from now on it is kept */
    int64_t before = ask_next(&w);
    for (int i = 0; i < 5; i++) {
        int64_t now = ask_next(&w);
        assert_int_equal(w.answer.origin, 5);
        assert_true(w.answer.transmit == civil_to_ntp(before + LEFT));
        before = now;
    }
    end(&w);
}

static void a_card_that_was_replaced_is_learnt_anew(void **state)
{
    (void)state;
    struct world w;
    begin_learnt(&w);
    machine.interface = w.cards.card[2].interface = INTERFACE + 1;
    ask_later(&w, true);
    assert_true(by_kernel(&w));
    assert_int_equal(w.cards.view.line[2].before.system, 0);
    learn(&w);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_timestamps_are_the_cards_or_none),
        cmocka_unit_test(without_transmit_stamps_the_kernel_stamps),
        cmocka_unit_test(without_a_card_nothing_is_asked_of_one),
        cmocka_unit_test(a_comparison_before_a_step_is_not_used),
        cmocka_unit_test(an_old_comparison_is_not_used),
        cmocka_unit_test(what_cannot_be_is_not_used),
        cmocka_unit_test(in_interleaved_mode_the_card_says_when_it_left),
        cmocka_unit_test(a_card_that_was_replaced_is_learnt_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
