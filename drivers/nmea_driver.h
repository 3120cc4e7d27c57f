/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_DRIVER_H
#define TIMEBALL_DRIVERS_NMEA_DRIVER_H

#include "drivers/driver.h"

/* With `baud auto`, before open(): listens at this rate first. */
void nmea_driver_try_first(struct driver *driver, int baud);

#endif
