/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "server/daemon/sensor.h"

static double reads(const char *text)
{
    char path[] = "/tmp/sensor.XXXXXX";
    struct sensor s;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(sensor_open(&s, path, NULL), 0);
    double value = sensor_read(&s);
    sensor_close(&s);
    close(fd);
    unlink(path);
    return value;
}

static void numbers(void **state)
{
    (void)state;
    assert_true(reads("48312\n") == 48.312); /* a thermal zone */
    assert_true(reads("-12500\n") == -12.5);
    assert_true(reads("23.5") == 23.5);
    assert_true(reads("0\n") == 0);
}

static void what_is_no_temperature(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "\n", "warm\n", "nan", "1e300", "200000", "-90", "4x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_true(isnan(reads(bad[i])));
}

static void no_file(void **state)
{
    (void)state;
    struct sensor s;
    struct err err;
    assert_int_equal(sensor_open(&s, "/nonexistent/temp", &err), -1);
    assert_non_null(strstr(err.todo, "thermal_zone0"));
    assert_true(isnan(sensor_read(&s)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(what_is_no_temperature),
        cmocka_unit_test(no_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
