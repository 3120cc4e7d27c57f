/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_REFCLOCK_SOURCE_H
#define TIMEBALL_REFCLOCK_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What is known of one source: does it come, how noisy is it, which of its measurements are
 * outliers. Interrupts are late, never early, so late outliers are counted apart.
 */
enum source_verdict {
    SOURCE_USED,
    SOURCE_LATE,   /* the pulse was stamped later than its noise explains */
    SOURCE_EARLY,  /* ... earlier */
    SOURCE_REOPEN, /* so many outliers agree that the estimate is wrong, not they: use it, and widen
                      the estimate */
};

struct source {
    uint8_t reach;    /* RFC 5905: one bit a second (pulse or message), newest lowest */
    int64_t last;     /* local time of the last measurement used, ns; 0: none */
    double offset;    /* s, innovation of the last one */
    double jitter;    /* s, RMS innovation over the last 64 or so */
    int in_row;       /* outliers since the last one used */
    double row_least; /* s, least |innovation| of them with the row's sign; 0: they do not agree */
    uint64_t used, late, early, reopened;
    double late_mean; /* s, mean lateness of the late ones */
};

/* `count` measurements were used so far: the first few are taken as they come. sigma: of the
 * innovation expected, s. */
enum source_verdict source_judge(struct source *s, double innovation, double sigma, uint64_t count);

/* A second passed; `heard`: with a measurement. */
void source_second(struct source *s, bool heard);

#endif
