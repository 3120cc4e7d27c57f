/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_TESTS_NEAR_H
#define TIMEBALL_TESTS_NEAR_H

#include <math.h>

/* Of doubles; cmocka's own compares floats. cmocka.h comes before this header. */
static inline void near_or_fail(double a, double b, double tolerance, const char *file, int line)
{
    if (fabs(a - b) <= tolerance)
        return;
    print_error("%.17g is not within %g of %.17g\n", a, tolerance, b);
    _fail(file, line);
}
#define assert_near(a, b, tolerance) near_or_fail(a, b, tolerance, __FILE__, __LINE__)

#endif
