/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Delays of simulated paths, whose truth is known. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "refclock/path.h"
#include "refclock/rng.h"

#define SECOND INT64_C(1000000000)

/* Mean square of offset error over said error, for exponential queues both ways. */
static double exponential_ratio(double base, double mean, int n)
{
    struct path p;
    struct rng rng;
    double sum = 0;
    int counted = 0;
    path_init(&p);
    rng = rng_seeded(7, 0);
    for (int i = 0; i < n; i++) {
        double out = base + rng_exponential(&rng, mean), back = base + rng_exponential(&rng, mean);
        double error = path_error(&p, out + back, i * 64 * SECOND, 1e-6);
        double offset = (out - back) / 2;
        path_judge(&p, out + back, offset, 0, error);
        if (i >= 64) {
            sum += offset * offset / (error * error);
            counted++;
        }
    }
    return sum / counted;
}

static void queues_are_weighed_by_their_excess(void **state)
{
    (void)state;
    double far = exponential_ratio(10e-3, 10e-3, 4000), near = exponential_ratio(1e-4, 1e-3, 4000);
    assert_true(far > 0.7 && far < 1.3);
    assert_true(near > 0.7 && near < 1.3);
}

/* Noise of the stamps is no queue: it is found from the innovations. */
static void what_the_excess_does_not_explain_is_measured(void **state)
{
    (void)state;
    struct path p;
    struct rng rng;
    double least_said = 1;
    path_init(&p);
    rng = rng_seeded(3, 0);
    for (int i = 0; i < 2000; i++) {
        double noise = 200e-6 * rng_gauss(&rng);
        double error = path_error(&p, 5e-3 + rng_exponential(&rng, 20e-6), i * 64 * SECOND, 1e-6);
        path_judge(&p, 5e-3, noise, 0, error);
        if (i > 500)
            least_said = fmin(least_said, error);
    }
    assert_true(least_said > 100e-6 && least_said < 300e-6);
}

static void a_lie_is_no_noise(void **state)
{
    (void)state;
    struct path p;
    path_init(&p);
    for (int i = 0; i < 100; i++) {
        double error = path_error(&p, 1e-3, i * SECOND, 1e-6);
        path_judge(&p, 1e-3, i == 50 ? 1.0 : 1e-6, 0, error);
    }
    assert_true(path_error(&p, 1e-3, 100 * SECOND, 1e-6) < 1e-4);
}

static void a_longer_route_is_learned_and_a_shorter_one_taken_at_once(void **state)
{
    (void)state;
    struct path p;
    struct rng rng;
    path_init(&p);
    rng = rng_seeded(5, 0);
    int64_t now = 0;
    for (int i = 0; i < 100; i++)
        (void)path_error(&p, 10e-3 + rng_exponential(&rng, 1e-4), now += 64 * SECOND, 1e-6);
    assert_true(path_error(&p, 40e-3, now += 64 * SECOND, 1e-6) > 5e-3);
    for (int i = 0; i < 40; i++)
        (void)path_error(&p, 40e-3 + rng_exponential(&rng, 1e-4), now += 64 * SECOND, 1e-6);
    assert_true(path_least(&p) > 39e-3);
    (void)path_error(&p, 8e-3, now + 64 * SECOND, 1e-6);
    assert_true(path_least(&p) < 9e-3);
}

static void an_old_least_delay_is_forgotten_after_a_day(void **state)
{
    (void)state;
    struct path p;
    path_init(&p);
    (void)path_error(&p, 1e-3, 0, 1e-6);
    for (int i = 1; i < 26; i++)
        (void)path_error(&p, 1.01e-3, i * 3600 * SECOND, 1e-6);
    assert_true(path_least(&p) > 1.005e-3);
    /* a machine that slept for years */
    (void)path_error(&p, 2e-3, INT64_C(9000000000) * SECOND, 1e-6);
    assert_true(path_least(&p) > 1.9e-3);
}

static void the_first_delays_say_little(void **state)
{
    (void)state;
    struct path p;
    path_init(&p);
    for (int i = 0; i < 5; i++)
        assert_true(path_error(&p, 20e-3, i * SECOND, 1e-6) > 5e-3);
    assert_true(path_error(&p, 0, 6 * SECOND, 1e-6) >= 1e-6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queues_are_weighed_by_their_excess),
        cmocka_unit_test(what_the_excess_does_not_explain_is_measured),
        cmocka_unit_test(a_lie_is_no_noise),
        cmocka_unit_test(a_longer_route_is_learned_and_a_shorter_one_taken_at_once),
        cmocka_unit_test(an_old_least_delay_is_forgotten_after_a_day),
        cmocka_unit_test(the_first_delays_say_little),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
