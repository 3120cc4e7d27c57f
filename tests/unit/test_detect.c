/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/receiver/detect.h"
#include "drivers/receiver/gnss.h"
#include "sentence.h"
#include "ubx_bytes.h"

/*
 * A wire and a UART: what a receiver sends at one rate, and what comes out at another, bit by bit
 * as the hardware samples it. A byte without its stop bit, and a break, are read as 0.
 */
#define SECOND 1000000000.0

struct wire {
    struct bytes sent; /* each second */
    int baud;          /* of the receiver */
    double begin;      /* of the burst, in each second, ns */
};

/* The line's level at a time: idle is high. */
static bool level(const struct wire *w, double t)
{
    double bit = SECOND / w->baud, in = t - w->begin;
    while (in >= SECOND)
        in -= SECOND;
    if (in < 0)
        return true;
    size_t place = (size_t)(in / bit), byte = place / 10, of = place % 10;
    if (byte >= w->sent.length || of == 9)
        return true;
    return of && w->sent.at[byte] >> (of - 1) & 1;
}

struct listener {
    struct wire wire;
    struct gnss gnss;
    struct detect detect;
    double t;           /* ns */
    uint64_t bad;       /* frames that were good at a wrong rate */
    unsigned rates_set; /* after the first */
};

static void no_epoch(void *arg, const struct nmea_epoch *e)
{
    (void)arg;
    (void)e;
}

static uint64_t frames(const struct listener *l)
{
    return l->gnss.nmea.counts.sentences + l->gnss.stream.counts.ubx + l->gnss.stream.counts.rtcm;
}

static void changed(struct listener *l, bool rate)
{
    if (!rate)
        return;
    gnss_reset(&l->gnss);
    l->rates_set++;
}

static void take(struct listener *l, const uint8_t *bytes, size_t size)
{
    uint64_t before = frames(l);
    gnss_feed(&l->gnss, bytes, size, (int64_t)l->t);
    if (detect_baud(&l->detect) != l->wire.baud)
        l->bad += frames(l) - before;
    changed(l, detect_feed(&l->detect, bytes, size, frames(l), (int64_t)l->t));
}

/* Samples one byte from the falling edge at l->t on. */
static uint8_t sample(struct listener *l)
{
    double bit = SECOND / detect_baud(&l->detect), start = l->t;
    unsigned value = 0;
    for (int i = 0; i < 8; i++)
        value |= (unsigned)level(&l->wire, start + bit * (1.5 + i)) << i;
    bool stop = level(&l->wire, start + bit * 9.5);
    l->t = start + bit * 9.5;
    for (; !stop && !level(&l->wire, l->t); l->t += bit / 8)
        ;
    return stop ? (uint8_t)value : 0;
}

/* Bytes reach the reader a few at a time, as a driver with a FIFO hands them on. */
static double find_rate(struct listener *l, double until)
{
    double tick = l->t + (double)DETECT_TICK_NS;
    uint8_t fifo[8];
    size_t n = 0;
    while (!l->detect.found && l->t < until) {
        double step = SECOND / l->wire.baud / 8, last = l->t;
        while (level(&l->wire, l->t) && l->t - last < 1e6)
            l->t += step;
        bool idle = level(&l->wire, l->t);
        int rate = detect_baud(&l->detect);
        if (!idle)
            fifo[n++] = sample(l);
        if (n == sizeof fifo || (n && idle)) {
            take(l, fifo, n);
            n = 0;
        }
        if (l->t >= tick) {
            changed(l, detect_tick(&l->detect, frames(l), (int64_t)l->t));
            tick += (double)DETECT_TICK_NS;
        }
        if (rate != detect_baud(&l->detect))
            n = 0;
    }
    return l->t;
}

static void listen_to(struct listener *l, int baud, double begin, int first)
{
    static const struct gnss_sink sink = {.epoch = no_epoch};
    l->wire.baud = baud;
    l->wire.begin = begin;
    l->t = 0;
    l->bad = l->rates_set = 0;
    gnss_init(&l->gnss, 1795478400, &sink, l);
    detect_init(&l->detect, first, 0, 0);
}

static void say_text(struct wire *w, int sentences)
{
    static const char *const bodies[] = {
        "GPRMC,120000.00,A,5128.60000,N,00000.00000,W,0.004,77.52,241126,,,A",
        "GPGGA,120000.00,5128.60000,N,00000.00000,W,1,08,1.01,40.0,M,47.0,M,,",
        "GPGSA,A,3,23,29,07,08,09,18,26,28,,,,,1.94,1.18,1.54",
        "GPGSV,3,1,10,23,38,230,44,29,71,156,47,07,29,116,41,08,09,081,36",
    };
    w->sent.length = 0;
    for (int i = 0; i < sentences; i++)
        w->sent.length = sentence_add((char *)w->sent.at, w->sent.length, sizeof w->sent.at, "%s",
                                      bodies[i % 4]);
}

static int set_up(void **state)
{
    *state = calloc(1, sizeof(struct listener));
    return 0;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

static const int rates[] = {9600, 38400, 115200, 4800, 57600, 230400, 460800};
#define RATES (sizeof rates / sizeof *rates)

/* From the first byte on, wherever in the second the listening begins. */
static void c6_text_at_every_rate_within_three_seconds(void **state)
{
    struct listener *l = *state;
    say_text(&l->wire, 5);
    for (size_t i = 0; i < RATES; i++)
        for (double begin = -0.3 * SECOND; begin < 0.9 * SECOND; begin += 0.0517 * SECOND) {
            double from = begin > 0 ? begin : 0;
            listen_to(l, rates[i], begin, 0);
            double took = find_rate(l, 20 * SECOND) - from;
            if (!l->detect.found || detect_baud(&l->detect) != rates[i] || took > 3 * SECOND)
                fail_msg("%d baud, burst at %g s: %d found after %g s", rates[i], begin / SECOND,
                         detect_baud(&l->detect), took / SECOND);
            assert_int_equal(l->bad, 0);
        }
}

static void c6_one_sentence_a_second_is_enough(void **state)
{
    struct listener *l = *state;
    say_text(&l->wire, 1);
    for (size_t i = 0; i < 3; i++) {
        listen_to(l, rates[i], 0.4 * SECOND, 0);
        double took = find_rate(l, 20 * SECOND) - 0.4 * SECOND;
        assert_true(l->detect.found);
        assert_int_equal(detect_baud(&l->detect), rates[i]);
        assert_true(took < 4.2 * SECOND);
    }
}

static void c6_binary_alone_at_every_rate(void **state)
{
    struct listener *l = *state;
    uint8_t payload[92] = {0};
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)(200 + i * 7);
    l->wire.sent.length = 0;
    for (int i = 0; i < 4; i++)
        bytes_ubx(&l->wire.sent, 0x01, 0x07, payload, sizeof payload);
    for (size_t i = 0; i < RATES; i++) {
        listen_to(l, rates[i], 0.4 * SECOND, 0);
        double took = find_rate(l, 20 * SECOND) - 0.4 * SECOND;
        if (!l->detect.found || detect_baud(&l->detect) != rates[i] ||
            took > (i < 3 ? 3 : 8) * SECOND)
            fail_msg("%d baud: %d found after %g s", rates[i], detect_baud(&l->detect),
                     took / SECOND);
        assert_int_equal(l->bad, 0);
    }
}

static void a_rate_that_is_named_is_tried_first(void **state)
{
    struct listener *l = *state;
    say_text(&l->wire, 5);
    listen_to(l, 460800, 0.4 * SECOND, 460800);
    double took = find_rate(l, 20 * SECOND) - 0.4 * SECOND;
    assert_true(l->detect.found);
    assert_int_equal(l->rates_set, 0);
    assert_true(took < 0.1 * SECOND);
}

static void silence_is_waited_for_at_every_rate(void **state)
{
    struct detect d;
    int seen = 0;
    (void)state;
    detect_init(&d, 19200, 5, 0);
    assert_int_equal(d.count, DETECT_RATES);
    for (int64_t t = 0; t < 60 * (int64_t)SECOND; t += DETECT_TICK_NS)
        seen += detect_tick(&d, 5, t);
    assert_in_range(seen, 20, 30);
    assert_false(d.found);
}

static void noise_is_never_a_receiver(void **state)
{
    struct listener *l = *state;
    unsigned seed = 7;
    say_text(&l->wire, 1);
    listen_to(l, 1, 0, 0);
    for (int i = 0; i < 200000; i++) {
        uint8_t byte;
        seed = seed * 1103515245 + 12345;
        byte = (uint8_t)(seed >> 16);
        l->t += 1e6;
        take(l, &byte, 1);
        if (i % 100 == 0)
            changed(l, detect_tick(&l->detect, frames(l), (int64_t)l->t));
    }
    assert_false(l->detect.found);
    assert_true(l->rates_set > 100);
}

#define WITH(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(c6_text_at_every_rate_within_three_seconds),
        WITH(c6_one_sentence_a_second_is_enough),
        WITH(c6_binary_alone_at_every_rate),
        WITH(a_rate_that_is_named_is_tried_first),
        WITH(silence_is_waited_for_at_every_rate),
        WITH(noise_is_never_a_receiver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
