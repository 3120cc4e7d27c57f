/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "refclock/clock.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#include "refclock/sample.h"

#define KERNEL_FREQ 65536e6 /* units of timex.freq in one */
#define TODO_RIGHT \
    "run timeballd as root, give it CAP_SYS_TIME, or set `clock none` to serve without steering"

static int adjust(struct timex *tx, const char *doing, struct err *err)
{
    if (clock_adjtime(CLOCK_REALTIME, tx) >= 0)
        return 0;
    return err_errno(err, "system clock", errno == EPERM ? TODO_RIGHT : "", doing, errno);
}

static int system_set_freq(struct clock *c, double freq, double *set, int64_t *at, struct err *err)
{
    struct timex tx = {.modes = ADJ_FREQUENCY, .freq = lrint(freq * KERNEL_FREQ)};
    int64_t before = clock_reader_now(c);
    if (adjust(&tx, "setting the frequency", err))
        return -1;
    *at = before + (clock_reader_now(c) - before) / 2;
    *set = (double)tx.freq / KERNEL_FREQ;
    return 0;
}

static int system_step(struct clock *c, int64_t ns, int64_t *at, struct err *err)
{
    int64_t seconds = ns / 1000000000, rest = ns % 1000000000;
    if (rest < 0) {
        rest += 1000000000;
        seconds--;
    }
    struct timex tx = {.modes = ADJ_SETOFFSET | ADJ_NANO};
    tx.time.tv_sec = seconds;
    tx.time.tv_usec = (suseconds_t)rest;
    if (adjust(&tx, "stepping", err))
        return -1;
    *at = clock_reader_now(c);
    return 0;
}

static int system_tell(struct clock *c, const struct clock_report *r, double *freq_seen,
                       struct err *err)
{
    (void)c;
    struct timex tx = {.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR};
    tx.status = (r->synced ? 0 : STA_UNSYNC) | (r->leap == LEAP_INSERT ? STA_INS : 0) |
                (r->leap == LEAP_DELETE ? STA_DEL : 0);
    tx.maxerror = (long)ceil(fmin(r->max_error, 16) * 1e6);
    tx.esterror = (long)ceil(fmin(r->est_error, 16) * 1e6);
    if (adjust(&tx, "telling the kernel", err))
        return -1;
    *freq_seen = (double)tx.freq / KERNEL_FREQ;
    if (r->tai && tx.tai != r->tai) {
        struct timex tai = {.modes = ADJ_TAI, .constant = r->tai};
        return adjust(&tai, "setting the TAI offset", err);
    }
    return 0;
}

static const struct clock_ops system_ops = {
    .name = "system clock",
    .now = clock_reader_now,
    .raw = clock_reader_raw,
    .stamp = clock_reader_stamp,
    .set_freq = system_set_freq,
    .step = system_step,
    .tell = system_tell,
    .close = clock_reader_close,
};

/*
 * Whatever another program left behind that moves the clock by itself (PLL, FLL, kernel PPS, a rest
 * of adjtime(), a tick length) is cleared; the frequency is kept as the starting point.
 */
static int take_over(struct clock *c, struct err *err)
{
    long hz = sysconf(_SC_CLK_TCK);
    struct timex tx = {.modes = ADJ_STATUS | ADJ_OFFSET | ADJ_TICK, .status = STA_UNSYNC};
    tx.tick = 1000000 / (hz > 0 ? hz : 100);
    struct timex single = {.modes = ADJ_OFFSET_SINGLESHOT};
    if (adjust(&tx, "taking it over", err) || adjust(&single, "taking it over", err))
        return -1;
    c->freq = (double)tx.freq / KERNEL_FREQ;
    return 0;
}

int clock_system_open(struct clock **out, struct err *err)
{
    if (clock_reader_open(out, err))
        return -1;
    (*out)->ops = &system_ops;
    (*out)->steerable = true;
    if (!take_over(*out, err))
        return 0;
    clock_close(*out);
    return -1;
}
