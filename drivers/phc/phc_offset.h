/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PHC_PHC_OFFSET_H
#define TIMEBALL_DRIVERS_PHC_PHC_OFFSET_H

#include <stddef.h>
#include <stdint.h>

/*
 * How a PTP hardware clock (PHC) stands to the system clock, from readings of the one between two
 * of the other. Pure.
 */

/* ns: CLOCK_REALTIME before, the PHC, CLOCK_REALTIME after; equal ones: taken at one moment. */
struct phc_reading {
    int64_t before, phc, after;
};

struct phc_offset {
    int64_t system; /* CLOCK_REALTIME, ns, ... */
    int64_t phc;    /* ... and the PHC at that moment, ns */
    double error;   /* s, +-: half of the reading's delay */
};

/* The reading with the shortest delay. 0; -1: none is sound (the clock was stepped back in it). */
int phc_offset_best(const struct phc_reading *readings, size_t count, struct phc_offset *out);

/*
 * CLOCK_REALTIME at the PHC's time `phc`, ns, near `at`. `before`: an offset of about a second
 * earlier, for the difference of their rates; NULL or one that cannot be: they run alike.
 */
int64_t phc_offset_carry(const struct phc_offset *at, const struct phc_offset *before, int64_t phc);

#endif
