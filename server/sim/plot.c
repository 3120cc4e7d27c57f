/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/sim/plot.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "refclock/refclock.h"
#include "server/sim/gnuplot.h"
#include "server/sim/stability.h"

#define BINS    900 /* points across a picture; a bin shows its largest and smallest value */
#define GAPS    64
#define OCTAVES 24
#define AGAIN_S 60 /* s after an outage that are not counted as locked */

/* What the axes need to know. */
struct look {
    size_t from, to; /* rows that are drawn in the linear panels */
    double time;     /* s of the unit of time */
    const char *time_name;
    double error, freq; /* 99 % of the |values| while locked are below */
    double unit;        /* s of the unit of the error */
    const char *unit_name;
};

static void choose_units(struct look *k, const struct sim_series *s)
{
    static const struct {
        double size;
        const char *name;
    } times[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "s"}},
      units[] = {{1, "s"}, {1e-3, "ms"}, {1e-6, "us"}, {1e-9, "ns"}};
    int t = 0, u = 0;
    while (t < 3 && (double)s->count < 3 * times[t].size)
        t++;
    while (u < 3 && k->error < 2 * units[u].size)
        u++;
    k->time = times[t].size;
    k->time_name = times[t].name;
    k->unit = units[u].size;
    k->unit_name = units[u].name;
}

/* Locked, and for a minute already. */
static bool is_locked(const struct sim_series *s, size_t i)
{
    return s->row[i].state == REFCLOCK_LOCKED &&
           s->row[i > AGAIN_S ? i - AGAIN_S : 0].state == REFCLOCK_LOCKED;
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* What 99 % of the values stay below: a few far ones must not make the rest a line. */
static double quantile(float *v, size_t n)
{
    qsort(v, n, sizeof *v, by_size);
    return n ? (double)v[(size_t)(0.99 * (double)(n - 1))] : 0;
}

static struct look look_at(const struct sim_series *s, double settle)
{
    struct look k = {.from = settle < 0.9 * (double)s->count ? (size_t)settle : 0, .to = s->count};
    float *error = malloc(s->count * sizeof *error), *freq = malloc(s->count * sizeof *freq);
    size_t n = 0;
    for (size_t i = k.from; error && freq && i < k.to; i++) {
        if (!is_locked(s, i))
            continue;
        error[n] = fabsf(s->row[i].error);
        freq[n++] = fabsf(s->row[i].freq);
    }
    k.error = n ? fmax(quantile(error, n), 1e-12) : 1;
    k.freq = n ? fmax(quantile(freq, n), 1e-15) : 1;
    free(error);
    free(freq);
    choose_units(&k, s);
    return k;
}

/* ---- data ---- */

struct bin {
    double low, high, freq_low, freq_high, served, stat, total;
};

static struct bin make_bin(const struct sim_row *row, size_t n)
{
    struct bin b = {NAN, NAN, NAN, NAN, NAN, NAN, NAN}; /* fmin and fmax pass over NAN */
    for (size_t i = 0; i < n; i++) {
        b.low = fmin(b.low, row[i].error);
        b.high = fmax(b.high, row[i].error);
        b.freq_low = fmin(b.freq_low, row[i].freq);
        b.freq_high = fmax(b.freq_high, row[i].freq);
        b.served = fmax(b.served, fabs((double)row[i].served));
        b.stat = fmax(b.stat, row[i].stat);
        b.total = fmax(b.total, row[i].total);
    }
    return b;
}

/* Columns: time, clock error low and high, frequency low and high (ppb), |served|, stat, total. */
static void write_run(FILE *out, const struct sim_series *s, const struct look *k)
{
    size_t width = s->count / BINS + 1;
    fputs("$run << EOD\n", out);
    for (size_t i = 0; i < s->count; i += width) {
        size_t n = i + width < s->count ? width : s->count - i;
        struct bin b = make_bin(s->row + i, n);
        fprintf(out, "%g %g %g %g %g %g %g %g\n", ((double)i + (double)n / 2) / k->time,
                b.low / k->unit, b.high / k->unit, b.freq_low * 1e9, b.freq_high * 1e9, b.served,
                b.stat, b.total);
    }
    fputs("EOD\n", out);
}

/* One column of the rows as an array, with gaps where the clock was not locked; the pulses' stamps
 * as the phase that they show. */
static double *phase_of(const struct sim_series *s, const struct look *k, int which)
{
    double *x = malloc((k->to - k->from + 1) * sizeof *x);
    for (size_t i = k->from; x && i < k->to; i++) {
        const struct sim_row *r = &s->row[i];
        double value = which == 0 ? (double)r->error : which == 1 ? r->free : (double)r->pulse;
        x[i - k->from] = is_locked(s, i) ? value : NAN;
    }
    return x;
}

static void write_stability(FILE *out, const struct sim_series *s, const struct look *k)
{
    size_t n = k->to - k->from;
    double mtie[OCTAVES];
    double *clock = phase_of(s, k, 0), *free_run = phase_of(s, k, 1), *pulse = phase_of(s, k, 2);
    fputs("$adev << EOD\n", out);
    for (size_t m = 1; clock && free_run && pulse && 4 * m <= n; m += m / 2 + 1)
        fprintf(out, "%zu %g %g %g\n", m, sim_stability_adev(clock, n, m),
                sim_stability_adev(free_run, n, m), sim_stability_adev(pulse, n, m));
    fputs("EOD\n$mtie << EOD\n", out);
    if (clock && !sim_stability_mtie(clock, n, mtie, OCTAVES))
        for (int i = 0; i < OCTAVES && !isnan(mtie[i]); i++)
            fprintf(out, "%g %g\n", ldexp(1, i), mtie[i]);
    fputs("EOD\n", out);
    free(clock);
    free(free_run);
    free(pulse);
}

/* ---- the picture ---- */

static void write_title(FILE *out, const char *title)
{
    fputs("set label 1 \"", out);
    for (; *title; title++)
        fputc(isalnum((unsigned char)*title) || strchr(" .,:;/+-_()%", *title) ? *title : '?', out);
    fputs("\" at screen 0.5, screen 0.982 center font ',15' noenhanced\n", out);
}

/* Grey behind the seconds in which the clock was not locked. */
static void write_gaps(FILE *out, const struct sim_series *s, const struct look *k)
{
    int gaps = 0;
    for (size_t i = 0; i < s->count && gaps < GAPS; i++) {
        size_t from = i;
        while (i < s->count && s->row[i].state != REFCLOCK_LOCKED)
            i++;
        if (i - from < s->count / BINS + 1)
            continue;
        fprintf(out,
                "set object %d rectangle from %g, graph 0 to %g, graph 1 behind fillcolor rgb "
                "'#e8e4dc' fillstyle solid noborder\n",
                ++gaps, (double)from / k->time, (double)i / k->time);
    }
    fprintf(out, "gaps = %d\n", gaps);
}

static const char head[] =
    "set terminal svg size 1100,1240 font 'DejaVu Sans,Liberation Sans,Arial,12' background "
    "'white'\n"
    "set encoding utf8\n"
    "blue = '#0072b2'; red = '#d55e00'; green = '#009e73'; grey = '#777777'\n"
    "set border linecolor rgb '#444444'\n"
    "set grid linecolor rgb '#dddddd' linetype 1\n"
    "set key opaque box linecolor rgb '#cccccc' width 1 height 0.3 samplen 2.5\n"
    "set tics nomirror\n"
    "set multiplot\n";

static const char bound_panel[] =
    "set lmargin at screen 0.09; set rmargin at screen 0.97\n"
    "set tmargin at screen 0.935; set bmargin at screen 0.69\n"
    "set title 'Error of the served time, and the bound that was promised with it' offset -27\n"
    "set logscale y; set format y '%.0s %cs'\n"
    "set key at graph 1, graph 1.12 right horizontal noopaque nobox width -2\n"
    "set xrange [0:length]; set xlabel time_name; set yrange [1e-9:*]\n"
    "set offsets 0, 0, graph 0.1, 0\n"
    "plot $run using 1:8 with lines linewidth 2 linecolor rgb red title 'bound', \\\n"
    "     $run using 1:7 with lines linewidth 1.5 linecolor rgb green title 'its statistical "
    "part', \\\n"
    "     $run using 1:6 with filledcurves y1=1e-9 fillcolor rgb blue fillstyle solid 0.7 title "
    "'error'\n"
    "unset logscale y; set format y '%g'; unset label 1; unset offsets\n";

static const char linear_panels[] =
    "set tmargin at screen 0.60; set bmargin at screen 0.375\n"
    "set lmargin at screen 0.09; set rmargin at screen 0.48\n"
    "set title 'Error of the clock (smallest to largest)' offset 0; set ylabel error_name\n"
    "set yrange [-error:error]; unset key; set xrange [from:length]\n"
    "plot $run using 1:2:3 with filledcurves fillcolor rgb blue fillstyle solid 0.55 border "
    "linecolor rgb blue, \\\n"
    "     0 with lines linecolor rgb grey\n"
    "set lmargin at screen 0.58; set rmargin at screen 0.97\n"
    "set title 'Frequency error of the clock as steered'; set ylabel 'ppb'\n"
    "set yrange [-freq:freq]\n"
    "plot $run using 1:4:5 with filledcurves fillcolor rgb green fillstyle solid 0.55 border "
    "linecolor rgb green, \\\n"
    "     0 with lines linecolor rgb grey\n"
    "do for [i = 1:gaps] { unset object i }\n";

static const char stability_panels[] =
    "set tmargin at screen 0.285; set bmargin at screen 0.055\n"
    "set lmargin at screen 0.09; set rmargin at screen 0.48\n"
    "set logscale xy; set xrange [1:seconds]; set yrange [*:*]; set xlabel 's'\n"
    "set format x '%.0f'; set format y '10^{%L}'; unset ylabel\n"
    "set title 'Overlapping Allan deviation while locked'; set key default opaque box linecolor "
    "rgb '#cccccc' top right\n"
    "plot $adev using 1:3 with linespoints pointtype 7 pointsize 0.35 linecolor rgb grey title "
    "'oscillator alone', \\\n"
    "     $adev using 1:4 with linespoints pointtype 7 pointsize 0.35 linecolor rgb red title "
    "'pulses alone', \\\n"
    "     $adev using 1:2 with linespoints pointtype 7 pointsize 0.5 linewidth 2 linecolor rgb "
    "blue title 'the clock'\n"
    "set lmargin at screen 0.58; set rmargin at screen 0.97\n"
    "set title 'Maximum time interval error (MTIE) while locked'; unset key\n"
    "set format y '%.0s %cs'\n"
    "plot $mtie using 1:2 with linespoints pointtype 7 pointsize 0.5 linewidth 2 linecolor rgb "
    "blue\n"
    "unset multiplot\n";

void sim_plot_script(FILE *out, const struct sim_series *s, double settle, const char *title)
{
    struct look k = look_at(s, settle);
    write_run(out, s, &k);
    write_stability(out, s, &k);
    fputs(head, out);
    write_title(out, title);
    fprintf(out,
            "length = %g; from = %g; seconds = %zu; error = %g; freq = %g\n"
            "time_name = '%s'; error_name = '%s'\n",
            (double)s->count / k.time, (double)k.from / k.time, k.to - k.from,
            2.1 * k.error / k.unit, 2.1e9 * k.freq, k.time_name, k.unit_name);
    write_gaps(out, s, &k);
    fputs(bound_panel, out);
    fputs(linear_panels, out);
    fputs(stability_panels, out);
}

int sim_plot_svg(const struct sim_series *s, double settle, const char *title, const char *path,
                 struct err *err)
{
    struct sim_gnuplot g;
    if (s->failed || s->count < 10)
        return err_set(err, path, "play a longer or a shorter scenario",
                       s->failed ? "too long to keep in memory" : "nothing to draw");
    if (sim_gnuplot_start(&g, path, err))
        return -1;
    sim_plot_script(g.in, s, settle, title);
    return sim_gnuplot_finish(&g, err);
}
