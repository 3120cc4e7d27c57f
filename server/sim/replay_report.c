/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/replay_report.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>

#include "refclock/civil.h"
#include "server/ctl/text.h"

void sim_replay_print_check(FILE *out, int number, double at, double off, double promise)
{
    char error[48], bound[48], when[48];
    fprintf(out, "%-20s%12s: after 10 min without pulses %s off, promised %s: %s\n",
            number == 1 ? "holdover" : "", ctl_age(at, when, sizeof when),
            ctl_seconds(off, false, error, sizeof error),
            ctl_seconds(promise, false, bound, sizeof bound), off <= promise ? "held" : "BROKEN");
}

static void print_seconds(FILE *out, const char *label, double s)
{
    char text[48];
    fprintf(out, "%-20s%s\n", label, isnan(s) ? "-" : ctl_seconds(s, false, text, sizeof text));
}

static void print_sources(FILE *out, const struct status *s)
{
    for (int i = 0; i < s->source_count; i++)
        fprintf(out, "%-20s%s: %s\n", i ? "" : "sources", s->source[i].name, s->source[i].sentence);
}

void sim_replay_print(FILE *out, const struct sim_replay_report *r)
{
    char text[48];
    fprintf(out, "%-20s%s: %.0f pulses, %.0f messages, %.0f temperatures, %.0f packets%s\n",
            "recorded", ctl_age(r->span, text, sizeof text), r->pulses, r->messages,
            r->temperatures, r->packets, r->pieces > 0 ? ", the receivers' bytes" : "");
    fprintf(out, "%-20s%s: %s\n", "at the end", r->state, r->why);
    print_sources(out, r->status);
    if (r->used == 0)
        return;
    print_seconds(out, "innovation RMS", r->innovation);
    print_seconds(out, "pulse noise", r->noise_pulse);
    fprintf(out, "%-20s%.3g\n", "white FM, 1 s", r->noise_white_fm);
    fprintf(out, "%-20s%.3g\n", "random walk FM, 1 s", r->noise_walk_fm);
    fprintf(out, "%-20s%+.4f ppm\n", "frequency", r->freq * 1e6);
    bool late = !isnan(r->late_mean);
    fprintf(out, "%-20s%.3f %%%s%s, early %.3f %%\n", "late pulses", 100 * r->late,
            late ? " by " : "", late ? ctl_seconds(r->late_mean, false, text, sizeof text) : "",
            100 * r->early);
    print_seconds(out, "statistical bound", r->stat);
    if (r->checks)
        fprintf(out, "%-20s%d of %d held, at most %.0f %% of what was promised\n",
                "holdover promise", r->held, r->checks, 100 * r->worst);
    else
        fprintf(out, "%-20snot checked: that needs 20 minutes of pulses\n", "holdover promise");
}

static json_t *sources(const struct status *s)
{
    json_t *all = json_array();
    for (int i = 0; i < s->source_count; i++) {
        const struct status_source *of = &s->source[i];
        json_array_append_new(all, json_pack("{s:s*, s:s*, s:s, s:b}", "name", of->name, "receiver",
                                             of->receiver, "verdict", of->verdict, "used",
                                             (int)of->used));
    }
    return all;
}

void sim_replay_json(FILE *out, const struct sim_replay_report *r)
{
    const struct {
        const char *name;
        double value;
    } rows[] = {
        {"span", r->span},
        {"pulses", r->pulses},
        {"messages", r->messages},
        {"temperatures", r->temperatures},
        {"pieces", r->pieces},
        {"packets", r->packets},
        {"used", r->used},
        {"late_share", r->late},
        {"late_mean", r->late_mean},
        {"early_share", r->early},
        {"innovation_rms", r->innovation},
        {"noise_pulse", r->noise_pulse},
        {"noise_white_fm", r->noise_white_fm},
        {"noise_walk_fm", r->noise_walk_fm},
        {"frequency", r->freq},
        {"stat", r->stat},
        {"holdover_checks", r->checks},
        {"holdover_held", r->held},
        {"holdover_worst_share", r->worst},
    };
    char time[40];
    json_t *all = json_pack("{s:s}", "state", r->state);
    json_object_set_new(
        all, "time", r->time ? json_string(civil_iso(r->time, 9, time, sizeof time)) : json_null());
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        json_object_set_new(all, rows[i].name,
                            isfinite(rows[i].value) ? json_real(rows[i].value) : json_null());
    json_object_set_new(all, "sources", sources(r->status));
    json_dumpf(all, out, JSON_COMPACT | JSON_REAL_PRECISION(10));
    fputc('\n', out);
    json_decref(all);
}
