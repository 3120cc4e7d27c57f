/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Stamps of network cards, by a made-up hardware clock: there is none in most machines. */
#include <time.h> /* before linux/errqueue.h, which needs it */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <linux/errqueue.h>
#include <string.h>

#include "refclock/civil.h"
#include "server/net/net_card.h"

#define NOW (INT64_C(1795500000) * NS_PER_S)
#define TAI (37 * NS_PER_S)

struct made_up {
    struct phc phc; /* first: the card's */
    int64_t now;    /* CLOCK_REALTIME */
    double rate;    /* the PHC is so much faster */
    bool gone;
};

static int made_up_compare(struct phc *p, struct phc_offset *out, struct err *err)
{
    const struct made_up *m = (const struct made_up *)p;
    if (m->gone)
        return err_set(err, "/dev/ptp0", "", "is gone");
    *out = (struct phc_offset){
        .system = m->now,
        .phc = m->now + TAI + (int64_t)(m->rate * (double)(m->now - NOW)),
        .error = 1e-6,
    };
    return 0;
}

static const struct phc_ops ops = {.compare = made_up_compare};

/* The card's stamp of the moment `at` of CLOCK_REALTIME. */
static int64_t stamp_at(const struct made_up *m, int64_t at)
{
    return at + TAI + (int64_t)(m->rate * (double)(at - NOW));
}

static void the_cards_scale_is_carried_to_ours(void **state)
{
    (void)state;
    struct made_up m = {.phc.ops = &ops, .now = NOW, .rate = 100e-6};
    struct net_card c = {.phc = &m.phc};
    for (int i = 0; i < 20; i++) {
        int64_t at = m.now - 5000000; /* a stamp is read 5 ms late */
        int64_t got = net_card_carry(&c, stamp_at(&m, at), at + 20000);
        int64_t most = i > 2 ? 5 : 600; /* the rate is not known at first: 5 ms of 100 ppm */
        assert_in_range(got, at - most, at + most);
        m.now += NS_PER_S / 2;
    }
}

static void what_cannot_be_is_not_used(void **state)
{
    (void)state;
    struct made_up m = {.phc.ops = &ops, .now = NOW};
    struct net_card c = {.phc = &m.phc};
    assert_int_equal(net_card_carry(&c, 0, NOW), 0);
    /* the kernel saw the datagram a second later */
    assert_int_equal(net_card_carry(&c, stamp_at(&m, NOW - NS_PER_S), NOW), 0);
    /* without the kernel's stamp the card's word stands */
    assert_int_equal(net_card_carry(&c, stamp_at(&m, NOW - 1000), 0), NOW - 1000);
    m.gone = true;
    assert_int_equal(net_card_carry(&c, stamp_at(&m, NOW), NOW), 0);
}

static void stamps_of_a_datagram(void **state)
{
    (void)state;
    union {
        char bytes[256];
        struct cmsghdr align;
    } control = {0};
    struct scm_timestamping t = {{{5, 6}, {0, 0}, {7, 8}}};
    struct msghdr m = {.msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof t)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_TIMESTAMPING;
    c->cmsg_len = CMSG_LEN(sizeof t);
    memcpy(CMSG_DATA(c), &t, sizeof t);
    struct net_stamps s = net_stamps_of(&m);
    assert_int_equal(s.kernel, 5 * NS_PER_S + 6);
    assert_int_equal(s.card, 7 * NS_PER_S + 8);
    c->cmsg_len = CMSG_LEN(4); /* cut off */
    s = net_stamps_of(&m);
    assert_true(s.kernel == 0 && s.card == 0);
}

static void loopback_has_no_card(void **state)
{
    (void)state;
    struct net_cards all = {0};
    union address local = {.v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)}};
    assert_null(net_cards_at(&all, &local, NOW));
    assert_int_equal(all.card[0].looked, NOW);
    /* the answer is remembered, and there is room for more addresses than cards */
    for (uint32_t i = 0; i < 3 * NET_CARDS; i++) {
        local.v4.sin_addr.s_addr = htonl(0x0a000001 + i);
        assert_null(net_cards_at(&all, &local, NOW + 1 + i));
    }
    net_cards_close(&all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_cards_scale_is_carried_to_ours),
        cmocka_unit_test(what_cannot_be_is_not_used),
        cmocka_unit_test(stamps_of_a_datagram),
        cmocka_unit_test(loopback_has_no_card),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
