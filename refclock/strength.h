/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_STRENGTH_H
#define TIMEBALL_REFCLOCK_STRENGTH_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Watches the satellites' C/N0 together. One satellite's goes up and down with the sky; all of them
 * by the same amount at once is a transmitter nearby, or the antenna. Pure.
 */
#define STRENGTH_SATELLITES 96
#define STRENGTH_LEAST      5   /* satellites that must be there before and after */
#define STRENGTH_STEP_DB    5.0 /* each of them by at least this, and the same way ... */
#define STRENGTH_WARM       30  /* ... against a mean of at least so many reports */

struct strength_satellite {
    int key; /* which one: any number but 0 */
    int cn0; /* dB-Hz; 0: not tracked */
};

struct strength {
    int count;
    struct {
        int key;
        double mean;   /* dB-Hz, slow */
        int reports;   /* that it rests on */
        uint32_t seen; /* the last report it was in */
    } satellite[STRENGTH_SATELLITES];
    uint32_t report;
    int compared; /* satellites that the last report could be held against; below STRENGTH_LEAST:
                     it was not watched */
};

/* Nothing seen. */
void strength_init(struct strength *s);

/*
 * Takes a report. Returns the mean step of all satellites in dB when all changed alike, else 0. A
 * step that stays is the new normal after a minute or two.
 */
double strength_take(struct strength *s, const struct strength_satellite *now, int count);

#endif
