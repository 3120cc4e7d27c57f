/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_SENTENCES_H
#define TIMEBALL_DRIVERS_SIM_SENTENCES_H

#include <stdbool.h>
#include <stdint.h>

#define SENTENCES_SIZE 640

/*
 * Writes what a common receiver sends in one epoch (NMEA 0183: RMC, GGA, GSA, two GSV, ZDA) for the
 * POSIX second, with or without a fix. Returns the number of bytes; the text is terminated.
 */
int sentences_write(char text[SENTENCES_SIZE], int64_t second, bool fix);

#endif
