/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_SIM_UTC_H
#define TIMEBALL_DRIVERS_SIM_UTC_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/option.h"

/*
 * How the seconds of a simulated world are called. The world's truth is a scale without a step: it
 * is POSIX time before the leap second, and goes on counting in it. UTC is what it is called by.
 */
struct sim_utc {
    int64_t leap;     /* +1: 23:59:60 is inserted; -1: 23:59:59 is left out; 0: none */
    double leap_at;   /* s since the start, when that day's midnight would be without it */
    int64_t start;    /* POSIX s */
    int64_t midnight; /* POSIX s of 00:00:00 after the leap second */
};

/* Option rows of the first two, offsets into struct sim_utc. */
extern const struct option_row sim_utc_options[];

/* A second's name. */
struct sim_name {
    int64_t posix; /* of 23:59:60: the one that follows 23:59:59 */
    bool leap60;
};

/* Begins a run at the POSIX second `start`. */
void sim_utc_start(struct sim_utc *u, int64_t start);

/* True UTC name of a second of the world's scale. */
struct sim_name sim_utc_name(const struct sim_utc *u, int64_t second);

/* How many seconds UTC is behind the world's scale after that second began: 0, 1 or -1. During
 * 23:59:60 already 1: POSIX time repeats 23:59:59 then. */
int sim_utc_behind(const struct sim_utc *u, int64_t second);

#endif
