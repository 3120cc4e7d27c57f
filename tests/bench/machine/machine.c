/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

#define BOOT       1000   /* s that the other clocks are ahead of the start */
#define READING    25e-9L /* s that reading a clock takes */
#define ADJUSTING  1e-6L
#define TICK       10000
#define FREQ_MOST  32768000 /* 500 ppm, as the kernel counts */
#define ERROR_MOST 16000000
#define GRACE      30 /* s after SIGTERM */

static struct {
    bool ready;
    int ended;
    seconds length, now, mark, raw, slewed, stepped; /* `slewed` + `stepped`: CLOCK_REALTIME */
    double error, walk, constant, white_fm, walk_fm, sine, period;
    uint64_t stream[STREAMS];
    FILE *log;
    /* the kernel's side of adjtimex(2) */
    long freq, tick, maxerror, esterror, tai;
    int status;
} m;

double machine_uniform(enum stream s)
{
    uint64_t *x = &m.stream[s];
    *x ^= *x << 13;
    *x ^= *x >> 7;
    *x ^= *x << 17;
    return ((double)(*x >> 11) + 0.5) / 9007199254740992.0;
}

double machine_exponential(enum stream s, double mean)
{
    return mean > 0 ? -mean * log(machine_uniform(s)) : 0;
}

static double gauss(enum stream s)
{
    return sqrt(-2 * log(machine_uniform(s))) * cos(2 * M_PI * machine_uniform(s));
}

double machine_setting(const char *name, double otherwise)
{
    const char *text = getenv(name);
    return text && *text ? strtod(text, NULL) : otherwise;
}

/* The oscillator's error of the second that begins. */
static double next_error(void)
{
    m.walk += m.walk_fm * gauss(STREAM_OSCILLATOR);
    double wave = m.sine > 0 ? m.sine * sin(2 * M_PI * (double)m.now / m.period) : 0;
    return m.constant + m.walk + m.white_fm * gauss(STREAM_OSCILLATOR) + wave;
}

static void set_up(void)
{
    m.ready = true;
    uint64_t seed = (uint64_t)machine_setting("MACHINE_SEED", 1);
    for (int i = 0; i < STREAMS; i++) {
        m.stream[i] = seed * UINT64_C(0x9e3779b97f4a7c15) +
                      (uint64_t)(i + 1) * UINT64_C(0xbf58476d1ce4e5b9) + 1;
        for (int k = 0; k < 20; k++)
            machine_uniform((enum stream)i);
    }
    m.length = machine_setting("MACHINE_LENGTH", 3600);
    m.stepped = machine_setting("MACHINE_OFFSET", 0);
    m.constant = machine_setting("MACHINE_FREQ", 0);
    m.white_fm = machine_setting("MACHINE_WHITE_FM", 0);
    m.walk_fm = machine_setting("MACHINE_WALK_FM", 0);
    m.sine = machine_setting("MACHINE_SINE", 0);
    m.period = machine_setting("MACHINE_PERIOD", 3600);
    m.tick = TICK;
    m.maxerror = m.esterror = ERROR_MOST;
    m.status = STA_UNSYNC;
    m.mark = 0.5;
    m.error = next_error();
    const char *log = getenv("MACHINE_LOG");
    m.log = log ? fopen(log, "w") : NULL;
}

seconds machine_now(void)
{
    if (!m.ready)
        set_up();
    return m.now;
}

seconds machine_mark(void)
{
    return m.mark;
}

int machine_ended(void)
{
    return m.ended;
}

double machine_rate(void)
{
    return (double)m.tick / TICK + (double)m.freq / (65536 * 1e6);
}

static void end_second(void)
{
    if (m.log)
        fprintf(m.log, "%.12Lf\t%.6e\n", m.slewed + m.stepped - m.now,
                (1 + m.error) * machine_rate() - 1);
    m.maxerror = m.maxerror + 500 < ERROR_MOST ? m.maxerror + 500 : ERROR_MOST;
    if (m.maxerror == ERROR_MOST)
        m.status |= STA_UNSYNC;
    m.error = next_error();
    if (m.now < m.length)
        return;
    if (m.log)
        fflush(m.log);
    if (m.ended++ == 0)
        kill(getpid(), SIGTERM);
    else if (m.ended > GRACE)
        _exit(0);
}

void machine_advance(seconds to)
{
    machine_now();
    while (m.now < to) {
        seconds next = to < m.mark ? to : m.mark, passed = (next - m.now) * (1 + (seconds)m.error);
        m.raw += passed;
        m.slewed += passed * machine_rate();
        m.now = next;
        if (next < m.mark)
            continue;
        if (fmodl(m.mark, 1) == 0)
            end_second();
        m.mark += 0.5;
    }
}

seconds machine_clock(int id)
{
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
        return m.slewed + m.stepped + MACHINE_START;
    case CLOCK_TAI:
        return m.slewed + m.stepped + MACHINE_START + m.tai;
    case CLOCK_MONOTONIC_RAW:
        return m.raw + BOOT;
    default:
        return m.slewed + BOOT;
    }
}

seconds machine_when(int id, seconds shows)
{
    seconds rate = id == CLOCK_MONOTONIC_RAW ? 1 : (seconds)machine_rate();
    seconds left = (shows - machine_clock(id)) / ((1 + (seconds)m.error) * rate);
    return m.now + (left > 0 ? left + 1e-10L : 0);
}

/* ---- in the C library's place ---- */

static struct timespec in_spec(seconds t)
{
    struct timespec s = {.tv_sec = (time_t)floorl(t)};
    s.tv_nsec = (long)((t - (seconds)s.tv_sec) * 1e9L);
    return s;
}

int clock_gettime(clockid_t id, struct timespec *t)
{
    if (id < 0) {
        errno = EINVAL;
        return -1;
    }
    machine_advance(machine_now() + READING);
    bool cpu = id == CLOCK_PROCESS_CPUTIME_ID || id == CLOCK_THREAD_CPUTIME_ID;
    *t = in_spec(cpu ? m.now : machine_clock(id));
    return 0;
}

int clock_getres(clockid_t id, struct timespec *t)
{
    (void)id;
    if (t)
        *t = (struct timespec){.tv_nsec = 1};
    return 0;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    struct timespec s;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &s);
    *t = (struct timeval){.tv_sec = s.tv_sec, .tv_usec = s.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *t)
{
    struct timespec s;
    clock_gettime(CLOCK_REALTIME, &s);
    if (t)
        *t = s.tv_sec;
    return s.tv_sec;
}

static void step(seconds by)
{
    m.stepped += by;
    m.maxerror = m.esterror = ERROR_MOST;
    m.status |= STA_UNSYNC;
}

int clock_settime(clockid_t id, const struct timespec *t)
{
    machine_now();
    if (id != CLOCK_REALTIME) {
        errno = EINVAL;
        return -1;
    }
    step((seconds)t->tv_sec + (seconds)t->tv_nsec * 1e-9L - machine_clock(id));
    return 0;
}

int settimeofday(const struct timeval *t, const struct timezone *zone)
{
    (void)zone;
    struct timespec s = {0};
    if (!t)
        return 0;
    s = (struct timespec){.tv_sec = t->tv_sec, .tv_nsec = t->tv_usec * 1000};
    return clock_settime(CLOCK_REALTIME, &s);
}

/* What time daemons set; the kernel's own phase-locked loop is not there. */
static int set_kernel(const struct timex *t)
{
    const int kept = STA_NANO;
    if (t->modes & ADJ_TICK && (t->tick < TICK * 9 / 10 || t->tick > TICK * 11 / 10)) {
        errno = EINVAL;
        return -1;
    }
    if (t->modes & ADJ_TICK)
        m.tick = t->tick;
    if (t->modes & ADJ_STATUS)
        m.status = (t->status & ~kept) | (m.status & kept);
    if (t->modes & ADJ_NANO)
        m.status |= STA_NANO;
    if (t->modes & ADJ_MICRO)
        m.status &= ~STA_NANO;
    if (t->modes & ADJ_FREQUENCY)
        m.freq = t->freq > FREQ_MOST ? FREQ_MOST : t->freq < -FREQ_MOST ? -FREQ_MOST : t->freq;
    if (t->modes & ADJ_MAXERROR)
        m.maxerror = t->maxerror;
    if (t->modes & ADJ_ESTERROR)
        m.esterror = t->esterror;
    if (t->modes & ADJ_TAI)
        m.tai = t->constant;
    if (t->modes & ADJ_SETOFFSET)
        step((seconds)t->time.tv_sec +
             (seconds)t->time.tv_usec * (t->modes & ADJ_NANO ? 1e-9L : 1e-6L));
    return 0;
}

int clock_adjtime(clockid_t id, struct timex *t)
{
    if (id != CLOCK_REALTIME) {
        errno = EINVAL;
        return -1;
    }
    machine_advance(machine_now() + ADJUSTING);
    if (set_kernel(t))
        return -1;
    struct timespec now = in_spec(machine_clock(CLOCK_REALTIME));
    t->freq = m.freq;
    t->tick = m.tick;
    t->maxerror = m.maxerror;
    t->esterror = m.esterror;
    t->status = m.status;
    t->tai = (int)m.tai;
    t->offset = 0;
    t->precision = 1;
    t->tolerance = FREQ_MOST;
    t->time.tv_sec = now.tv_sec;
    t->time.tv_usec = m.status & STA_NANO ? now.tv_nsec : now.tv_nsec / 1000;
    return m.status & STA_UNSYNC ? TIME_ERROR : TIME_OK;
}

int adjtimex(struct timex *t)
{
    return clock_adjtime(CLOCK_REALTIME, t);
}

int ntp_adjtime(struct timex *t)
{
    return clock_adjtime(CLOCK_REALTIME, t);
}

ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
    (void)flags;
    machine_now();
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(machine_uniform(STREAM_OTHER) * 256);
    return (ssize_t)size;
}
