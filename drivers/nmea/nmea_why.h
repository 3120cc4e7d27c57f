/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_NMEA_NMEA_WHY_H
#define TIMEBALL_DRIVERS_NMEA_NMEA_WHY_H

#include <stdint.h>

#include "drivers/nmea/nmea_epoch.h"
#include "refclock/err.h"

/* Why a receiver's time is not used, and what to do. */

/* Of an epoch that was not vouched for, at the port `path`. */
void nmea_why_not(enum nmea_verdict verdict, const char *path, struct err *err);

/* Of one whose date (`second`, POSIX s) is past already. */
void nmea_why_too_early(int64_t second, const char *path, struct err *err);

#endif
