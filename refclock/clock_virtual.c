/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/clock_virtual.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "refclock/sample.h"

#define SECOND_NS   INT64_C(1000000000)
#define DAY_NS      (86400 * SECOND_NS)
#define TICK_NS     INT64_C(4000000) /* of a kernel with HZ=250 */
#define KERNEL_FREQ 65536e6          /* units of timex.freq in one */

/* Adds `extra` ns to a count kept as whole and fraction. */
static void carry(int64_t *whole, double *fraction, double extra)
{
    double sum = *fraction + extra, down = floor(sum);
    *whole += (int64_t)down;
    *fraction = sum - down;
}

static void run_for(struct clock_virtual *v, int64_t span)
{
    double grown = (double)span * v->osc;
    v->raw_ns += span;
    carry(&v->raw_ns, &v->raw_frac, grown);
    v->shown += span;
    carry(&v->shown, &v->shown_frac, grown + ((double)span + grown) * v->clock.freq);
    v->at += span;
}

/* What second_overflow() of Linux does at the tick that finds a new second. */
static void leap(struct clock_virtual *v)
{
    int64_t late = v->shown - v->leap_at - v->leap_lag;
    if (v->leap_state == CLOCK_LEAP_INS && late >= 0) {
        v->shown -= SECOND_NS;
        v->leap_state = CLOCK_LEAP_OOP;
    } else if (v->leap_state == CLOCK_LEAP_DEL && late >= -SECOND_NS) {
        v->shown += SECOND_NS;
        v->leap_state = CLOCK_LEAP_WAIT;
    }
    if (v->leap_state == CLOCK_LEAP_OOP && v->shown >= v->leap_at)
        v->leap_state = CLOCK_LEAP_WAIT;
}

static void hear_of_leap(struct clock_virtual *v, int announced)
{
    bool none = announced != LEAP_INSERT && announced != LEAP_DELETE;
    if (none || v->leap_deaf) {
        if (v->leap_state != CLOCK_LEAP_OOP)
            v->leap_state = CLOCK_LEAP_OK;
    } else if (v->leap_state == CLOCK_LEAP_OK) {
        v->leap_state = announced == LEAP_INSERT ? CLOCK_LEAP_INS : CLOCK_LEAP_DEL;
        v->leap_at = (v->shown / DAY_NS + 1) * DAY_NS;
    }
}

static void advance(struct clock_virtual *v)
{
    int64_t truth = v->truth(v->arg);
    while (v->at < truth) {
        int64_t second = v->at / SECOND_NS, end = (second + 1) * SECOND_NS;
        if (second != v->second) {
            v->second = second;
            v->osc = v->frequency(v->arg, second);
        }
        run_for(v, (end < truth ? end : truth) - v->at);
    }
    leap(v);
}

static int64_t virtual_now(struct clock *c)
{
    struct clock_virtual *v = (struct clock_virtual *)c;
    advance(v);
    return v->shown;
}

static int64_t virtual_raw(struct clock *c)
{
    struct clock_virtual *v = (struct clock_virtual *)c;
    advance(v);
    return v->raw_ns;
}

/* For a virtual clock that lives in real time: how long ago the kernel stamped, taken off the
 * reading. */
static int64_t virtual_stamp(struct clock *c, int64_t kernel_ns)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    int64_t host = (int64_t)ts.tv_sec * SECOND_NS + ts.tv_nsec;
    return virtual_now(c) - (host - kernel_ns);
}

static int virtual_set_freq(struct clock *c, double freq, double *set, int64_t *at, struct err *err)
{
    (void)err;
    *at = virtual_now(c);
    *set = rint(freq * KERNEL_FREQ) / KERNEL_FREQ;
    return 0;
}

static int virtual_step(struct clock *c, int64_t ns, int64_t *at, struct err *err)
{
    struct clock_virtual *v = (struct clock_virtual *)c;
    (void)err;
    advance(v);
    v->shown += ns;
    *at = v->shown;
    return 0;
}

static int virtual_tell(struct clock *c, const struct clock_report *r, double *freq_seen,
                        struct err *err)
{
    struct clock_virtual *v = (struct clock_virtual *)c;
    (void)err;
    advance(v);
    v->told = *r;
    hear_of_leap(v, r->leap);
    *freq_seen = c->freq;
    return 0;
}

static const struct clock_ops virtual_ops = {
    .name = "virtual clock",
    .now = virtual_now,
    .raw = virtual_raw,
    .stamp = virtual_stamp,
    .set_freq = virtual_set_freq,
    .step = virtual_step,
    .tell = virtual_tell,
};

void clock_virtual_init(struct clock_virtual *v, int64_t (*truth)(void *),
                        double (*frequency)(void *, int64_t), void *arg, double offset)
{
    memset(v, 0, sizeof *v);
    v->clock.ops = &virtual_ops;
    v->clock.steerable = true;
    v->truth = truth;
    v->frequency = frequency;
    v->arg = arg;
    v->at = truth(arg);
    v->second = INT64_MIN;
    v->leap_lag = TICK_NS;
    v->shown = v->at + llrint(offset * 1e9);
    v->raw_ns = SECOND_NS;
}

void clock_virtual_disturb(struct clock_virtual *v, double offset)
{
    advance(v);
    v->shown += llrint(offset * 1e9);
}

void clock_virtual_freeze(struct clock_virtual *v)
{
    v->at = v->truth(v->arg);
}

double clock_virtual_error(struct clock_virtual *v)
{
    advance(v);
    return ((double)(v->shown - v->at) + v->shown_frac) * 1e-9;
}

void clock_host_start(struct clock_host *h)
{
    struct timespec real, mono;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_MONOTONIC, &mono);
    h->base = (int64_t)(real.tv_sec - mono.tv_sec) * SECOND_NS + real.tv_nsec - mono.tv_nsec;
}

int64_t clock_host_truth(const struct clock_host *h)
{
    struct timespec mono;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    return (int64_t)mono.tv_sec * SECOND_NS + mono.tv_nsec + h->base;
}
