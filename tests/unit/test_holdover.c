/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "refclock/holdover.h"
#include "refclock/rng.h"

#define SECOND INT64_C(1000000000)

static void locked(struct discipline *d, int pulses)
{
    struct rng rng = rng_seeded(1, 1);
    discipline_init(d, 0, 0);
    for (int i = 1; i <= pulses; i++) {
        struct sample s = {.local = i * SECOND, .truth = i * SECOND, .pulse = true};
        s.fraction = 1e-6 * rng_gauss(&rng);
        discipline_update(d, &s, false);
    }
}

/* Just before the time told the bound is inside, just after it is not. */
static void the_time_told_is_when_it_passes(void **state)
{
    (void)state;
    static struct discipline d;
    struct bound_parts parts = {.latency = 20e-6};
    static const double limits[] = {30e-6, 100e-6, 1e-3};
    double last = 0;
    locked(&d, 1000);
    int64_t now = 1000 * SECOND;
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        double in = holdover_passes(&d, &parts, now, limits[i]);
        struct estimate before, after;
        assert_true(in > last && isfinite(in));
        discipline_estimate(&d, now + llrint(in * 0.99e9), &before);
        discipline_estimate(&d, now + llrint(in * 1.01e9) + SECOND, &after);
        assert_true(bound_total(before.stat, &parts) <= limits[i]);
        assert_true(bound_total(after.stat, &parts) > limits[i]);
        last = in;
    }
}

static void passed_already_and_never(void **state)
{
    (void)state;
    static struct discipline d;
    struct bound_parts parts = {.latency = 20e-6};
    locked(&d, 1000);
    assert_true(holdover_passes(&d, &parts, 1000 * SECOND, 10e-6) == 0);
    assert_true(isinf(holdover_passes(&d, &parts, 1000 * SECOND, 1e12)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_time_told_is_when_it_passes),
        cmocka_unit_test(passed_already_and_never),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
