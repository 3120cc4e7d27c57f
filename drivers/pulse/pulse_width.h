/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_PULSE_PULSE_WIDTH_H
#define TIMEBALL_DRIVERS_PULSE_PULSE_WIDTH_H

#include <stdint.h>

/* The width of a pulse from the newest stamps of both kinds of edges. Pure. */
struct pulse_edge {
    uint64_t sequence; /* 0: none yet */
    int64_t at;        /* reading, ns */
};

/* Begins with zeros. */
struct pulse_width {
    struct pulse_edge last; /* of the wanted kind */
    double width;           /* s */
};

/*
 * Takes what the line has now; as often as one likes. The width of the last whole pulse, from its
 * wanted edge on to the next opposite one, s; 0: not known, because an edge was missed, or the
 * other kind is not captured.
 */
double pulse_width_next(struct pulse_width *w, struct pulse_edge wanted,
                        struct pulse_edge opposite);

#endif
