/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of a simulated world: air and sensor, oscillator, stamps, and the words for them. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "near.h"

#include "drivers/sim/climate.h"
#include "drivers/sim/oscillator.h"
#include "drivers/sim/pulse_model.h"
#include "server/config/line.h"
#include "server/sim/scenario.h"

#define MANY 20000

static void air_follows_its_curve(void **state)
{
    struct climate c = {.mean = 20, .sine = 5, .period = 100, .steps = 2};
    (void)state;
    c.step[0] = (struct climate_step){.at = 1000, .by = 3};
    c.step[1] = (struct climate_step){.at = 2000, .by = -10, .ramp = 50};
    assert_near(climate_at(&c, 0), 20, 1e-9);
    assert_near(climate_at(&c, 25), 25, 1e-9);
    assert_near(climate_at(&c, 999.999), 20, 1e-3);
    assert_near(climate_at(&c, 1000), 23, 1e-9);
    assert_near(climate_at(&c, 2025), 23 + 5 - 5, 1e-9);
    assert_near(climate_at(&c, 2100), 13, 1e-9);
}

static void sensor_lags_in_steps(void **state)
{
    struct climate c = {.mean = 20, .period = 1e8, .steps = 1, .step = {{.at = 100, .by = 10}}};
    struct sim_sensor s = {.present = 1, .step = 0.1, .lag = 30};
    (void)state;
    sim_sensor_start(&s, &c, 1);
    assert_near(sim_sensor_read(&s, &c, 99), 20, 1e-9);
    double read = sim_sensor_read(&s, &c, 130);
    assert_near(read, 30 - 10 * exp(-1), 0.25);
    assert_near(read, rint(read * 10) / 10, 1e-9);
    assert_near(sim_sensor_read(&s, &c, 1000), 30, 1e-9);
    s.noise = 0.5;
    double sum = 0;
    for (int i = 0; i < 1000; i++)
        sum += pow(sim_sensor_read(&s, &c, 1001 + i) - 30, 2);
    assert_near(sqrt(sum / 1000), 0.5, 0.05);
    s.present = 0;
    assert_true(isnan(sim_sensor_read(&s, &c, 3000)));
}

static void temperature_moves_the_oscillator(void **state)
{
    struct oscillator o = {.freq = 1e-6, .temp_coefficient = 2e-7, .temp_curve = 1e-9};
    (void)state;
    oscillator_start(&o, 1);
    assert_near(oscillator_next(&o, 0), 1e-6, 1e-15);
    o.kelvin = -5;
    assert_near(oscillator_next(&o, 1), 1e-6 - 1e-6 + 25e-9, 1e-15);
}

static void stamps_are_reproducible(void **state)
{
    struct sim_pulse_config plain = {.noise = 1e-6, .late_mean = 1e-3}, noisy = plain;
    struct sim_pulse_model a, b;
    (void)state;
    noisy.missing = 0.3;
    noisy.late_share = 0.2;
    noisy.doubled = 0.1;
    sim_pulse_model_start(&a, 7);
    sim_pulse_model_start(&b, 7);
    int same = 0;
    for (int i = 0; i < MANY; i++) {
        double by = sim_pulse_model_next(&a, &plain).by;
        same += sim_pulse_model_next(&b, &noisy).by == by;
    }
    assert_near(same, 0.8 * MANY, 0.02 * MANY); /* lateness is all that differs */
}

static void faults_have_their_shares(void **state)
{
    struct sim_pulse_config c = {
        .noise = 1e-7, .late_share = 0.1, .late_mean = 1e-3, .missing = 0.2, .extra = 0.05};
    struct sim_pulse_model m;
    int there = 0, late = 0, stray = 0, doubled = 0;
    double lateness = 0;
    (void)state;
    c.doubled = 0.3;
    c.doubled_by = 1e-4;
    sim_pulse_model_start(&m, 3);
    for (int i = 0; i < MANY; i++) {
        struct sim_stamp s = sim_pulse_model_next(&m, &c);
        there += s.there;
        stray += s.by > 0.02;
        doubled += !isnan(s.doubled);
        if (s.by > 1e-6 && s.by < 0.02) {
            late++;
            lateness += s.by;
        }
    }
    assert_near(there, 0.8 * MANY, 0.02 * MANY);
    assert_near(doubled, 0.3 * MANY, 0.02 * MANY);
    assert_near(stray, 0.05 * MANY, 0.01 * MANY);
    assert_near(late, 0.1 * MANY, 0.015 * MANY);
    assert_near(lateness / late, 1e-3, 1e-4);
}

/* It stays inside its peak, fills it, and goes in a saw's teeth: mostly small steps one way. */
static void sawtooth_beats(void **state)
{
    struct sim_pulse_config c = {.sawtooth = 20e-9};
    struct sim_pulse_model m;
    double square = 0, last = 0, most = 0;
    int jumps = 0;
    (void)state;
    sim_pulse_model_start(&m, 5);
    for (int i = 0; i < MANY; i++) {
        double by = sim_pulse_model_next(&m, &c).by;
        square += by * by;
        most = fmax(most, fabs(by));
        jumps += fabs(by - last) > 20e-9;
        last = by;
    }
    assert_true(most <= 20e-9);
    assert_near(sqrt(square / MANY), 20e-9 / sqrt(3), 1e-9);
    assert_true(jumps > MANY / 1000 && jumps < MANY / 2);
}

/* ---- the words ---- */

static int say(struct scenario *s, const char *text, struct err *err)
{
    struct config_line line = {.number = 0};
    assert_int_equal(config_line_cut(&line, "test.scn", 1, text, strlen(text), err), 0);
    return scenario_line(s, &line, err);
}

static void classes_and_what_overrides_them(void **state)
{
    struct scenario s;
    struct err err;
    (void)state;
    scenario_default(&s);
    assert_int_equal(say(&s, "walk_fm 5e-9", &err), 0);
    assert_int_equal(say(&s, "class tcxo", &err), 0);
    assert_near(s.oscillator.walk_fm, 1e-11, 1e-15);
    assert_int_equal(say(&s, "freq -3e-6", &err), 0);
    assert_near(s.oscillator.freq, -3e-6, 1e-12);
    assert_near(s.oscillator.white_fm, 1e-9, 1e-15);
    assert_int_equal(say(&s, "class ocxo", &err), 0);
    assert_true(s.oscillator.white_fm < 1e-10);
    assert_int_equal(say(&s, "class rubidium", &err), -1);
    assert_int_equal(say(&s, "class", &err), -1);
}

static void the_default_is_class_pi(void **state)
{
    struct scenario plain, pi;
    struct err err;
    (void)state;
    scenario_default(&plain);
    scenario_default(&pi);
    assert_int_equal(say(&pi, "class pi", &err), 0);
    assert_near(plain.oscillator.freq, pi.oscillator.freq, 0);
    assert_near(plain.oscillator.white_fm, pi.oscillator.white_fm, 0);
    assert_near(plain.oscillator.walk_fm, pi.oscillator.walk_fm, 0);
}

static void temperature_words(void **state)
{
    struct scenario s;
    struct err err;
    (void)state;
    scenario_default(&s);
    assert_int_equal(say(&s, "temp_step 100 5", &err), 0);
    assert_int_equal(say(&s, "temp_step 200 -5 60", &err), 0);
    assert_int_equal(s.climate.steps, 2);
    assert_near(climate_at(&s.climate, 230), s.climate.mean + 2.5, 1e-9);
    assert_int_equal(say(&s, "sensor 1", &err), 0);
    assert_int_equal(s.sensor.present, 1);
    assert_near(s.sensor.step, 0.1, 1e-12);
    assert_int_equal(say(&s, "temp_step 1", &err), -1);
    assert_int_equal(say(&s, "temp_step 1 2 -3", &err), -1);
    assert_int_equal(say(&s, "temp_step 1 1000", &err), -1);
    assert_int_equal(say(&s, "sensor 2", &err), -1);
    for (int i = 2; i < CLIMATE_STEPS; i++)
        assert_int_equal(say(&s, "temp_step 300 1", &err), 0);
    assert_int_equal(say(&s, "temp_step 300 1", &err), -1);
}

static void restart_words(void **state)
{
    struct scenario s;
    struct err err;
    (void)state;
    scenario_default(&s);
    assert_int_equal(say(&s, "restart 100", &err), 0);
    assert_int_equal(say(&s, "restart 200 60", &err), 0);
    assert_int_equal(s.restarts, 2);
    assert_near(s.restart[1].away, 60, 0);
    assert_int_equal(say(&s, "restart", &err), -1);
    assert_int_equal(say(&s, "restart 100 0", &err), -1);
    assert_int_equal(say(&s, "restart x", &err), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(air_follows_its_curve),
        cmocka_unit_test(sensor_lags_in_steps),
        cmocka_unit_test(temperature_moves_the_oscillator),
        cmocka_unit_test(stamps_are_reproducible),
        cmocka_unit_test(faults_have_their_shares),
        cmocka_unit_test(sawtooth_beats),
        cmocka_unit_test(classes_and_what_overrides_them),
        cmocka_unit_test(the_default_is_class_pi),
        cmocka_unit_test(temperature_words),
        cmocka_unit_test(restart_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
