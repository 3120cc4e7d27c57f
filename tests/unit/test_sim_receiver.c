/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "near.h"
#include "drivers/nmea/nmea.h"
#include "drivers/sim/oscillator.h"
#include "drivers/sim/receiver.h"
#include "drivers/sim/sentences.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "server/options.h"

#define SECOND INT64_C(1000000000)
#define MS     INT64_C(1000000)
#define POSIX  INT64_C(1795521600)
#define START  (POSIX * SECOND)
#define MOST   4000

/* A simulated receiver, and what a daemon would see of it. */
struct bench {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct sim_receiver receiver;
    struct driver_env env;
    struct port *port;
    struct pulse *pulse;
    struct nmea nmea;
    struct loop_timer fetch;
    uint64_t sequence;
    /* what came */
    int pulses, epochs, skies, no_fix;
    double late[MOST], delay[MOST]; /* s, of pulses and epochs */
    int64_t named[MOST];            /* the second that an epoch names, less the true one */
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
    bool no_fix = e->verdict == NMEA_NO_FIX || e->verdict == NMEA_NO_WORD; /* RMC may be damaged */
    assert_true(no_fix || e->verdict == NMEA_VOUCHED);
    b->no_fix += no_fix;
    if (e->verdict != NMEA_VOUCHED || b->epochs == MOST)
        return;
    int64_t second = e->local / SECOND;
    b->delay[b->epochs] = (double)(e->local - second * SECOND) * 1e-9;
    b->named[b->epochs++] = e->second - second;
}

static void on_sky(void *arg, const struct sky *s)
{
    struct bench *b = arg;
    b->skies += s->count == 8;
}

static const struct nmea_sink sink = {.epoch = on_epoch, .sky = on_sky};

static void look(struct bench *b)
{
    struct pulse_stamp stamp;
    char bytes[1024];
    ssize_t n;
    assert_int_equal(pulse_fetch(b->pulse, &stamp, NULL), 0);
    if (stamp.sequence != b->sequence && b->pulses < MOST) {
        int64_t second = (stamp.reading + SECOND / 2) / SECOND;
        b->late[b->pulses++] = (double)(stamp.reading - second * SECOND) * 1e-9;
        b->sequence = stamp.sequence;
    }
    while ((n = port_read(b->port, bytes, sizeof bytes, NULL)) > 0)
        nmea_feed(&b->nmea, bytes, (size_t)n, b->loop.truth);
    assert_int_equal(n, 0);
    nmea_tick(&b->nmea, b->loop.truth);
}

static void fetch_fires(void *arg, int64_t now)
{
    struct bench *b = arg;
    (void)now;
    look(b);
    loop_after(&b->loop.loop, &b->fetch, 4 * MS);
}

/* Plays for so many seconds; the clock is right, so that local time is true time. */
static struct bench *play(const struct sim_receiver_config *config, int seconds, uint64_t seed)
{
    struct bench *b = calloc(1, sizeof *b);
    struct err err;
    loop_virtual_init(&b->loop, &b->clock.clock, START);
    clock_virtual_init(&b->clock, loop_virtual_truth, no_error, &b->loop, 0);
    options_initial(sim_receiver_options, &b->receiver.config);
    if (config)
        b->receiver.config = *config;
    assert_int_equal(sim_receiver_start(&b->receiver, &b->loop.loop, loop_virtual_truth, &b->loop,
                                        seed, false, NULL, 0, &err),
                     0);
    b->env =
        (struct driver_env){.loop = &b->loop.loop, .clock = &b->clock.clock, .arg = &b->receiver};
    assert_int_equal(sim_receiver_port(&b->env, "x", 9600, &b->port, &err), 0);
    assert_int_equal(sim_receiver_pulse(&b->env, "x", &(struct pulse_want){0}, &b->pulse, &err), 0);
    nmea_init(&b->nmea, POSIX, &sink, b);
    b->fetch = (struct loop_timer){.name = "fetch", .fire = fetch_fires, .arg = b};
    loop_after(&b->loop.loop, &b->fetch, 4 * MS);
    int64_t end = START + seconds * SECOND + 9 * SECOND / 10;
    while (b->loop.truth < end)
        assert_int_equal(loop_turn(&b->loop.loop, end), 0);
    nmea_flush(&b->nmea);
    assert_int_equal(b->receiver.lost_bytes, 0);
    return b;
}

static void end(struct bench *b)
{
    loop_cancel(&b->loop.loop, &b->fetch);
    port_close(b->port);
    pulse_close(b->pulse);
    sim_receiver_stop(&b->receiver);
    assert_null(b->loop.loop.timers);
    loop_close(&b->loop.loop);
    free(b);
}

static struct sim_receiver_config defaults(void)
{
    struct sim_receiver_config c = {0};
    options_initial(sim_receiver_options, &c);
    return c;
}

struct spread {
    double mean, sigma, least, most;
};

static struct spread spread_of(const double *v, int n)
{
    struct spread s = {.least = INFINITY, .most = -INFINITY};
    for (int i = 0; i < n; i++) {
        s.mean += v[i] / n;
        s.least = fmin(s.least, v[i]);
        s.most = fmax(s.most, v[i]);
    }
    for (int i = 0; i < n; i++)
        s.sigma += (v[i] - s.mean) * (v[i] - s.mean) / n;
    s.sigma = sqrt(s.sigma);
    return s;
}

static void a_pulse_and_an_epoch_a_second(void **state)
{
    (void)state;
    struct bench *b = play(NULL, 1000, 1);
    assert_int_equal(b->pulses, 1000);
    assert_int_equal(b->epochs, 1000);
    assert_int_equal(b->skies, 1000);
    for (int i = 0; i < b->epochs; i++)
        assert_int_equal(b->named[i], 0);
    struct spread pulse = spread_of(b->late, b->pulses), message = spread_of(b->delay, b->epochs);
    assert_near(pulse.mean, 0, 0.2e-6);
    assert_near(pulse.sigma, 1e-6, 0.1e-6);
    assert_near(message.mean, 0.202, 0.002);
    assert_near(message.sigma, 0.01, 0.001);
    assert_int_equal(b->nmea.counts.bad_checksum + b->nmea.counts.malformed, 0);
    end(b);
}

static void the_same_seed_the_same_run(void **state)
{
    (void)state;
    struct bench *a = play(NULL, 50, 7), *b = play(NULL, 50, 7), *c = play(NULL, 50, 8);
    assert_memory_equal(a->late, b->late, 50 * sizeof *a->late);
    assert_memory_equal(a->delay, b->delay, 50 * sizeof *a->delay);
    assert_memory_not_equal(a->late, c->late, 50 * sizeof *a->late);
    end(a);
    end(b);
    end(c);
}

static void late_pulses(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.pulse.noise = 0;
    c.pulse.late_share = 0.1;
    c.pulse.late_mean = 1e-3;
    c.pulse.latency = 5e-6;
    struct bench *b = play(&c, 3000, 1);
    int late = 0;
    double sum = 0;
    for (int i = 0; i < b->pulses; i++) {
        assert_true(b->late[i] > 4.9e-6);
        late += b->late[i] > 6e-6;
        sum += b->late[i] > 6e-6 ? b->late[i] : 0;
    }
    assert_in_range(late, 230, 370);
    assert_near(sum / late, 1e-3, 0.2e-3);
    end(b);
}

static void missing_and_stray_pulses(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.pulse.missing = 0.2;
    struct bench *b = play(&c, 2000, 1);
    assert_in_range(b->pulses, 1500, 1700);
    assert_int_equal(b->epochs, 2000);
    end(b);
    c.pulse.missing = 0;
    c.pulse.extra = 0.2;
    b = play(&c, 2000, 1);
    int stray = 0;
    for (int i = 0; i < b->pulses; i++)
        stray += fabs(b->late[i]) > 1e-3;
    assert_in_range(stray, 300, 500);
    end(b);
}

static void kinds_of_jitter(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.message_delay = 0.4;
    c.message_jitter = 0.05;
    c.message_jitter_kind = SIM_UNIFORM;
    struct bench *b = play(&c, 1000, 1);
    struct spread s = spread_of(b->delay, b->epochs);
    assert_true(s.least >= 0.349 && s.most <= 0.455);
    assert_near(s.sigma, 0.05 / sqrt(3), 0.003);
    end(b);
    c.message_jitter_kind = SIM_ONE_SIDED;
    b = play(&c, 1000, 1);
    s = spread_of(b->delay, b->epochs);
    assert_true(s.least >= 0.4);
    assert_near(s.mean, 0.452, 0.01);
    assert_near(s.sigma, 0.05, 0.008);
    end(b);
}

/* A delay that drifts past the second: a message of the second before, late. */
static void a_delay_beyond_the_second(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.message_jitter = 0;
    c.message_delay = 0.5;
    c.message_drift = 0.01;
    struct bench *b = play(&c, 100, 1);
    assert_int_equal(b->named[10], 0);
    assert_near(b->delay[10], 0.61, 0.02);
    assert_int_equal(b->named[80], -1);
    assert_near(b->delay[80], 0.31, 0.02);
    end(b);
}

static void spans(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.first_fix = 100;
    c.no_fix[0] = (struct sim_span){.from = 200, .to = 250};
    c.outage[0] = (struct sim_span){.from = 300, .to = 400};
    c.no_pulse[0] = (struct sim_span){.from = 500, .to = 520};
    c.wrong[0] = (struct sim_span){.from = 600, .to = 603, .by = 1};
    struct bench *b = play(&c, 700, 1);
    assert_int_equal(b->pulses, 700 - 100 - 20);
    assert_int_equal(b->no_fix, 99 + 50);
    /* the second after the wrong ones was named already, so it is no new epoch */
    assert_int_equal(b->epochs, 700 - 100 - 149 - 1);
    int wrong = 0;
    for (int i = 0; i < b->epochs; i++)
        wrong += b->named[i] == 1;
    assert_int_equal(wrong, 3);
    end(b);
}

/* Damage is found by the checksum: nothing wrong gets through. */
static void damaged_sentences(void **state)
{
    (void)state;
    struct sim_receiver_config c = defaults();
    c.corrupt = 0.1;
    struct bench *b = play(&c, 1000, 1);
    assert_in_range(
        b->nmea.counts.bad_checksum + b->nmea.counts.broken + b->nmea.counts.no_checksum, 450, 750);
    assert_true(b->epochs > 900);
    for (int i = 0; i < b->epochs; i++)
        assert_int_equal(b->named[i], 0);
    end(b);
}

static void over_a_pseudo_terminal(void **state)
{
    (void)state;
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct sim_receiver r = {0};
    struct err err;
    char path[64] = "", bytes[2048];
    loop_virtual_init(&loop, &clock.clock, START);
    clock_virtual_init(&clock, loop_virtual_truth, no_error, &loop, 0);
    options_initial(sim_receiver_options, &r.config);
    assert_int_equal(sim_receiver_start(&r, &loop.loop, loop_virtual_truth, &loop, 1, true, path,
                                        sizeof path, &err),
                     0);
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK);
    assert_true(fd >= 0);
    while (loop.truth < START + 2 * SECOND)
        assert_int_equal(loop_turn(&loop.loop, START + 2 * SECOND), 0);
    ssize_t n = read(fd, bytes, sizeof bytes);
    assert_true(n > 300 && bytes[0] == '$' && bytes[n - 2] == '\r' && bytes[n - 1] == '\n');
    close(fd);
    sim_receiver_stop(&r);
    loop_close(&loop.loop);
}

static void sentences_of_every_day(void **state)
{
    (void)state;
    for (int64_t t = -2208988800; t < 4133980800; t += 86400 * 31 + 12345) {
        struct sim_bytes b = {0};
        struct sim_claim claim = {.second = t, .fix = t & 1};
        sentences_add(&b, &claim);
        assert_int_equal(b.parts, 6);
        for (const char *p = b.data; *p; p = strchr(p, '\n') + 1)
            assert_true(strchr(p, '\n') - p <= 82); /* NMEA 0183: 82 characters at most */
    }
}

/* ---- the oscillator ---- */

static void an_oscillator(void **state)
{
    (void)state;
    struct oscillator o = {0}, again;
    o.freq = 20e-6;
    o.aging = 1e-6;
    o.sine = 2e-6;
    o.period = 100;
    o.phase = M_PI / 2;
    oscillator_start(&o, 1);
    double first = oscillator_next(&o, 0), sum = first;
    assert_near(first, 22e-6, 1e-12);
    for (int i = 1; i < 86400; i++)
        sum += oscillator_next(&o, i);
    assert_near(sum / 86400, 20.5e-6, 1e-9);
    /* noises: what a second adds */
    o = (struct oscillator){.white_fm = 1e-7, .period = 100};
    oscillator_start(&o, 2);
    double square = 0;
    for (int i = 0; i < 20000; i++)
        square += pow(oscillator_next(&o, i), 2) / 20000;
    assert_near(sqrt(square), 1e-7, 2e-9);
    o = (struct oscillator){.walk_fm = 1e-9, .period = 100};
    oscillator_start(&o, 3);
    again = o;
    double last = 0;
    square = 0;
    for (int i = 0; i < 20000; i++) {
        double now = oscillator_next(&o, i);
        square += pow(now - last, 2) / 20000;
        last = now;
        assert_near(oscillator_next(&again, i), now, 0);
    }
    assert_near(sqrt(square), 1e-9, 2e-11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pulse_and_an_epoch_a_second),
        cmocka_unit_test(the_same_seed_the_same_run),
        cmocka_unit_test(late_pulses),
        cmocka_unit_test(missing_and_stray_pulses),
        cmocka_unit_test(kinds_of_jitter),
        cmocka_unit_test(a_delay_beyond_the_second),
        cmocka_unit_test(spans),
        cmocka_unit_test(damaged_sentences),
        cmocka_unit_test(over_a_pseudo_terminal),
        cmocka_unit_test(sentences_of_every_day),
        cmocka_unit_test(an_oscillator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
