/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_SERVER_DOCTOR_BOOT_H
#define TIMEBALL_SERVER_DOCTOR_BOOT_H

#include <stdbool.h>

/*
 * The boot files of a Raspberry Pi: config.txt and cmdline.txt, in /boot/firmware or, before Debian
 * 12, in /boot. What stands under a filter such as [pi4] counts only on that board; files that
 * config.txt includes are not followed.
 */
struct doctor_boot {
    char config[40], cmdline[40]; /* where they are; "": not there, or not to be read */
    bool pps;                     /* dtoverlay=pps-gpio applies to this board ... */
    int gpio;                     /* ... on this pin */
    bool capture_clear, falling;  /* ... with these parameters */
    char elsewhere[24];           /* it stands only under this filter, for another board; "" */
    bool uart;                    /* the header's UART is switched on */
    bool bluetooth_away;          /* disable-bt or miniuart-bt: the header has the better UART */
    char console[48];             /* the word of cmdline.txt that makes it a console; "" */
};

/* Reads both below the root. `model`: of the machine, by its device tree; "": unknown. */
void doctor_boot_read(const char *root, const char *model, struct doctor_boot *b);

/* The text of config.txt, and of cmdline.txt. Pure; the rest of *b stays. */
void doctor_boot_config(const char *text, const char *model, struct doctor_boot *b);
void doctor_boot_cmdline(const char *text, struct doctor_boot *b);

#endif
