/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TIMEBALL_DRIVERS_FIND_FIND_H
#define TIMEBALL_DRIVERS_FIND_FIND_H

#include <stdbool.h>
#include <stddef.h>

#include "drivers/find/profile.h"

/*
 * Where may a receiver be on this machine, may its port be listened to, and which pulse belongs to
 * it? Looks at files only (/dev, /sys, /proc, /etc/systemd), below a folder that stands for the
 * root: no device is opened.
 *
 * A receiver may be behind /dev/gps*, behind a USB port whose ids or names are a receiver's, and at
 * the UART of a Raspberry Pi's header. A console, a getty's port and one that another program holds
 * are named, with the reason why they are barred.
 */
#define FIND_MAX 16

enum find_kind { FIND_LINK, FIND_USB, FIND_HEADER };

enum find_bar {
    FIND_FREE,
    FIND_CONSOLE, /* the kernel writes to it */
    FIND_GETTY,   /* a login prompt is on it, or is enabled for it */
    FIND_GPSD,    /* gpsd holds it: it may be asked instead */
    FIND_HELD,    /* another program holds it */
};

/* A PPS device that may be a receiver's: not the kernel's timer, not a network card's clock. */
struct find_pulse {
    char device[32]; /* "/dev/pps0" */
    char name[64];   /* as its driver says: "pps@12.-1", "serial0" */
    char tty[64];    /* the serial port that it is a line of; "": a pin of its own */
    int gpio;        /* pin, where its name says it; -1 */
};

struct find_port {
    enum find_kind kind;
    char device[64];   /* "/dev/ttyACM0", without the root, links resolved */
    char link[64];     /* the name that led to it: "/dev/gps0", "/dev/serial0"; "": the device's */
    char what[112];    /* "u-blox GNSS receiver (USB 1546:01a9)" */
    enum find_bar bar; /* may it be listened to? */
    char holder[64];   /* who bars it: "gpsd", "serial-getty@ttyAMA0.service" */
    int pid;           /* of the holder; 0: not a process */
    int pulse;         /* index into find.pulse; -1: none belongs to it */
};

struct find {
    struct find_port port[FIND_MAX]; /* those with a pulse first, then by kind */
    size_t count;
    struct find_pulse pulse[FIND_MAX];
    size_t pulses;
    char model[96];                /* of the machine, by its device tree; "": it has none */
    bool raspberry;                /* it is a Raspberry Pi */
    char header[32];               /* the header's UART, "/dev/ttyAMA0"; "": unknown */
    char vendor[64], product[64];  /* of the HAT, by its EEPROM */
    const struct profile *profile; /* of the HAT; NULL: unknown */
};

/*
 * Fills *f. `root` is "" on a machine. `named`: a port that somebody named ("/dev/ttyUSB0"), which
 * is a candidate whatever it is; NULL: none.
 */
void find_scan(const char *root, const char *named, struct find *f);

/*
 * One sentence on a port: what it is, why it was taken or barred, which pulse goes with it and why.
 * `pulse` is the index of that pulse, -1: none. Returns buf.
 */
const char *find_sentence(const struct find *f, const struct find_port *p, int pulse, char *buf,
                          size_t size);

#endif
