/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_RECEIVER_NMEA_DRIVER_H
#define TIMEBALL_DRIVERS_RECEIVER_NMEA_DRIVER_H

#include "drivers/driver.h"

/* Why it is silent: how far its bytes get. Others may go by these. */
#define NMEA_WHY_NOTHING "nothing received for more than 5 s"
#define NMEA_WHY_NOISE \
    "bytes come, but no NMEA or UBX message with a right checksum for more than 5 s"
#define NMEA_WHY_NO_TIME "messages come, but none with a new time for more than 5 s"

/* With `baud auto`, before open(): listens at this rate first. */
void nmea_driver_try_first(struct driver *driver, int baud);

#endif
