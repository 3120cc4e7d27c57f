/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For tests/bench/discipline, which compiles it against the release libraries:
 *
 *   reference SCENARIO FROM TO    a filter that is told the noise, on the pulses of seeds FROM..TO
 *   day SCENARIO                  the whole daemon for the scenario's length: time and memory
 *   update                        what one pulse costs
 *
 * Each prints JSON objects, one a line. The filter is no code of the daemon's: a Kalman filter of
 * phase and frequency with the scenario's noises, and others with a third state for the drift,
 * whose noise is the best of several in hindsight. It is told which pulses are late, and not told
 * of sines.
 */
#include <malloc.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "refclock/civil.h"
#include "refclock/clock_virtual.h"
#include "refclock/loop_virtual.h"
#include "refclock/refclock.h"
#include "server/sim/scenario.h"
#include "server/sim/judge.h"

#define FILTERS 16 /* the first has two states */

struct filter {
    double x, y, d, p[3][3];
    double q[3]; /* what a second adds to each variance */
    double square;
};

static void predict(struct filter *f)
{
    double(*p)[3] = f->p;
    f->x += f->y + f->d / 2;
    f->y += f->d;
    for (int i = 0; i < 3; i++) /* rows of F P, F = {{1, 1, 1/2}, {0, 1, 1}, {0, 0, 1}} */
        p[0][i] += p[1][i] + p[2][i] / 2;
    for (int i = 0; i < 3; i++)
        p[1][i] += p[2][i];
    for (int i = 0; i < 3; i++) /* columns of (F P) F' */
        p[i][0] += p[i][1] + p[i][2] / 2;
    for (int i = 0; i < 3; i++)
        p[i][1] += p[i][2];
    for (int i = 0; i < 3; i++)
        p[i][i] += f->q[i];
}

static void update(struct filter *f, double z, double r)
{
    double s = f->p[0][0] + r, off = z - f->x, row[3], k[3];
    for (int i = 0; i < 3; i++) {
        row[i] = f->p[0][i];
        k[i] = f->p[i][0] / s;
    }
    f->x += k[0] * off;
    f->y += k[1] * off;
    f->d += k[2] * off;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            f->p[i][j] -= k[i] * row[j];
}

static void start(struct filter *f, const struct oscillator *o, int number)
{
    *f = (struct filter){.p = {{1, 0, 0}, {0, 1e-8, 0}, {0, 0, 0}}};
    f->q[0] = o->white_fm * o->white_fm;
    f->q[1] = o->walk_fm * o->walk_fm;
    f->p[2][2] = pow(o->aging / 86400, 2); /* told how much it ages, not which way */
    if (number == 0)
        return;
    double drift = 1e-13 * pow(10, 0.3 * number); /* 2e-13 .. 3e-9 a second */
    f->q[2] = drift * drift;
    f->p[2][2] += 1e-18;
}

struct outcome {
    double count;
    double hold_1h, hold_1d, hold_end, hold_worst;
};

/* Just before the second's pulse. `silent`: seconds without pulses so far. */
static void look(struct outcome *o, double error, long silent)
{
    if (!silent)
        return;
    o->hold_end = error;
    o->hold_worst = fmax(fabs(error), isnan(o->hold_worst) ? 0 : o->hold_worst);
    if (silent == 3600)
        o->hold_1h = error;
    if (silent == 86400)
        o->hold_1d = error;
}

static void number(const char *name, double value)
{
    if (isfinite(value))
        printf(", \"%s\": %.8g", name, value);
    else
        printf(", \"%s\": null", name);
}

/* This second's stamp, and whether it came in time. */
static struct sim_stamp draw(struct sim_pulse_model *pulses, const struct sim_pulse_config *c,
                             bool *in_time)
{
    struct sim_pulse_model copy = *pulses;
    struct sim_pulse_config plain = *c;
    plain.late_share = 0; /* the same draws without lateness */
    double by = sim_pulse_model_next(&copy, &plain).by;
    struct sim_stamp stamp = sim_pulse_model_next(pulses, c);
    *in_time = stamp.there && stamp.by == by;
    return stamp;
}

static void print(uint64_t seed, const struct outcome *o, const struct filter *f)
{
    double best = f[0].square;
    for (int i = 1; i < FILTERS; i++)
        best = fmin(best, f[i].square);
    printf("{\"seed\": %llu", (unsigned long long)seed);
    number("rms", o->count > 0 ? sqrt(f[0].square / o->count) : NAN);
    number("rms_drift", o->count > 0 ? sqrt(best / o->count) : NAN);
    number("hold_1h", o->hold_1h);
    number("hold_24h", o->hold_1d);
    number("hold_end", o->hold_end);
    number("hold_worst", o->hold_worst);
    puts("}");
}

static void run(struct scenario *s, uint64_t seed)
{
    const struct sim_pulse_config *c = &s->receiver->pulse;
    struct filter f[FILTERS];
    struct sim_pulse_model pulses;
    struct outcome o = {0, NAN, NAN, NAN, NAN};
    double phase = 0, r = c->noise * c->noise + c->sawtooth * c->sawtooth / 3;
    long silent = 0;
    bool in_time;
    oscillator_start(&s->oscillator, seed);
    sim_pulse_model_start(&pulses, seed);
    for (int i = 0; i < FILTERS; i++)
        start(&f[i], &s->oscillator, i);
    for (long t = 1; t <= (long)s->length; t++) {
        s->oscillator.kelvin = climate_at(&s->climate, (double)t - 1) - s->climate.mean;
        phase += oscillator_next(&s->oscillator, t);
        struct sim_stamp stamp = draw(&pulses, c, &in_time);
        bool away = sim_receiver_silent(s->receiver, (double)t);
        silent = sim_receiver_silent(s->receiver, (double)t - 1e-6) ? silent + 1 : 0;
        bool counts = !away && !silent && (double)t >= s->settle;
        for (int i = 0; i < FILTERS; i++) {
            predict(&f[i]);
            f[i].square += counts ? (f[i].x - phase) * (f[i].x - phase) : 0;
        }
        o.count += counts;
        look(&o, f[0].x - phase, silent);
        for (int i = 0; i < FILTERS && in_time && !away; i++)
            update(&f[i], phase + stamp.by, r);
    }
    print(seed, &o, f);
}

static double seconds(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* Resident memory and memory in use by malloc, bytes. */
static void memory(double *resident, double *used)
{
    unsigned long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f && fscanf(f, "%*u %llu", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    *resident = (double)pages * (double)sysconf(_SC_PAGESIZE);
    *used = (double)mallinfo2().uordblks;
}

static int day(const struct scenario *s)
{
    static const char conf[] =
        "threads 0\nlisten none\nstatussocket none\ndriftfile none\nleapfile none\n";
    struct sim_world *w = calloc(1, sizeof *w);
    struct sim_judge *j = calloc(1, sizeof *j);
    struct log log = {0};
    struct err err;
    double resident[2] = {0}, used[2] = {0}, begin = seconds();
    if (!w || !j || sim_world_open(w, s, false, "conf", conf, &log, &err))
        return 1;
    sim_judge_start(j, w);
    while ((double)j->seconds < s->length && !loop_turn(sim_world_loop(w), INT64_MAX))
        if (j->seconds == 3600 && resident[0] == 0)
            memory(&resident[0], &used[0]);
    memory(&resident[1], &used[1]);
    printf("{\"wall\": %.3f, \"rms\": %.6g, \"outside\": %llu", seconds() - begin, sim_judge_rms(j),
           (unsigned long long)j->outside);
    printf(", \"resident\": [%.0f, %.0f], \"used\": [%.0f, %.0f]}\n", resident[0], resident[1],
           used[0], used[1]);
    sim_judge_stop(j);
    sim_world_close(w);
    free(j);
    free(w);
    return 0;
}

static double steady(void *arg, int64_t second)
{
    (void)arg;
    (void)second;
    return -2e-6;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* refclock_edge() from the pulse to the order for the clock, with the loop and clock simulated. */
static int cost(void)
{
    enum { PULSES = 20000, WARM = 5000 };
    static const struct refclock_config config = {
        .refid = 1, .steplimit = 0.5, .holdover_limit = 1e-3};
    struct loop_virtual loop = {.truth = INT64_C(1790000000) * NS_PER_S};
    struct clock_virtual clock;
    struct snapshot_latch latch;
    struct log log = {0};
    struct rng rng = rng_seeded(1, 2);
    struct refclock *r = calloc(1, sizeof *r);
    double *took = calloc(PULSES, sizeof *took);
    if (!r || !took)
        return 1;
    clock_virtual_init(&clock, loop_virtual_truth, steady, &loop, 0.01);
    loop_virtual_init(&loop, &clock.clock, loop.truth);
    loop.loop.now = clock_now(&clock.clock);
    snapshot_latch_init(&latch);
    refclock_init(r, &config, &loop.loop, &log, &latch);
    refclock_add(r, &(struct receiver_config){.name = "bench", .pulses = true, .messages = true});
    refclock_start(r);
    for (int i = 0; i < PULSES; i++) {
        int64_t second = (loop.truth / NS_PER_S + 1) * NS_PER_S;
        while (loop.truth < second)
            loop_turn(&loop.loop, second);
        struct edge e = {.local = clock_local(&clock.clock, clock_now(&clock.clock)) +
                                  llrint(1e3 * rng_gauss(&rng))};
        double begin = seconds();
        refclock_edge(r, 0, &e);
        took[i] = seconds() - begin;
        while (loop.truth < second + NS_PER_S / 5)
            loop_turn(&loop.loop, second + NS_PER_S / 5);
        struct timelabel l = {.second = second / NS_PER_S,
                              .local = loop.loop.now,
                              .delay_min = NAN,
                              .delay_max = NAN,
                              .leap = LEAP_UNKNOWN};
        refclock_label(r, 0, &l);
    }
    double sum = 0;
    for (int i = WARM; i < PULSES; i++)
        sum += took[i];
    qsort(took + WARM, PULSES - WARM, sizeof *took, by_value);
    printf("{\"mean\": %.4g, \"median\": %.4g, \"p999\": %.4g, \"state\": \"%s\"}\n",
           sum / (PULSES - WARM), took[WARM + (PULSES - WARM) / 2],
           took[WARM + (PULSES - WARM) * 999 / 1000], refclock_state_name(r->state));
    refclock_stop(r);
    loop_close(&loop.loop);
    free(took);
    free(r);
    return 0;
}

int main(int argc, char **argv)
{
    struct scenario s;
    struct config_errors errors;
    if (argc == 2 && !strcmp(argv[1], "update"))
        return cost();
    if (argc < 3 || scenario_load(&s, argv[2], &errors)) {
        fputs("usage: reference SCENARIO FROM TO | day SCENARIO | update\n", stderr);
        return 1;
    }
    if (!strcmp(argv[1], "day"))
        return day(&s);
    for (int seed = argc > 3 ? atoi(argv[3]) : 1; seed <= (argc > 4 ? atoi(argv[4]) : 20); seed++) {
        struct scenario copy = s;
        run(&copy, (uint64_t)seed);
    }
    return 0;
}
