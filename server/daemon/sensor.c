/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "server/daemon/sensor.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "server/options.h"

#define MILLI_FROM 200.0
#define COLDEST    (-80.0)
#define HOTTEST    150.0

int sensor_open(struct sensor *s, const char *path, struct err *err)
{
    s->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (s->fd < 0)
        return err_errno(
            err, path,
            "`temperature none`, or a file such as /sys/class/thermal/thermal_zone0/temp",
            "opening the temperature sensor", errno);
    return 0;
}

double sensor_read(const struct sensor *s)
{
    char text[64];
    double value;
    ssize_t n = s->fd < 0 ? -1 : pread(s->fd, text, sizeof text - 1, 0);
    if (n <= 0)
        return NAN;
    text[n] = 0;
    text[strcspn(text, " \t\r\n")] = 0;
    if (number_double(text, &value))
        return NAN;
    if (fabs(value) >= MILLI_FROM)
        value /= 1000;
    return value >= COLDEST && value <= HOTTEST ? value : NAN;
}

void sensor_close(struct sensor *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
