/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim_replay_report.h"

#include <math.h>
#include <stdbool.h>

#include "server/ctl_text.h"

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

void sim_replay_print(FILE *out, const struct sim_replay_report *r)
{
    char text[48];
    fprintf(out, "%-20s%s: %.0f pulses, %.0f messages, %.0f temperatures\n", "recorded",
            ctl_age(r->span, text, sizeof text), r->pulses, r->messages, r->temperatures);
    fprintf(out, "%-20s%s: %s\n", "at the end", r->state, r->why);
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
    fprintf(out, "{\"state\": \"%s\"", r->state);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (isfinite(rows[i].value))
            fprintf(out, ", \"%s\": %.10g", rows[i].name, rows[i].value);
        else
            fprintf(out, ", \"%s\": null", rows[i].name);
    fputs("}\n", out);
}
