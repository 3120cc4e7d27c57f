/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DOCTOR_LATE_H
#define TIMEBALL_SERVER_DOCTOR_LATE_H

#include <stdbool.h>

/*
 * What makes pulses and packets late on a machine, and what each costs where that can be measured.
 * It breaks nothing: an interrupt that comes late adds to the error and to the spread.
 */
struct doctor_late {
    enum {
        LATE_NONE,    /* it is off, or the machine has no such thing */
        LATE_COSTS,   /* it is on */
        LATE_UNKNOWN, /* it cannot be seen here */
    } state;
    double cost; /* s, at most or on average as `saw` says; NAN: not measurable here */
    char saw[300];
    char todo[300]; /* "": nothing */
};

/* What is known of the machine. */
struct doctor_machine {
    const char *root; /* "" on the machine */
    int pid;          /* of timeballd; 0: it does not run */
    int interfaces;   /* with Energy-Efficient Ethernet switched on; -1: none tells */
    char eee[64];     /* names of these */
};

#define DOCTOR_LATE_ROWS 5
struct doctor_late_row {
    const char *name, *what;
    struct doctor_late (*look)(const struct doctor_machine *);
};
extern const struct doctor_late_row doctor_late_rows[DOCTOR_LATE_ROWS];

/* Asks the drivers of the machine's network cards (SIOCETHTOOL, reading only). */
void doctor_eee_ask(struct doctor_machine *m);

#endif
