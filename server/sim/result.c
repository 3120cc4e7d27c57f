/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "server/ctl/text.h"

#define ROW(name, label, unit, help)          \
    {                                         \
        name, label, unit, false, false, help \
    }

const struct sim_figure_row sim_figure_rows[SIM_FIGURES] = {
    [SIM_RMS] = ROW("rms", "offset RMS", SIM_UNIT_S,
                    "RMS error of the clock while pulses come, after `settle`"),
    [SIM_P999] = ROW("p999", "offset 99.9 %", SIM_UNIT_S,
                     "what that error stays below in 99.9 % of the seconds, to 1 %"),
    [SIM_MAX] = ROW("max", "offset maximum", SIM_UNIT_S, "the largest of them"),
    [SIM_FREQ] = ROW("frequency", "frequency RMS", SIM_UNIT_FREQ,
                     "RMS frequency error of the clock as it is steered, in the same seconds"),
    [SIM_LOCK] =
        ROW("lock", "time to lock", SIM_UNIT_WHOLE_S, "to the first answer that claims time"),
    [SIM_TO_10US] = ROW("to_10us", "time to 10 us", SIM_UNIT_WHOLE_S,
                        "until the error stays below 10 us for ten minutes"),
    [SIM_TO_1US] = ROW("to_1us", "time to 1 us", SIM_UNIT_WHOLE_S, "the same for 1 us"),
    [SIM_HOLD_1H] = {"hold_1h", "holdover 1 h", SIM_UNIT_S, false, true,
                     "error after an hour without pulses"},
    [SIM_HOLD_1D] = {"hold_24h", "holdover 24 h", SIM_UNIT_S, false, true,
                     "error after a day without pulses"},
    [SIM_HOLD_END] = {"hold_end", "holdover end", SIM_UNIT_S, false, true,
                      "error when the pulses came back last"},
    [SIM_HOLD_WORST] =
        ROW("hold_worst", "holdover worst", SIM_UNIT_S, "largest error while no pulses came"),
    [SIM_BACK_1US] = ROW("back_1us", "back to 1 us", SIM_UNIT_WHOLE_S,
                         "from the return of the pulses until the error stays below 1 us"),
    [SIM_WARM] = ROW("warm", "after a restart", SIM_UNIT_S,
                     "RMS error in the minute after the tenth pulse from a restart on"),
    [SIM_SECONDS] = ROW("seconds", "seconds", SIM_UNIT_COUNT, "length of the run"),
    [SIM_SERVED] = {"served", "served", SIM_UNIT_COUNT, true, false,
                    "seconds in which a client was told the time"},
    [SIM_SERVED_WORST] =
        ROW("served_worst", "served worst", SIM_UNIT_S, "largest error of what a client was told"),
    [SIM_OUTSIDE] = ROW("outside", "outside bound", SIM_UNIT_COUNT,
                        "seconds in which that error was beyond the served bound: a defect"),
    [SIM_UNSAID] = ROW("unsaid", "outside, unsaid", SIM_UNIT_COUNT,
                       "those of them in which the status did not say that the delay alone tells "
                       "the second, or that nothing verifies the edge"),
    [SIM_OUTSIDE_STAT] =
        ROW("outside_stat", "outside statistical", SIM_UNIT_COUNT,
            "the same for the statistical part, which knows of no constant latency"),
    [SIM_STAT] = ROW("stat", "statistical mean", SIM_UNIT_S,
                     "mean statistical part of the bound while pulses come"),
    [SIM_TOTAL] = ROW("total", "bound mean", SIM_UNIT_S, "mean bound while pulses come"),
    [SIM_STEPS] = ROW("steps", "steps", SIM_UNIT_COUNT, "how often the clock was stepped"),
    [SIM_JUMPS] = ROW("jumps", "served steps", SIM_UNIT_COUNT,
                      "answers whose error differs from that of the one before by more than the "
                      "bound that went with it"),
    [SIM_STRATUM] = ROW("stratum", "stratum at the end", SIM_UNIT_COUNT,
                        "of the last answer that claimed time"),
    [SIM_STRATUM_MOST] = ROW("stratum_most", "stratum, largest", SIM_UNIT_COUNT,
                             "the largest of all that claimed time"),
    [SIM_BACKWARDS] = ROW("backwards", "ran back", SIM_UNIT_COUNT,
                          "how often the served time ran back without a step: a defect"),
    [SIM_MALFORMED] = ROW("malformed", "bad answers", SIM_UNIT_COUNT,
                          "unsynchronised answers that are not leap 3 and stratum 0: a defect"),
    [SIM_LEAP_WRONG] = ROW("leap_wrong", "leap announced", SIM_UNIT_COUNT,
                           "answers that announced a leap second which was not due that day"),
    [SIM_LEAP_MISSING] = ROW("leap_missing", "leap not announced", SIM_UNIT_COUNT,
                             "answers of a leap second's day that did not announce it"),
    [SIM_LEAP_LOST] = ROW("leap_lost", "leap second lost", SIM_UNIT_COUNT,
                          "answers in the two minutes from a leap second on that claimed no time"),
    [SIM_LEAP_WORST] = ROW("leap_worst", "leap second worst", SIM_UNIT_S,
                           "largest error of what a client was told in the minutes around it"),
    [SIM_COMPUTED] = ROW("computed", "computed in", SIM_UNIT_CPU, "CPU seconds of the run"),
};

static double mean(double sum, uint64_t count)
{
    return count ? sum / (double)count : NAN;
}

static double when(int64_t since)
{
    return since < 0 ? INFINITY : (double)since;
}

static uint64_t steps_of(const struct sim_world *w)
{
    return w->daemon ? w->daemon->refclock.steps : 0;
}

void sim_result_take(struct sim_result *r, const struct sim_judge *j, double computed)
{
    bool leap = j->world->scenario.utc.leap != 0;
    *r = (struct sim_result){
        .seed = j->world->scenario.seed,
        .value =
            {
                [SIM_RMS] = sim_judge_rms(j),
                [SIM_P999] = sim_judge_quantile(j, 0.999),
                [SIM_MAX] = j->counted ? j->max : NAN,
                [SIM_FREQ] = sqrt(mean(j->freq_square, j->counted)),
                [SIM_LOCK] = when(j->locked),
                [SIM_TO_10US] = when(j->to_10us.since),
                [SIM_TO_1US] = when(j->to_1us.since),
                [SIM_HOLD_1H] = j->hold_1h,
                [SIM_HOLD_1D] = j->hold_1d,
                [SIM_HOLD_END] = j->hold_end,
                [SIM_HOLD_WORST] = j->hold_worst,
                [SIM_BACK_1US] = j->back < 0 ? NAN : when(j->back_1us.since) - (double)j->back,
                [SIM_WARM] = j->warm_count > 0 ? sqrt(j->warm_square / j->warm_count) : NAN,
                [SIM_SECONDS] = (double)j->seconds,
                [SIM_SERVED] = (double)j->served,
                [SIM_SERVED_WORST] = j->served ? j->served_max : NAN,
                [SIM_OUTSIDE] = (double)j->outside,
                [SIM_UNSAID] = (double)j->unsaid,
                [SIM_OUTSIDE_STAT] = (double)j->outside_stat,
                [SIM_STAT] = mean(j->stat_sum, j->bounds),
                [SIM_TOTAL] = mean(j->total_sum, j->bounds),
                [SIM_STEPS] = (double)(j->steps + steps_of(j->world)),
                [SIM_JUMPS] = (double)j->jumps,
                [SIM_STRATUM] = j->served ? (double)j->stratum : NAN,
                [SIM_STRATUM_MOST] = j->served ? (double)j->stratum_most : NAN,
                [SIM_BACKWARDS] = (double)j->backwards,
                [SIM_MALFORMED] = (double)j->malformed,
                [SIM_LEAP_WRONG] = (double)j->leap.wrong,
                [SIM_LEAP_MISSING] = leap ? (double)j->leap.missing : NAN,
                [SIM_LEAP_LOST] = leap ? (double)j->leap.lost : NAN,
                [SIM_LEAP_WORST] = leap ? j->leap.worst : NAN,
                [SIM_COMPUTED] = computed,
            },
    };
}

bool sim_result_clean(const struct sim_result *r)
{
    return r->value[SIM_OUTSIDE] == 0 && r->value[SIM_BACKWARDS] == 0 &&
           r->value[SIM_MALFORMED] == 0;
}

static const char *in_words(const struct sim_figure_row *row, double value, char *buf, size_t size)
{
    double size_of = fabs(value);
    if (isnan(value) || isinf(value))
        snprintf(buf, size, "%s", isnan(value) ? "-" : "never");
    else if (row->unit == SIM_UNIT_S)
        ctl_seconds(size_of, false, buf, size);
    else if (row->unit == SIM_UNIT_FREQ)
        snprintf(buf, size, "%.3g %s", size_of < 1e-6 ? value * 1e9 : value * 1e6,
                 size_of < 1e-6 ? "ppb" : "ppm");
    else if (row->unit == SIM_UNIT_COUNT)
        snprintf(buf, size, "%.0f", value);
    else
        snprintf(buf, size, row->unit == SIM_UNIT_CPU ? "%.2f s" : "%.0f s", value);
    return buf;
}

static void print_shares(FILE *out, const struct sim_result *r)
{
    double served = r->value[SIM_SERVED];
    fprintf(out, "%-20s%.0f of %.0f seconds\n", "served", served, r->value[SIM_SECONDS]);
    if (served > 0)
        fprintf(out, "%-20s%.4f %% of them (statistical part: %.4f %%)\n", "inside bound",
                100 * (1 - r->value[SIM_OUTSIDE] / served),
                100 * (1 - r->value[SIM_OUTSIDE_STAT] / served));
}

/* Figures that are 0 as they should be. */
static bool is_defect(int figure)
{
    return figure == SIM_BACKWARDS || figure == SIM_MALFORMED || figure == SIM_LEAP_WRONG;
}

/* Figures that need no line of their own: said in another, or 0 as they should be. */
static bool is_quiet(int figure, double value)
{
    switch (figure) {
    case SIM_SECONDS:
    case SIM_SERVED:
    case SIM_OUTSIDE:
    case SIM_UNSAID:
    case SIM_OUTSIDE_STAT:
        return true;
    default:
        return is_defect(figure) ? value == 0 : isnan(value);
    }
}

void sim_result_print(FILE *out, const struct sim_result *r)
{
    char text[48];
    for (int i = 0; i < SIM_FIGURES; i++) {
        const struct sim_figure_row *row = &sim_figure_rows[i];
        if (i == SIM_SERVED)
            print_shares(out, r);
        if (!is_quiet(i, r->value[i]))
            fprintf(out, "%-20s%s\n", row->label, in_words(row, r->value[i], text, sizeof text));
    }
    if (!sim_result_clean(r))
        fputs("DEFECT              this must not be: please report it, with the scenario\n", out);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The sizes of one figure over the runs, sorted; returns how many there are. */
static int sorted(double *to, int figure, const struct sim_result *r, int count)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        if (!isnan(r[i].value[figure]))
            to[n++] = fabs(r[i].value[figure]);
    qsort(to, (size_t)n, sizeof *to, by_value);
    return n;
}

void sim_result_print_all(FILE *out, const struct sim_result *r, int count)
{
    double *v = calloc((size_t)count, sizeof *v);
    bool clean = true;
    char middle[48], worst[48];
    fprintf(out, "%-20s%-16s%s\n", "", "median", "worst");
    for (int i = 0; v && i < SIM_FIGURES; i++) {
        const struct sim_figure_row *row = &sim_figure_rows[i];
        int n = sorted(v, i, r, count);
        if (n == 0 || (is_defect(i) && v[n - 1] == 0))
            continue;
        double median = n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
        in_words(row, median, middle, sizeof middle);
        in_words(row, v[row->less_is_worse ? 0 : n - 1], worst, sizeof worst);
        fprintf(out, "%-20s%-16s%s\n", row->label, middle, worst);
    }
    free(v);
    for (int i = 0; i < count; i++)
        if (!sim_result_clean(&r[i])) {
            fprintf(out, "%s%lld", clean ? "DEFECT              with seed " : ", ",
                    (long long)r[i].seed);
            clean = false;
        }
    if (!clean)
        fputs(": please report it, with the scenario\n", out);
}

void sim_result_json(FILE *out, const struct sim_result *r)
{
    fprintf(out, "{\"seed\": %lld", (long long)r->seed);
    for (int i = 0; i < SIM_FIGURES; i++)
        if (isfinite(r->value[i]))
            fprintf(out, ", \"%s\": %.10g", sim_figure_rows[i].name, r->value[i]);
        else
            fprintf(out, ", \"%s\": null", sim_figure_rows[i].name);
    fputs("}\n", out);
}
