/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_REFCLOCK_SEVERAL_H
#define TIMEBALL_TESTS_REFCLOCK_SEVERAL_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "near.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "refclock/refclock.h"
#include "refclock/rng.h"

#define SECOND  INT64_C(1000000000)
#define MS      INT64_C(1000000)
#define START   (INT64_C(1795521600) * SECOND + 300 * MS)
#define SEVERAL 4

/* The engine in virtual time, with several receivers that do what a test wants. */
struct several_one {
    struct loop_timer pulse, message;
    struct several *bench;
    int who;
    bool no_pulse, samples;
    double off;          /* s, of every pulse; positive: it says that true time is later */
    double noise;        /* s */
    double delay;        /* s, of the messages */
    double width;        /* s, of the pulse as captured */
    int64_t wrong;       /* s, by which messages, or samples, are wrong */
    double silent_until; /* s since the start */
    double sawtooth;     /* s, half its height; 0: none */
    double qerr;         /* what the receiver says of it, times this */
};
struct several {
    struct loop_virtual loop;
    struct clock_virtual clock;
    struct snapshot_latch latch;
    struct refclock r;
    struct log log;
    struct rng rng;
    struct loop_timer judge;
    struct several_one one[SEVERAL];
    int count;
    double osc, last_error;
    bool blind; /* what is served is not judged */
    bool had;
    int64_t served, outside, not_served;
    bool served_once;
    double worst, worst_change; /* s; change of what is served, in 0.2 s */
    char said[32768];
};

static inline double several_osc(void *arg, int64_t second)
{
    (void)second;
    return ((struct several *)((char *)arg - offsetof(struct several, loop)))->osc;
}

static inline void several_keep(void *arg, enum log_level level, const char *line)
{
    struct several *b = arg;
    size_t used = strlen(b->said);
    (void)level;
    snprintf(b->said + used, sizeof b->said - used, "%s\n", line);
}

static inline int64_t several_local(struct several *b, double ago)
{
    return clock_local(&b->clock.clock, clock_now(&b->clock.clock)) - llrint(ago * 1e9);
}

/* Half a millisecond after its second; how late it is said to be is in `off`. */
static inline void several_pulse(void *arg, int64_t now)
{
    struct several_one *s = arg;
    struct several *b = s->bench;
    int64_t second = b->loop.truth / SECOND;
    double ago = (double)(b->loop.truth % SECOND) * 1e-9;
    bool silent = s->no_pulse || (double)(b->loop.truth - START) * 1e-9 < s->silent_until;
    double tooth = s->sawtooth * (2 * rng_uniform(&b->rng) - 1);
    double wrong = s->off + s->noise * rng_gauss(&b->rng);
    (void)now;
    loop_after(&b->loop.loop, &s->pulse, SECOND);
    if (silent)
        return;
    int64_t local = several_local(b, ago + wrong - tooth);
    struct edge e = {.local = local, .uncertainty = 20e-6, .width = s->width};
    struct sample sample = {.local = local,
                            .truth = (second + s->wrong) * SECOND,
                            .uncertainty = 100e-6,
                            .leap = LEAP_UNKNOWN};
    struct sawtooth q = {.local = local - SECOND / 2, .second = second, .error = s->qerr * tooth};
    if (s->qerr != 0)
        refclock_sawtooth(&b->r, s->who, &q);
    if (s->samples)
        refclock_sample(&b->r, s->who, &sample);
    else
        refclock_edge(&b->r, s->who, &e);
}

static inline void several_message(void *arg, int64_t now)
{
    struct several_one *s = arg;
    struct several *b = s->bench;
    struct timelabel l = {.second = (b->loop.truth - llrint(s->delay * 1e9)) / SECOND + s->wrong,
                          .local = now,
                          .delay_min = (double)NAN,
                          .delay_max = (double)NAN,
                          .leap = LEAP_UNKNOWN};
    loop_after(&b->loop.loop, &s->message, SECOND);
    if (!s->samples && (double)(b->loop.truth - START) * 1e-9 >= s->silent_until)
        refclock_label(&b->r, s->who, &l);
}

static inline struct snapshot look_several(struct several *b)
{
    struct snapshot s;
    snapshot_read(&b->latch, &s);
    return s;
}

static inline void several_judge(void *arg, int64_t now)
{
    struct several *b = arg;
    struct snapshot s = look_several(b);
    int64_t reading = clock_now(&b->clock.clock);
    (void)now;
    loop_after(&b->loop.loop, &b->judge, 200 * MS);
    if (s.stratum == 16) {
        b->not_served += b->served_once;
        b->had = false;
        return;
    }
    double error = (double)(snapshot_truth(&s, reading) - b->loop.truth) * 1e-9;
    b->served++;
    b->served_once |= b->served > 150;
    b->outside += !b->blind && fabs(error) > snapshot_bound(&s, reading) + 2e-9;
    b->worst = fmax(b->worst, fabs(error));
    if (b->had && b->served > 300)
        b->worst_change = fmax(b->worst_change, fabs(error - b->last_error));
    b->last_error = error;
    b->had = true;
}

static inline struct several *several_begin(int count)
{
    struct several *b = calloc(1, sizeof *b);
    struct refclock_config config = {.refid = SNAPSHOT_REFID('P', 'P', 'S', 0),
                                     .refid_message = SNAPSHOT_REFID('G', 'P', 'S', 0),
                                     .steplimit = 0.5,
                                     .holdover_limit = 1e-3};
    struct receiver_config receiver = {.name = "one", .pulses = true, .messages = true};
    assert_non_null(b);
    b->osc = 20e-6;
    b->count = count;
    b->rng = rng_seeded(1, 1);
    loop_virtual_init(&b->loop, &b->clock.clock, START);
    clock_virtual_init(&b->clock, loop_virtual_truth, several_osc, &b->loop, 0);
    b->loop.loop.now = clock_now(&b->clock.clock);
    b->log = (struct log){.max = LOG_LEVEL_DEBUG, .write = several_keep, .arg = b};
    snapshot_latch_init(&b->latch);
    refclock_init(&b->r, &config, &b->loop.loop, &b->log, &b->latch);
    for (int i = 0; i < count; i++) {
        struct several_one *s = &b->one[i];
        *s = (struct several_one){.bench = b, .who = i, .noise = 1e-6, .delay = 0.2};
        snprintf(receiver.name, sizeof receiver.name, "receiver %d", i);
        assert_int_equal(refclock_add(&b->r, &receiver), i);
        s->pulse = (struct loop_timer){.name = "pulse", .fire = several_pulse, .arg = s};
        s->message = (struct loop_timer){.name = "message", .fire = several_message, .arg = s};
        int64_t first = SECOND - START % SECOND;
        loop_after(&b->loop.loop, &s->pulse, first + MS + i * 100000);
        loop_after(&b->loop.loop, &s->message, first + 200 * MS + i * MS);
    }
    refclock_start(&b->r);
    b->judge = (struct loop_timer){.name = "judge", .fire = several_judge, .arg = b};
    loop_after(&b->loop.loop, &b->judge, 100 * MS);
    return b;
}

static inline void several_end(struct several *b)
{
    assert_int_equal(b->outside, 0);
    refclock_stop(&b->r);
    loop_cancel(&b->loop.loop, &b->judge);
    for (int i = 0; i < b->count; i++) {
        loop_cancel(&b->loop.loop, &b->one[i].pulse);
        loop_cancel(&b->loop.loop, &b->one[i].message);
    }
    loop_close(&b->loop.loop);
    free(b);
}

static inline void several_run(struct several *b, double seconds)
{
    int64_t until = b->loop.truth + llrint(seconds * 1e9);
    while (b->loop.truth < until)
        assert_int_equal(loop_turn(&b->loop.loop, until), 0);
}

/* What is served, less the truth, s. */
static inline double several_error(struct several *b)
{
    struct snapshot s = look_several(b);
    return (double)(snapshot_truth(&s, clock_now(&b->clock.clock)) - b->loop.truth) * 1e-9;
}

#endif
