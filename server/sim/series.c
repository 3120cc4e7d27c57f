/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/series.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool make_room(struct sim_series *s)
{
    if (s->count < s->room)
        return true;
    size_t room = s->room ? s->room * 2 : 4096;
    struct sim_row *more = realloc(s->row, room * sizeof *more);
    if (!more) {
        s->failed = true;
        return false;
    }
    s->row = more;
    s->room = room;
    return true;
}

static double free_phase(const struct sim_series *s, const struct sim_world *w)
{
    const struct clock_virtual *c = &w->clock;
    return ((double)(c->raw_ns - s->raw - (c->at - w->start)) + c->raw_frac) * 1e-9;
}

static void take(void *arg, const struct sim_judge *j, double error)
{
    struct sim_series *s = arg;
    static const struct refclock none;
    const struct daemon *d = j->world->daemon;
    const struct refclock *r = d ? &d->refclock : &none;
    const struct receiver *led = refclock_leader(r);
    const struct source *pulses = led ? &led->pulses : &none.receiver[0].pulses;
    if (s->failed || !make_room(s))
        return;
    bool claims = !isnan(j->served_error);
    s->row[s->count++] = (struct sim_row){
        .free = free_phase(s, j->world),
        .error = (float)error,
        .served = (float)j->served_error,
        .stat = claims ? (float)j->served_stat : NAN,
        .total = claims ? (float)j->served_total : NAN,
        .freq = (float)sim_judge_freq(j),
        .innovation = pulses->used != s->used ? (float)pulses->offset : NAN,
        .pulse = (float)j->world->receiver->stamped,
        .state = (uint8_t)r->state,
        .stratum = claims ? j->handler.snapshot.stratum : 0,
    };
    s->used = pulses->used;
}

void sim_series_attach(struct sim_series *s, struct sim_judge *j)
{
    *s = (struct sim_series){.raw = clock_raw(&j->world->clock.clock)};
    j->each = take;
    j->arg = s;
}

void sim_series_free(struct sim_series *s)
{
    free(s->row);
    *s = (struct sim_series){0};
}

static void put(FILE *out, double value)
{
    if (isnan(value))
        fputc(',', out);
    else
        fprintf(out, ",%.9g", value);
}

int sim_series_csv(const struct sim_series *s, const char *path, struct err *err)
{
    FILE *out = fopen(path, "we");
    if (!out)
        return err_errno(err, path, "name a file that can be written", "creating", errno);
    fputs("t_s,clock_error_s,served_error_s,stat_s,total_s,frequency_error,innovation_s,"
          "pulse_error_s,state,stratum\n",
          out);
    for (size_t i = 0; i < s->count; i++) {
        const struct sim_row *r = &s->row[i];
        const double values[] = {r->error, r->served,     r->stat, r->total,
                                 r->freq,  r->innovation, r->pulse};
        fprintf(out, "%zu", i + 1);
        for (size_t k = 0; k < sizeof values / sizeof *values; k++)
            put(out, values[k]);
        fprintf(out, ",%s,", refclock_state_name((enum refclock_state)r->state));
        if (r->stratum)
            fprintf(out, "%d", r->stratum);
        fputc('\n', out);
    }
    int bad = ferror(out);
    if (fclose(out) || bad)
        return err_set(err, path, "is the disk full?", "cannot be written");
    return 0;
}
