/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_FIND_PROFILE_H
#define TIMEBALL_DRIVERS_FIND_PROFILE_H

#include <stddef.h>

/*
 * What is known of boards with a receiver that sit on the 40-pin header: so nobody has to look up a
 * pin or a speed. A profile only says what to try first and what is usual; what is there is
 * measured.
 */
struct profile {
    const char *word;             /* for the option `profile`; NULL ends the table */
    const char *name;             /* for people */
    const char *vendor, *product; /* parts of the texts in the board's EEPROM, lower case; NULL: it
                                     has none, or none that is known */
    const char *receiver;
    int gpio;     /* the pulse's pin, BCM number; -1: none on the header */
    int baud;     /* as delivered */
    double usual; /* s, from the pulse to the first byte of its messages, as this receiver is
                     delivered; 0: not known */
};
extern const struct profile profile_table[];

/* NULL when there is none of that word. */
const struct profile *profile_find(const char *word);

/* The board whose EEPROM says so (/proc/device-tree/hat); NULL: none that is known. */
const struct profile *profile_of_eeprom(const char *vendor, const char *product);

#endif
