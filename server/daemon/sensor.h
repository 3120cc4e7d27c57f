/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DAEMON_SENSOR_H
#define TIMEBALL_SERVER_DAEMON_SENSOR_H

#include "refclock/err.h"

/*
 * A temperature sensor: any file with a number, such as a thermal zone, a hwmon input or a 1-wire
 * sensor. Degrees Celsius, or thousandths of them (numbers of 200 and more, as the kernel writes).
 */
struct sensor {
    int fd; /* -1: none */
};

/* 0, or -1 with *err. */
int sensor_open(struct sensor *s, const char *path, struct err *err);

/* Degrees Celsius; NAN when the file has no number from -80 to 150 in it now. */
double sensor_read(const struct sensor *s);

/* Closes it. */
void sensor_close(struct sensor *s);

#endif
