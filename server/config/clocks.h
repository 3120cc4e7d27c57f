/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_CONFIG_CLOCKS_H
#define TIMEBALL_SERVER_CONFIG_CLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/option.h"
#include "refclock/err.h"

/*
 * Reference clocks as ntpd writes them: `server 127.127.T.U`, whose `fudge` line, and NTPsec's
 * `refclock nmea unit 0`. Once all lines are known they become `refclock` lines:
 *
 *   20 nmea  refclock nmea /dev/gpsU, and with flag1 refclock pps /dev/gpsppsU
 *   22 pps   refclock pps /dev/ppsU
 *   28 shm   refclock shm U
 *   46 gpsd  refclock gpsd localhost device /dev/gpsU; unit 128 + U is the pulse of unit U
 *
 * ntpd adds time1 to the offset that it measured, reference less system clock: positive for a stamp
 * that is late. That is `latency`. time2 of 20 and 46 is how late the end of the message is, which
 * bounds `delay` from above; it is needed only where there are no pulses.
 */
#define CONFIG_CLOCK_LINES_MAX 16

struct config_clock_line {
    int64_t type, unit;
    bool server; /* there was such a line, and not only `fudge` */
    char thing[sizeof((struct err *)0)->thing];
    int line;
    uint64_t given; /* bit i: config_clocks_rows[i] */
    double time1, time2, bias;
    int64_t flag1, flag2, flag3, flag4;
    int64_t mode, subtype, minpoll, maxpoll, stratum, baud, version, holdover;
    bool prefer, noselect, trust, iburst, burst;
    char refid[OPTION_TEXT_SIZE], path[OPTION_TEXT_SIZE], ppspath[OPTION_TEXT_SIZE];
};

struct config;
struct config_line;
struct config_errors;

/* What may follow the address; offsets into struct config_clock_line. */
extern const struct option_row config_clocks_rows[];

/* Whether the line is such a clock's, and not `fudge`. */
bool config_clocks_mine(const struct config_line *line);

/* Reads such a line, or a `fudge` line: 0, or -1 with *err. */
int config_clocks_take(struct config *c, const struct config_line *line, struct err *err);

/* After the last line: makes refclocks of them. 0, or -1 with the errors added. */
int config_clocks_finish(struct config *c, struct config_errors *errors);

#endif
