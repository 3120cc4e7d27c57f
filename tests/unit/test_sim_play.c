/* SPDX-License-Identifier: GPL-2.0-or-later */
/* timeball-sim's parts at work: runs and seeds, tables and plots, recording and replay. */
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "near.h"

#include "server/record/record.h"
#include "server/sim/play.h"
#include "server/sim/plot.h"
#include "server/sim/replay.h"

struct place {
    char folder[64], path[96];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    snprintf(p->folder, sizeof p->folder, "/tmp/test_sim_play_XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->path, sizeof p->path, "%s/a", p->folder);
    setenv("TMPDIR", p->folder, 1);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    unlink(p->path);
    int left = rmdir(p->folder); /* nothing else may be left there */
    free(p);
    return left;
}

static const struct log quiet = {.max = LOG_LEVEL_ERROR};

static struct sim_play scene(double length, const char *conf)
{
    struct sim_play p = {.log = &quiet};
    scenario_default(&p.scenario);
    p.scenario.length = length;
    p.scenario.settle = length / 2;
    snprintf(p.scenario.conf, sizeof p.scenario.conf, "%s", conf);
    return p;
}

static struct sim_result must_play(const struct sim_play *p)
{
    struct sim_result r;
    struct err err;
    if (sim_play(p, &r, &err))
        fail_msg("%s: %s", err.thing, err.why);
    return r;
}

static void seeds_at_once_are_seeds_alone(void **state)
{
    struct sim_play p = scene(900, "");
    struct sim_result many[5];
    struct err err;
    (void)state;
    assert_int_equal(sim_play_seeds(&p, 3, 5, many, &err), 0);
    for (int i = 0; i < 5; i++) {
        p.scenario.seed = 3 + i;
        struct sim_result one = must_play(&p);
        assert_int_equal(many[i].seed, 3 + i);
        assert_near(many[i].value[SIM_RMS], one.value[SIM_RMS], 0);
        assert_near(many[i].value[SIM_STAT], one.value[SIM_STAT], 0);
        assert_true(sim_result_clean(&one));
    }
    assert_true(many[0].value[SIM_RMS] != many[1].value[SIM_RMS]);
}

static void what_a_seed_cannot_do_is_said(void **state)
{
    struct sim_play p = scene(100, "nonsense 1\n");
    struct sim_result r[2];
    struct err err = {0};
    (void)state;
    assert_int_equal(sim_play_seeds(&p, 1, 2, r, &err), -1);
    assert_non_null(strstr(err.why, "nonsense"));
}

static void an_outage_has_its_figures(void **state)
{
    struct sim_play p = scene(9000, "");
    (void)state;
    p.scenario.receiver->no_pulse[0] = (struct sim_span){.from = 4000, .to = 7700};
    struct sim_result r = must_play(&p);
    double hour = fabs(r.value[SIM_HOLD_1H]), worst = r.value[SIM_HOLD_WORST];
    assert_true(hour > 0 && hour <= worst && worst < 5e-3);
    assert_true(isnan(r.value[SIM_HOLD_1D]));
    assert_true(r.value[SIM_RMS] < 1e-6); /* without the outage */
    assert_true(r.value[SIM_BACK_1US] < 900);
    p.scenario.receiver->no_pulse[0] = (struct sim_span){0};
    r = must_play(&p);
    assert_true(isnan(r.value[SIM_HOLD_1H]) && isnan(r.value[SIM_HOLD_WORST]) &&
                isnan(r.value[SIM_BACK_1US]));
}

/* The drift file is the run's own, and is gone with it: remove_place() looks. */
static void a_restart_is_warm(void **state)
{
    struct sim_play p = scene(5400, "");
    (void)state;
    p.scenario.restarts = 1;
    p.scenario.restart[0].at = 4800;
    p.scenario.restart[0].away = 20;
    struct sim_result r = must_play(&p);
    assert_true(sim_result_clean(&r));
    assert_true(r.value[SIM_WARM] > 0 && r.value[SIM_WARM] < 3e-6);
    assert_true(r.value[SIM_SERVED] < r.value[SIM_SECONDS] - 15);
}

static void doubled_and_missing_pulses_do_little(void **state)
{
    struct sim_play p = scene(3600, "");
    (void)state;
    double calm = must_play(&p).value[SIM_RMS];
    p.scenario.receiver->pulse.missing = 0.1;
    p.scenario.receiver->pulse.doubled = 0.05;
    struct sim_result r = must_play(&p);
    assert_true(sim_result_clean(&r));
    assert_true(r.value[SIM_RMS] < 2 * calm);
}

static json_t *as_json(const struct sim_result *r)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    sim_result_json(out, r);
    fclose(out);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    assert_int_equal(strcspn(text, "\n"), size - 1);
    free(text);
    return json;
}

static void figures_as_json(void **state)
{
    struct sim_play p = scene(900, "");
    (void)state;
    struct sim_result r = must_play(&p);
    json_t *json = as_json(&r);
    assert_int_equal(json_object_size(json), SIM_FIGURES + 1);
    assert_near(json_number_value(json_object_get(json, "rms")), r.value[SIM_RMS], 1e-15);
    assert_true(json_is_null(json_object_get(json, "hold_1h")));
    assert_int_equal(json_integer_value(json_object_get(json, "seed")), 1);
    json_decref(json);
}

static void table_has_a_row_a_second(void **state)
{
    struct place *p = *state;
    struct sim_play play = scene(300, "");
    struct sim_series series = {0};
    char line[256] = "";
    struct err err;
    play.series = &series;
    must_play(&play);
    assert_int_equal(sim_series_csv(&series, p->path, &err), 0);
    FILE *in = fopen(p->path, "r");
    int rows = -1, commas = 0;
    while (in && fgets(line, sizeof line, in)) {
        int here = 0;
        for (char *c = line; *c; c++)
            here += *c == ',';
        commas = rows < 0 ? here : commas;
        assert_int_equal(here, commas);
        rows++;
    }
    if (in)
        fclose(in);
    assert_true(rows == 299 || rows == 300);
    assert_non_null(strstr(line, ",locked,1"));
    assert_int_equal(sim_series_csv(&series, "/nowhere/at/all", &err), -1);
    sim_series_free(&series);
}

static void plot_program_is_safe(void **state)
{
    struct sim_play play = scene(300, "");
    struct sim_series series = {0};
    char *text = NULL;
    size_t size = 0;
    (void)state;
    play.series = &series;
    must_play(&play);
    FILE *out = open_memstream(&text, &size);
    sim_plot_script(out, &series, 100, "a\"; system('true') `x`\n.scn");
    fclose(out);
    assert_non_null(strstr(text, "a?; system(?true?) ?x??.scn"));
    assert_non_null(strstr(text, "$mtie << EOD"));
    assert_null(strstr(text, "system('"));
    free(text);
    sim_series_free(&series);
}

static void without_gnuplot_it_says_what_to_install(void **state)
{
    struct place *p = *state;
    struct sim_play play = scene(300, "");
    struct sim_series series = {0};
    struct err err;
    const char *set = getenv("PATH");
    char *path = strdup(set ? set : "/usr/bin:/bin");
    play.series = &series;
    must_play(&play);
    setenv("PATH", "/nonexistent", 1);
    assert_int_equal(sim_plot_svg(&series, 100, "x", p->path, &err), -1);
    setenv("PATH", path, 1);
    assert_non_null(strstr(err.todo, "gnuplot-nox"));
    assert_int_not_equal(access(p->path, F_OK), 0);
    free(path);
    sim_series_free(&series);
}

/* ---- replay ---- */

static json_t *replay(struct place *p)
{
    char *text = NULL;
    size_t size = 0;
    struct err err;
    FILE *out = open_memstream(&text, &size);
    int bad = sim_replay_file(p->path, true, &quiet, out, &err);
    fclose(out);
    if (bad)
        fail_msg("%s: %s", err.thing, err.why);
    json_t *json = json_loads(text, 0, NULL);
    assert_non_null(json);
    free(text);
    return json;
}

static double number(const json_t *json, const char *name)
{
    return json_number_value(json_object_get(json, name));
}

/* Steered or not, the recording shows the same oscillator. */
static void replay_finds_the_noise(void **state)
{
    struct place *p = *state;
    static const char *const clocks[] = {"system", "none"};
    for (int i = 0; i < 2; i++) {
        char conf[200];
        snprintf(conf, sizeof conf, "clock %s\nrecord %s\n", clocks[i], p->path);
        struct sim_play play = scene(4 * 3600, conf);
        play.scenario.oscillator.walk_fm = 1e-11;
        play.scenario.receiver->pulse.noise = 1e-7;
        play.scenario.receiver->pulse.late_share = 0.02;
        must_play(&play);
        json_t *json = replay(p);
        assert_string_equal(json_string_value(json_object_get(json, "state")), "locked");
        assert_near(number(json, "noise_pulse"), 1e-7, 0.05e-7);
        assert_near(number(json, "noise_white_fm"), 1e-9, 0.5e-9);
        assert_near(number(json, "late_share"), 0.02, 0.005);
        assert_near(number(json, "frequency"), 20e-6, 1e-9);
        assert_true(number(json, "holdover_checks") >= 3);
        assert_near(number(json, "holdover_held"), number(json, "holdover_checks"), 0);
        json_decref(json);
        unlink(p->path);
    }
}

static int replay_text(const char *text, struct err *err)
{
    char *shown = NULL, *copy = strdup(text);
    size_t size = 0;
    FILE *in = fmemopen(copy, strlen(copy), "r");
    FILE *out = open_memstream(&shown, &size);
    int bad = sim_replay(in, "test", false, &quiet, out, err);
    fclose(in);
    fclose(out);
    free(copy);
    free(shown);
    return bad;
}

static void bad_recordings_are_refused(void **state)
{
    struct err err;
    (void)state;
    assert_int_equal(replay_text("E 1 0\n", &err), -1);
    assert_int_equal(replay_text(RECORD_HEAD "\n", &err), -1);
    assert_int_equal(replay_text(RECORD_HEAD "\nE 1 0\nnonsense\n", &err), -1);
    assert_string_equal(err.thing, "test:3");
    assert_int_equal(replay_text(RECORD_HEAD "\nE 1 0\nE 4000000000000000 0\n", &err), -1);
    assert_int_equal(replay_text(RECORD_HEAD "\nE 9000000000 0\nE 1 0\n", &err), -1);
    assert_int_equal(replay_text(RECORD_HEAD "\nE 1 0\n", &err), 0);
    assert_int_equal(replay_text(RECORD_HEAD "\nE 1 0\nE 1000", &err), 0); /* cut off: killed */
    assert_int_equal(
        replay_text(RECORD_HEAD "\nT 1 25\nF 2 1e-5\nF 1 1e-5\nL 5 1 0 0 3 - -\n", &err), 0);
}

#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(seeds_at_once_are_seeds_alone),
        cmocka_unit_test(what_a_seed_cannot_do_is_said),
        cmocka_unit_test(an_outage_has_its_figures),
        IN_PLACE(a_restart_is_warm),
        cmocka_unit_test(doubled_and_missing_pulses_do_little),
        cmocka_unit_test(figures_as_json),
        IN_PLACE(table_has_a_row_a_second),
        cmocka_unit_test(plot_program_is_safe),
        IN_PLACE(without_gnuplot_it_says_what_to_install),
        IN_PLACE(replay_finds_the_noise),
        cmocka_unit_test(bad_recordings_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
