/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the simulated receiver can show: UBX, leap seconds, edges, and times that are not the truth.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "near.h"
#include "drivers/receiver/gnss.h"
#include "drivers/sim/receiver.h"
#include "drivers/ubx/ubx_decode.h"
#include "refclock/civil.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "server/options.h"

#define MS    INT64_C(1000000)
#define POSIX INT64_C(1798761000) /* 2026-12-31T23:50:00Z */
#define DAY   600                 /* s from there to midnight */
#define MOST  4000

/* A receiver in virtual time, and all that came from it. */
struct bench {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct sim_utc utc;
    struct sim_receiver receiver;
    struct driver_env env;
    struct port *port;
    struct pulse *line;
    struct gnss gnss;
    struct stream stream;
    struct loop_timer fetch;
    int epochs, edges, corrections;
    struct nmea_epoch epoch[MOST];
    struct pulse_stamp edge[MOST];
    struct ubx_message pulse[MOST], leap, pvt; /* TIM-TP; the last of the others */
    bool spoofed, jammed;
};

static double no_error(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return 0;
}

static void on_epoch(void *arg, const struct nmea_epoch *e)
{
    struct bench *b = arg;
    if (e->verdict == NMEA_VOUCHED && b->epochs < MOST)
        b->epoch[b->epochs++] = *e;
}

static void on_ubx(void *arg, const struct ubx_frame *f, int64_t local, int64_t burst)
{
    struct bench *b = arg;
    struct ubx_message m;
    (void)local;
    (void)burst;
    enum ubx_decoded decoded = ubx_decode(f, &m);
    assert_int_not_equal(decoded, UBX_MALFORMED);
    if (decoded == UBX_DECODED && m.kind == UBX_TIM_TP && b->corrections < MOST)
        b->pulse[b->corrections++] = m;
    if (decoded == UBX_DECODED && m.kind == UBX_NAV_TIMELS)
        b->leap = m;
    if (decoded == UBX_DECODED && m.kind == UBX_NAV_PVT)
        b->pvt = m;
    if (f->class == 0x01 && f->id == 0x03)
        b->spoofed |= (f->payload[7] >> 3 & 3) == 3;
    if (f->class == 0x0a && f->id == 0x38)
        b->jammed |= (f->payload[5] & 3) == 3;
}

static void on_text(void *arg, uint8_t byte, int64_t local, int64_t burst)
{
    (void)arg;
    (void)byte;
    (void)local;
    (void)burst;
}

static const struct gnss_sink sink = {.epoch = on_epoch};
static const struct stream_sink raw_sink = {.text = on_text, .ubx = on_ubx};

static void fetch_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    struct pulse_stamp stamp;
    char bytes[4096];
    ssize_t n;
    (void)now;
    loop_after(&b->loop.loop, &b->fetch, 4 * MS);
    assert_int_equal(pulse_fetch(b->line, &stamp, NULL), 0);
    uint64_t last = b->edges ? b->edge[b->edges - 1].sequence : 0;
    assert_true(stamp.sequence >= last);
    if (stamp.sequence > last && b->edges < MOST)
        b->edge[b->edges++] = stamp;
    while ((n = port_read(b->port, bytes, sizeof bytes, NULL)) > 0) {
        gnss_feed(&b->gnss, bytes, (size_t)n, b->loop.truth);
        stream_feed(&b->stream, bytes, (size_t)n, b->loop.truth);
    }
    gnss_tick(&b->gnss, b->loop.truth);
}

static struct sim_receiver_config defaults(void)
{
    struct sim_receiver_config c = {0};
    options_initial(sim_receiver_options, &c);
    c.pulse.noise = 0;
    c.message_jitter = 0;
    return c;
}

static struct bench *play_leap(const struct sim_receiver_config *config, int seconds, bool clear,
                               int leap)
{
    struct bench *b = calloc(1, sizeof *b);
    struct err err;
    loop_virtual_init(&b->loop, &b->clock.clock, POSIX * NS_PER_S);
    clock_virtual_init(&b->clock, loop_virtual_truth, no_error, &b->loop, 0);
    b->utc = (struct sim_utc){.leap = leap, .leap_at = DAY};
    sim_utc_start(&b->utc, POSIX);
    b->receiver.config = *config;
    b->receiver.utc = &b->utc;
    b->receiver.written = &b->loop.written;
    assert_int_equal(sim_receiver_start(&b->receiver, &b->loop.loop, loop_virtual_truth, &b->loop,
                                        1, false, NULL, 0, &err),
                     0);
    b->env =
        (struct driver_env){.loop = &b->loop.loop, .clock = &b->clock.clock, .arg = &b->receiver};
    assert_int_equal(sim_receiver_port(&b->env, "x", 9600, &b->port, &err), 0);
    const struct pulse_want want = {.clear = clear};
    assert_int_equal(sim_receiver_pulse(&b->env, "x", &want, &b->line, &err), 0);
    gnss_init(&b->gnss, POSIX, &sink, b);
    stream_init(&b->stream, &raw_sink, b);
    b->fetch = (struct loop_timer){.name = "fetch", .fire = fetch_fires, .arg = b};
    loop_after(&b->loop.loop, &b->fetch, 4 * MS);
    int64_t end = POSIX * NS_PER_S + seconds * NS_PER_S + 900 * MS;
    while (b->loop.truth < end)
        assert_int_equal(loop_turn(&b->loop.loop, end), 0);
    gnss_flush(&b->gnss);
    assert_int_equal(b->receiver.lost_bytes, 0);
    return b;
}

static struct bench *play(const struct sim_receiver_config *config, int seconds)
{
    return play_leap(config, seconds, false, 0);
}

static void end(struct bench *b)
{
    loop_cancel(&b->loop.loop, &b->fetch);
    port_close(b->port);
    pulse_close(b->line);
    sim_receiver_stop(&b->receiver);
    loop_close(&b->loop.loop);
    free(b);
}

static double phase(const struct pulse_stamp *s)
{
    return (double)((s->reading + NS_PER_S / 2) % NS_PER_S - NS_PER_S / 2) * 1e-9;
}

/* ---- messages ---- */

static void the_same_epochs_in_either_protocol(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    for (int protocol = SIM_NMEA; protocol <= SIM_BOTH; protocol++) {
        c.protocol = protocol;
        struct bench *b = play(&c, 300);
        assert_int_equal(b->epochs, 300);
        for (int i = 0; i < b->epochs; i++)
            assert_int_equal(b->epoch[i].second, POSIX + 1 + i);
        assert_int_equal(b->corrections, protocol == SIM_NMEA ? 0 : 300);
        assert_int_equal(b->gnss.ubx.counts.malformed + b->gnss.stream.counts.ubx_damaged, 0);
        assert_int_equal(b->gnss.ubx.counts.unknown, 0);
        if (protocol != SIM_NMEA)
            assert_non_null(strstr(b->gnss.report.model, "NEO-M8T-0"));
        assert_int_equal(b->spoofed + b->jammed, 0);
        end(b);
    }
}

static void damaged_frames(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.protocol = SIM_UBX;
    c.corrupt = 0.1;
    struct bench *b = play(&c, 500);
    assert_true(b->gnss.stream.counts.ubx_damaged > 100);
    assert_in_range(b->epochs, 400, 499);
    for (int i = 0; i < b->epochs; i++)
        assert_int_equal(b->epoch[i].second, b->epoch[i].local / NS_PER_S);
    end(b);
}

/* What is said of a pulse is said of the next one, and takes the sawtooth away. */
static void corrections_of_the_sawtooth(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.protocol = SIM_UBX;
    c.pulse.sawtooth = 100e-9;
    for (int sign = SIM_QERR_RIGHT; sign <= SIM_QERR_NONE; sign++) {
        c.qerr = sign;
        struct bench *b = play(&c, 300);
        double most = 0, left = 0;
        assert_int_equal(b->corrections, sign == SIM_QERR_NONE ? 0 : 300);
        for (int i = 0; i + 1 < b->corrections; i++) {
            double late = phase(&b->edge[i + 1]);
            int64_t tow = (b->edge[i + 1].reading + NS_PER_S / 2) / NS_PER_S - 315964800;
            assert_int_equal(b->pulse[i].itow, tow % 604800 * 1000);
            assert_int_equal(b->pulse[i].week, tow / 604800);
            most = fmax(most, fabs(late));
            left = fmax(left, fabs(late + (double)b->pulse[i].sawtooth * 1e-12));
        }
        assert_true(sign == SIM_QERR_NONE || most > 80e-9);
        assert_true(sign != SIM_QERR_RIGHT || left < 2e-9);
        assert_true(sign != SIM_QERR_REVERSED || left > 160e-9);
        end(b);
    }
    c.qerr = SIM_QERR_RIGHT;
    c.qerr_lost = 0.2;
    c.qerr_invalid = 0.5;
    struct bench *b = play(&c, 1000);
    int valid = 0;
    for (int i = 0; i < b->corrections; i++)
        valid += !(b->pulse[i].raised & 0x10);
    assert_in_range(b->corrections, 740, 860);
    assert_in_range(valid, 340, 460);
    end(b);
}

static void a_count_of_leap_seconds_that_comes_late(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.leap_known = 100;
    c.leap_off = -3;
    struct bench *b = play(&c, 200);
    assert_int_equal(b->epoch[50].second - b->epoch[50].local / NS_PER_S, -3);
    assert_int_equal(b->epoch[b->epochs - 1].second, b->epoch[b->epochs - 1].local / NS_PER_S);
    end(b);
    c.protocol = SIM_UBX; /* says that it does not know */
    b = play(&c, 90);
    assert_int_equal(b->epochs, 0);
    assert_int_equal(b->leap.valid, 0);
    end(b);
    b = play(&c, 200);
    assert_int_equal(b->epochs, 101);
    assert_int_equal(b->leap.leap, 18);
    assert_int_equal(b->leap.leap_source, 2);
    end(b);
}

static void wrong_dates(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.rollover = 1;
    struct bench *b = play(&c, 20);
    assert_int_equal(b->epoch[10].second, POSIX + 11); /* repaired by its reader */
    assert_true(b->epoch[10].era_moved);
    end(b);
    c = defaults();
    c.protocol = SIM_UBX;
    c.cold_date = 1;
    c.first_fix = 1000;
    b = play(&c, 20);
    assert_int_equal(b->epochs, 0);
    assert_int_equal(b->pvt.year, 1980);
    assert_int_equal(b->edges, 20);
    end(b);
}

static void what_it_says_of_its_site(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.protocol = SIM_UBX;
    c.spoofed[0] = c.jammed[0] = (struct sim_span){.from = 5, .to = 6};
    struct bench *b = play(&c, 20);
    assert_true(b->spoofed && b->jammed);
    end(b);
}

/* ---- leap seconds ---- */

/* Names of the seconds from the third before midnight on, as POSIX less midnight; 60: 23:59:60. */
static void check_leap(int leap, int style, const int *names)
{
    struct sim_receiver_config c = defaults();
    c.leap_style = style;
    c.leap_late = 100;
    for (c.protocol = SIM_NMEA; c.protocol <= SIM_UBX; c.protocol++) {
        struct sim_utc u = {.leap = leap, .leap_at = DAY};
        struct sim_receiver r = {.config = c, .utc = &u, .start = POSIX * NS_PER_S};
        sim_utc_start(&u, POSIX);
        for (int i = 0; i < 6; i++) {
            struct sim_message m = {.receiver = &r, .second = POSIX + DAY - 3 + i};
            struct sim_claim claim = sim_receiver_claim(&r, &m);
            assert_int_equal(claim.leap60 ? 60 : claim.second - POSIX - DAY, names[i]);
        }
        struct sim_message late = {.receiver = &r, .second = POSIX + DAY + 200};
        assert_int_equal(sim_receiver_claim(&r, &late).second, late.second - leap);
    }
}

static void a_leap_second_in_every_style(void **state)
{
    (void)state;
    static const int inserted[4][6] = {{-3, -2, -1, 60, 0, 1},
                                       {-3, -2, -1, -1, 0, 1},
                                       {-3, -2, -1, 0, 0, 1},
                                       {-3, -2, -1, 0, 1, 2}};
    static const int deleted[4][6] = {
        {-3, -2, 0, 1, 2, 3}, {-3, -2, 0, 1, 2, 3}, {-3, -2, 0, 1, 2, 3}, {-3, -2, -1, 0, 1, 2}};
    for (int style = SIM_LEAP_60; style <= SIM_LEAP_LATE; style++) {
        check_leap(1, style, inserted[style]);
        check_leap(-1, style, deleted[style]);
    }
}

static void a_leap_second_through_the_decoders(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    for (c.protocol = SIM_NMEA; c.protocol <= SIM_BOTH; c.protocol++) {
        struct bench *b = play_leap(&c, DAY + 50, false, 1);
        int sixty = 0;
        for (int i = 0; i < b->epochs; i++) {
            sixty += b->epoch[i].leap60;
            assert_int_equal(b->epoch[i].leap60, b->epoch[i].local / NS_PER_S == POSIX + DAY);
            assert_int_equal(b->epoch[i].second,
                             b->epoch[i].local / NS_PER_S - (i >= DAY && !b->epoch[i].leap60));
        }
        assert_int_equal(sixty, 1);
        assert_int_equal(b->epochs, DAY + 50);
        if (c.protocol != SIM_NMEA)
            assert_int_equal(b->leap.leap, 19);
        end(b);
    }
    c.protocol = SIM_UBX;
    struct bench *b = play_leap(&c, 100, false, -1);
    assert_int_equal(b->leap.leap_change, -1);
    assert_int_equal(b->leap.leap_in, DAY - 100);
    end(b);
    c.false_leap = 1;
    c.false_leap_at = 1000;
    b = play(&c, 100);
    assert_int_equal(b->leap.leap_change, 1);
    assert_int_equal(b->leap.leap_in, 900);
    end(b);
}

static void names_of_seconds(void **state)
{
    (void)state;
    struct sim_utc u = {.leap = 1, .leap_at = 10};
    sim_utc_start(&u, 1000);
    assert_int_equal(sim_utc_behind(&u, 1009), 0);
    assert_int_equal(sim_utc_behind(&u, 1010), 1);
    u.leap = -1;
    assert_int_equal(sim_utc_behind(&u, 1008), 0);
    assert_int_equal(sim_utc_behind(&u, 1009), -1);
    assert_int_equal(sim_utc_name(&u, 1009).posix, 1010);
    u.leap = 0;
    assert_int_equal(sim_utc_behind(&u, 2000), 0);
}

/* ---- edges ---- */

static void edges_and_widths(void **state)
{
    (void)state;
    static const struct {
        int polarity, wire;
        bool clear;
        double phase, width;
    } rows[] = {{0, 0, false, 0, 0.1},   {0, 0, true, 0.1, 0.9}, {0, 1, false, 0.1, 0.9},
                {1, 0, false, 0.1, 0.9}, {1, 0, true, 0, 0.1},   {1, 1, false, 0, 0.1}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int both = 0; both < 2; both++) {
            struct sim_receiver_config c = defaults();
            c.edge.polarity = rows[i].polarity;
            c.edge.wire = rows[i].wire;
            c.edge.both = both;
            struct bench *b = play_leap(&c, 20, rows[i].clear, 0);
            assert_int_equal(b->edges, 20);
            assert_near(phase(&b->edge[10]), rows[i].phase, 2e-9);
            assert_near(b->edge[10].width, both ? rows[i].width : 0, 1e-9);
            end(b);
        }
}

static void rates_of_pulses(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.rate[0] = (struct sim_span){.from = 10, .to = 20, .by = 5};
    c.rate[1] = (struct sim_span){.from = 30, .to = 40, .by = 0.5};
    c.rate[2] = (struct sim_span){.from = 50, .to = 60, .by = 10000};
    struct bench *b = play(&c, 70);
    int between[71] = {0};
    for (int i = 0; i < b->edges; i++)
        between[b->edge[i].reading / NS_PER_S - POSIX]++;
    assert_int_equal(between[5], 1);
    assert_int_equal(between[15], 5);
    assert_int_equal(between[34] + between[35], 1);
    assert_true(between[55] > 200); /* one at each look */
    assert_int_equal(between[65], 1);
    assert_true(b->edge[b->edges - 1].sequence > 100000);
    end(b);
}

static void a_receiver_that_is_pulled_away(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.pull[0] = (struct sim_span){.from = 10, .to = 110, .rate = 100e-9};
    c.pull[1] = (struct sim_span){.from = 150, .to = 200, .by = 3600.25};
    c.delayed[0] = (struct sim_span){.from = 210, .to = 220, .by = 0.3};
    struct bench *b = play(&c, 230);
    assert_near(phase(&b->edge[59]), -5e-6, 2e-9); /* ahead: the pulse comes early */
    assert_near(phase(&b->edge[119]), 0, 2e-9);
    assert_near(phase(&b->edge[169]), -0.25, 1e-8);
    for (int i = 0; i < b->epochs; i++) {
        int64_t second = b->epoch[i].local / NS_PER_S - POSIX;
        double delay = (double)(b->epoch[i].local % NS_PER_S) * 1e-9;
        assert_int_equal(b->epoch[i].second - second - POSIX,
                         second >= 150 && second < 200 ? 3600 : 0);
        assert_near(delay, second >= 210 && second < 220 ? 0.502 : 0.202, 0.004);
    }
    end(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_epochs_in_either_protocol),
        cmocka_unit_test(damaged_frames),
        cmocka_unit_test(corrections_of_the_sawtooth),
        cmocka_unit_test(a_count_of_leap_seconds_that_comes_late),
        cmocka_unit_test(wrong_dates),
        cmocka_unit_test(what_it_says_of_its_site),
        cmocka_unit_test(a_leap_second_in_every_style),
        cmocka_unit_test(a_leap_second_through_the_decoders),
        cmocka_unit_test(names_of_seconds),
        cmocka_unit_test(edges_and_widths),
        cmocka_unit_test(rates_of_pulses),
        cmocka_unit_test(a_receiver_that_is_pulled_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
