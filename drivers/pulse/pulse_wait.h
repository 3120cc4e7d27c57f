/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PULSE_PULSE_WAIT_H
#define TIMEBALL_DRIVERS_PULSE_PULSE_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "drivers/pulse/pulse.h"

/*
 * Pulses on a line that can only be waited for: a thread waits, reads the clock at once, and puts
 * the stamp where fetch() finds it. The only thread of the drivers. Of a line that changes more
 * often than 40 times a second not all is looked at: the thread rests for 0.5 s then, and the
 * line's own count of changes says how many passed by.
 */
#define PULSE_CHANGES_UNKNOWN UINT64_MAX

/* The line, called by the thread alone after the first look; close() when it has ended. */
struct pulse_source {
    /*
     * Waits for a change: 0, or an errno. EINTR when a signal came: the thread is to end then, or
     * waits again.
     */
    int (*wait)(void *arg);
    /* Its level now, and how often it has changed or PULSE_CHANGES_UNKNOWN. 0, or an errno. */
    int (*look)(void *arg, bool *up, uint64_t *changes);
    void (*close)(void *arg);
    void *arg;
    double error; /* s, of each stamp; see struct pulse_stamp */
};

/* Starts the thread. 0, or -1 with *err; the source is closed by pulse_close(), or at failure. */
int pulse_wait_open(const struct pulse_source *source, const struct pulse_want *want,
                    struct clock *clock, struct pulse **out, struct err *err);

#endif
