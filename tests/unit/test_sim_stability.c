/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "near.h"

#include "refclock/rng.h"
#include "server/sim/stability.h"

#define MANY 20000

/* NIST SP 1065, section 12.4: the nine-value NBS data set is frequency; its phase at tau = 1 has
 * this Allan deviation (overlapping is the same at m = 1), and at m = 2 the overlapping one. */
static void known_values(void **state)
{
    static const double freq[] = {892, 809, 823, 798, 671, 644, 883, 903, 677};
    double x[10] = {0};
    (void)state;
    for (int i = 0; i < 9; i++)
        x[i + 1] = x[i] + freq[i];
    assert_near(sim_stability_adev(x, 10, 1), 91.22945, 1e-5);
    assert_near(sim_stability_adev(x, 10, 2), 85.95287, 1e-5);
}

/* White phase noise of standard deviation s: sqrt(3) s / tau at every averaging time. */
static void white_phase_noise(void **state)
{
    double *x = test_malloc(MANY * sizeof *x);
    struct rng rng = rng_seeded(1, 1);
    (void)state;
    for (int i = 0; i < MANY; i++)
        x[i] = 1e-6 * rng_gauss(&rng);
    for (size_t m = 1; m <= 64; m *= 4) {
        double expected = sqrt(3) * 1e-6 / (double)m;
        assert_near(sim_stability_adev(x, MANY, m), expected, 0.05 * expected);
    }
    for (int i = 0; i < MANY; i += 7) /* values that are missing do not bias the rest */
        x[i] = NAN;
    assert_near(sim_stability_adev(x, MANY, 4), sqrt(3) * 1e-6 / 4, 0.03e-6);
    test_free(x);
}

static void too_few_values(void **state)
{
    const double x[] = {1, 2, 4}, gap[] = {1, NAN, 4};
    (void)state;
    assert_near(sim_stability_adev(x, 3, 1), sqrt(0.5), 1e-12);
    assert_true(isnan(sim_stability_adev(x, 3, 2)));
    assert_true(isnan(sim_stability_adev(x, 2, 1)));
    assert_true(isnan(sim_stability_adev(x, 0, 1)));
    assert_true(isnan(sim_stability_adev(x, 3, 0)));
    assert_true(isnan(sim_stability_adev(gap, 3, 1)));
}

/* The definition, word by word. */
static double slow_mtie(const double *x, size_t n, size_t span)
{
    double most = 0;
    for (size_t i = 0; i + span < n; i++)
        for (size_t a = i; a <= i + span; a++)
            for (size_t b = i; b <= i + span; b++)
                if (!isnan(x[a]) && !isnan(x[b]))
                    most = fmax(most, x[a] - x[b]);
    return most;
}

static void mtie_is_its_definition(void **state)
{
    double x[100], mtie[10];
    struct rng rng = rng_seeded(2, 1);
    (void)state;
    for (int i = 0; i < 100; i++)
        x[i] = i % 11 == 5 ? NAN : rng_gauss(&rng) + 0.1 * i;
    assert_int_equal(sim_stability_mtie(x, 100, mtie, 10), 0);
    for (size_t k = 0; k < 7; k++)
        assert_near(mtie[k], slow_mtie(x, 100, (size_t)1 << k), 1e-12);
    for (size_t k = 7; k < 10; k++)
        assert_true(isnan(mtie[k]));
}

static void mtie_of_nothing(void **state)
{
    double mtie[2];
    const double one = 1;
    (void)state;
    assert_int_equal(sim_stability_mtie(&one, 0, mtie, 2), 0);
    assert_true(isnan(mtie[0]) && isnan(mtie[1]));
    assert_int_equal(sim_stability_mtie(&one, 1, mtie, 2), 0);
    assert_true(isnan(mtie[0]) && isnan(mtie[1]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_values),    cmocka_unit_test(white_phase_noise),
        cmocka_unit_test(too_few_values),  cmocka_unit_test(mtie_is_its_definition),
        cmocka_unit_test(mtie_of_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
